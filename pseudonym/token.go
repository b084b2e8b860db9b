package pseudonym

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"sync"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/frame"
	"github.com/gdprkit/gdprkit/storage"
)

const tokenLabel = "gdprkit/token/v1\x00"

// Token returns the pseudonym of a subject in a domain: 22 characters of base64url,
// always the same until the subject is shredded. Who lacks the key cannot compute
// it. Tokens of two domains, or of two tenants, cannot be linked to each other.
//
// For a shredded subject it returns another one, random and fixed from then on,
// that nothing links to the earlier one. A domain is 1 to 64 of a-z, 0-9, ".", "_"
// and "-".
func (v *Vault) Token(ctx context.Context, domain, subject string) (string, error) {
	if !validName(domain, 64) {
		return "", gdpr.Invalid("domain", "must be 1 to 64 of a-z, 0-9, \".\", \"_\" and \"-\"")
	}
	e, err := v.entry(ctx, subject, ID, true)
	if errors.Is(err, ErrShredded) {
		return v.alias(ctx, domain, subject, err)
	}
	if err != nil {
		return "", err
	}
	t := e.token(domain)
	if err := v.storeToken(ctx, e, domain, t); err != nil {
		return "", unavailable("store the token", err)
	}
	return t.text, nil
}

// KnownToken returns the token of a subject as Token does, or "" if the subject has
// no key and had none. It writes nothing.
func (v *Vault) KnownToken(ctx context.Context, domain, subject string) (string, error) {
	if !validName(domain, 64) {
		return "", gdpr.Invalid("domain", "must be 1 to 64 of a-z, 0-9, \".\", \"_\" and \"-\"")
	}
	e, err := v.entry(ctx, subject, ID, false)
	switch {
	case errors.Is(err, ErrShredded):
		return v.alias(ctx, domain, subject, err)
	case errors.Is(err, ErrNoKey):
		return "", nil
	case err != nil:
		return "", err
	}
	return e.token(domain).text, nil
}

// Subject returns the subject of a token, as long as the subject is not shredded.
// It returns ErrNoKey for any other token.
func (v *Vault) Subject(ctx context.Context, domain, token string) (string, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != 16 {
		return "", gdpr.Invalid("token", "must be 22 characters of base64url")
	}
	if err := v.allow(ctx, "pseudonym.subject", ""); err != nil {
		return "", err
	}
	if err := v.check(ctx); err != nil {
		return "", err
	}
	var subject string
	err = v.keys.Get(ctx, selToken, []any{domain, raw}, &subject)
	if errors.Is(err, storage.ErrNotFound) {
		return "", ErrNoKey
	}
	return subject, unavailableIf("read the token", err)
}

// shreddedAs is an ErrShredded that knows what takes the place of the key of tokens.
type shreddedAs struct{ key []byte }

func (s *shreddedAs) Error() string { return ErrShredded.Error() }

func (s *shreddedAs) Unwrap() error { return ErrShredded }

// nameKey is where the context of an entry about a shred holds its name.
type nameKey struct{ v *Vault }

// name is the key of the tokens of a subject whose shred is under way.
type name struct {
	subject string
	key     []byte
}

// recordShred records an entry about the shred of a subject. Key is that of the
// subject's token in it, so that the Auditor need not read what is being changed; nil
// if it has to.
func (v *Vault) recordShred(ctx context.Context, action, subject string, key []byte, attrs ...slog.Attr) error {
	if key != nil {
		ctx = context.WithValue(ctx, nameKey{v}, &name{subject, key})
	}
	return v.record(ctx, action, subject, attrs...)
}

// alias is the token of a shredded subject, for which err was returned.
func (v *Vault) alias(ctx context.Context, domain, subject string, err error) (string, error) {
	var as *shreddedAs
	if errors.As(err, &as) {
		return tokenOf(as.key, domain).text, nil
	}
	a, _, err := v.tombstone(ctx, subject, ID)
	if errors.Is(err, storage.ErrNotFound) {
		return v.interim(ctx, domain, subject)
	}
	if err != nil {
		return "", unavailable("read the tombstone", err)
	}
	return tokenOf(a[:], domain).text, nil
}

// interim stands in between the decision to shred and the tombstone. It is made
// from the subject's tag, so that the entries about the shred agree.
func (v *Vault) interim(ctx context.Context, domain, subject string) (string, error) {
	tag, err := v.tag(ctx, subject)
	if err != nil {
		return "", err
	}
	return tokenOf(tag[:], domain).text, nil
}

// tokens holds the tokens of one entry.
type tokens struct {
	mu   sync.Mutex
	list []*token
}

type token struct {
	domain string
	raw    [16]byte
	text   string
	stored bool  // its row is committed
	tried  int64 // when its row was written in a transaction not seen to end; 0: never
}

func tokenOf(key []byte, domain string) *token {
	m := hmac.New(sha256.New, key)
	m.Write(frame.Append([]byte(tokenLabel), domain))
	t := &token{domain: domain, raw: [16]byte(m.Sum(nil))}
	t.text = base64.RawURLEncoding.EncodeToString(t.raw[:])
	return t
}

const maxTokens = 64 // domains remembered for one subject

func (e *entry) token(domain string) *token {
	e.tokens.mu.Lock()
	defer e.tokens.mu.Unlock()
	for _, t := range e.tokens.list {
		if t.domain == domain {
			return t
		}
	}
	t := tokenOf(e.tok[:], domain)
	if len(e.tokens.list) < maxTokens {
		e.tokens.list = append(e.tokens.list, t)
	}
	return t
}

// storeToken writes the row that leads back to the subject, until it is known to
// be committed.
func (v *Vault) storeToken(ctx context.Context, e *entry, domain string, t *token) error {
	e.tokens.mu.Lock()
	stored, tried := t.stored, t.tried
	e.tokens.mu.Unlock()
	if stored {
		return nil
	}
	n, err := v.keys.Apply(ctx, insToken.With(domain, t.raw[:], e.subject, e.kid[:]))
	if err != nil {
		return err
	}
	state := v.keys.State(ctx)
	now := v.clock()
	e.tokens.mu.Lock()
	defer e.tokens.mu.Unlock()
	switch {
	case state == storage.Outside,
		n[0] == 0 && (tried == 0 || now-tried > longestTx) && v.settled(ctx, e.kid):
		t.stored = true
	case n[0] > 0:
		t.tried = now + 1
		if state == storage.Owned && !v.separate() {
			storage.AfterCommit(ctx, func() {
				e.tokens.mu.Lock()
				defer e.tokens.mu.Unlock()
				t.stored = true
			})
		}
	}
	return nil
}
