package audit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
)

// ID is the identifier of an entry, a UUIDv7.
type ID = ids.ID

// Log is the audit log of one tenant. It is safe for concurrent use. Use [New].
type Log struct {
	store  storage.Store
	opt    Options
	inside bool // seal inside the writing transaction

	mu     sync.Mutex
	ident  *identity // of the present incarnation, once known to be committed
	last   *head     // as this process left it, if its last sealing advanced it
	latest int64     // newest time written by this process or known as a mark
	due    dueCursors

	group group
	alias aliases
	trees trees
}

// identity is what a leaf has to name.
type identity struct {
	num    int64 // number of the incarnation
	origin string
	id     string // 32 hex digits, the last element of origin
}

// New returns the log of the tenant that store is of. It reads and writes nothing:
// the first entry opens the log, or [Log.Open] does. Options may be nil.
func New(store storage.Store, o *Options) (*Log, error) {
	l := &Log{store: store, inside: store.Traits().SealInside}
	if o != nil {
		l.opt = *o
	}
	if err := l.opt.fill(); err != nil {
		return nil, err
	}
	return l, nil
}

type actorKey struct{}

// WithActor returns a context whose entries name actor as the one who acts: the
// CRM's own key of a member of staff or of a program. It is personal data of that
// person and stands in the log as a token of domain "actor".
func WithActor(ctx context.Context, actor string) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

// Actor returns what [WithActor] put into ctx, or "".
func Actor(ctx context.Context) string {
	s, _ := ctx.Value(actorKey{}).(string)
	return s
}

func (l *Log) now() int64 { return storage.Micros(l.opt.Now()) }

// mac returns the first 16 bytes of an HMAC under Options.Secret.
func (l *Log) mac(label string, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, l.opt.Secret.Reveal())
	h.Write([]byte(label))
	h.Write([]byte{0})
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)[:16]
}

func (l *Log) allow(ctx context.Context, action, subject string, attrs ...slog.Attr) error {
	if l.opt.Guard == nil {
		return nil
	}
	if err := l.opt.Guard.Allow(ctx, action, subject, attrs...); err != nil {
		return fmt.Errorf("%s: %w: %w", action, gdpr.ErrDenied, err)
	}
	return nil
}

func (l *Log) outside(ctx context.Context) bool { return l.store.State(ctx) == storage.Outside }

// setIdent remembers the incarnation if what was read is surely committed.
func (l *Log) setIdent(ctx context.Context, id *identity) {
	keep := func() {
		l.mu.Lock()
		l.ident = id
		l.mu.Unlock()
	}
	if l.outside(ctx) {
		keep()
	} else {
		storage.AfterCommit(ctx, keep)
	}
}

func (l *Log) forgetIdent() {
	l.mu.Lock()
	l.ident = nil
	l.mu.Unlock()
}

func newIdentity(num int64, origin string) *identity {
	return &identity{num, origin, origin[strings.LastIndexByte(origin, '/')+1:]}
}

var selectIdent = &storage.Select{
	From: auditHead, Columns: []string{"log", "origin"}, Where: storage.By("slot"),
}

// known returns the present incarnation, or ErrNoLog.
func (l *Log) known(ctx context.Context) (*identity, error) {
	l.mu.Lock()
	id := l.ident
	l.mu.Unlock()
	if id != nil {
		return id, nil
	}
	var num int64
	var origin string
	err := l.store.Get(ctx, selectIdent, []any{0}, &num, &origin)
	if err == storage.ErrNotFound {
		return nil, ErrNoLog
	}
	if err != nil {
		return nil, err
	}
	id = newIdentity(num, origin)
	l.setIdent(ctx, id)
	return id, nil
}
