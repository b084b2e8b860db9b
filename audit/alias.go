package audit

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

var (
	// Two transactions that meet a subject for the first time may each give it an
	// alias; the key holds both, so that neither waits for the other.
	selectAlias = &storage.Select{
		From: schema.AuditAlias, Columns: []string{"token"}, Where: storage.By("domain", "subject"), Order: []string{"token"},
	}
	insertAlias = &storage.Write{Verb: storage.Insert, Table: schema.AuditAlias, Set: []string{"domain", "subject", "token"}}
	deleteAlias = &storage.Write{Verb: storage.Delete, Table: schema.AuditAlias, Where: storage.By("domain", "subject")}
)

// aliasAge is how long another process may use an alias that Forget deleted.
const aliasAge = time.Minute

// aliases caches committed aliases.
type aliases struct {
	mu sync.Mutex
	m  map[[2]string]aliasEntry
}

type aliasEntry struct {
	token string
	until time.Time
}

func (a *aliases) get(domain, subject string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e, ok := a.m[[2]string{domain, subject}]; ok && time.Now().Before(e.until) {
		return e.token
	}
	return ""
}

func (a *aliases) put(domain, subject, token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.m == nil || len(a.m) >= 1<<14 {
		a.m = make(map[[2]string]aliasEntry)
	}
	a.m[[2]string{domain, subject}] = aliasEntry{token, time.Now().Add(aliasAge)}
}

func (a *aliases) forget(domain, subject string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.m, [2]string{domain, subject})
}

// newcomers are aliases given inside a transaction, which are written together with
// the entries that use them.
type newcomers struct {
	of       map[[2]string]string // by domain and name
	together bool                 // also outside of one
}

func (n *newcomers) give(domain, name string) string {
	if n.of == nil {
		n.of = make(map[[2]string]string)
	}
	t := randomToken()
	n.of[[2]string{domain, name}] = t
	return t
}

func (n *newcomers) ops() (ops []storage.Op) {
	if n == nil {
		return nil
	}
	for of, t := range n.of {
		ops = append(ops, insertAlias.With(of[0], of[1], t))
	}
	return ops
}

// keepAliases caches the newcomers once the transaction is committed.
func (l *Log) keepAliases(ctx context.Context, n *newcomers) {
	if n == nil || len(n.of) == 0 {
		return
	}
	storage.AfterCommit(ctx, func() { l.cacheAliases(n) })
}

func (l *Log) cacheAliases(n *newcomers) {
	for of, t := range n.of {
		l.alias.put(of[0], of[1], t)
	}
}

// token returns the name of a subject or actor in the log. Inside a transaction a
// name without one gets it among fresh.
func (l *Log) token(ctx context.Context, domain, subject string, fresh *newcomers) (string, error) {
	if l.opt.Tokeniser != nil {
		t, err := l.opt.Tokeniser.Token(ctx, domain, subject)
		return t, checkToken(t, err)
	}
	if t := l.alias.get(domain, subject); t != "" {
		return t, nil
	}
	outside := l.outside(ctx)
	if outside && !fresh.together {
		m, err := l.newAliases(ctx, domain, []string{subject})
		return m[subject], err
	}
	if t := fresh.of[[2]string{domain, subject}]; t != "" {
		return t, nil
	}
	var t string
	err := l.store.Get(ctx, selectAlias, []any{domain, subject}, &t)
	if errors.Is(err, storage.ErrNotFound) {
		return fresh.give(domain, subject), nil
	}
	if err == nil && outside {
		l.alias.put(domain, subject, t)
	} else if err == nil {
		storage.AfterCommit(ctx, func() { l.alias.put(domain, subject, t) })
	}
	return t, err
}

// newAliases returns the aliases of names that are not cached, and gives one to each
// that has none, in one step outside of any transaction.
func (l *Log) newAliases(ctx context.Context, domain string, names []string) (map[string]string, error) {
	m := make(map[string]string, len(names))
	var ops []storage.Op
	for _, name := range names {
		var t string
		err := l.store.Get(ctx, selectAlias, []any{domain, name}, &t)
		if errors.Is(err, storage.ErrNotFound) {
			t = randomToken()
			ops = append(ops, insertAlias.With(domain, name, t))
		} else if err != nil {
			return nil, err
		}
		m[name] = t
	}
	if len(ops) > 0 {
		if _, err := l.store.Apply(ctx, ops...); err != nil {
			return nil, err
		}
	}
	for name, t := range m {
		l.alias.put(domain, name, t)
	}
	return m, nil
}

// meet gives the subjects of a batch their aliases at once, so that each of them
// does not cost a commit. Inside a transaction they are found one by one.
func (l *Log) meet(ctx context.Context, batch []*collector) error {
	if l.opt.Tokeniser != nil || len(batch) < 2 || !l.outside(ctx) {
		return nil
	}
	var names []string
	seen := map[string]bool{}
	for _, c := range batch {
		for _, s := range c.subjects {
			if !seen[s] && l.alias.get("audit", s) == "" {
				seen[s] = true
				names = append(names, s)
			}
		}
	}
	_, err := l.newAliases(ctx, "audit", names)
	return err
}

// tokens returns every name that a subject has in the log; with aliases there may
// be several or none.
func (l *Log) tokens(ctx context.Context, domain, subject string) ([]string, error) {
	if l.opt.Tokeniser != nil {
		ask := l.opt.Tokeniser.Token
		if k, ok := l.opt.Tokeniser.(knower); ok {
			ask = k.KnownToken
		}
		t, err := ask(ctx, domain, subject)
		if err == nil && t == "" {
			return nil, nil
		}
		return []string{t}, checkToken(t, err)
	}
	var all []string
	for row, err := range l.store.Scan(ctx, selectAlias, []any{domain, subject}) {
		var t string
		if err == nil {
			err = row.Scan(&t)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// A knower is a Tokeniser that can be asked without making a token.
type knower interface {
	KnownToken(ctx context.Context, domain, subject string) (string, error)
}

func checkToken(t string, err error) error {
	if err == nil && !isToken([]byte(t)) {
		err = gdpr.Invalid("Options.Tokeniser", "must return 22 base64url characters")
	}
	return err
}

func randomToken() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return b64.EncodeToString(b[:])
}
