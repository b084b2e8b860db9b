package cluster

import (
	"context"
	"database/sql/driver"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/gdpr"

	"log/slog"
)

// acts are rows of the host with an entry of the log, in a transaction of the host's
// own and in one of the library's by turns.
type acts struct {
	who string

	mu   sync.Mutex
	acks map[string]bool // false: begun
}

func newActs(who string) *acts { return &acts{who: who, acks: map[string]bool{}} }

func (a *acts) name() string { return "audit" }

func (a *acts) acknowledged() (n int) {
	for _, ok := range a.acks {
		if ok {
			n++
		}
	}
	return n
}

func (a *acts) set(id string, done bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.acks[id] = done
}

func (a *acts) work(w *worker, n int) bool {
	id := fmt.Sprintf("%s-%d", a.who, n)
	a.set(id, false)
	event := audit.Event{Action: "act.done", Subject: fmt.Sprintf("%s-%d", a.who, n%50), Key: id, Attrs: []slog.Attr{gdpr.Clear("act", id)}}
	write := func(ctx context.Context, p *place) error {
		if err := p.exec(ctx, p.insertNew("host_act (id)", "(?)"), id); err != nil {
			return err
		}
		_, err := p.kit.Log.Append(ctx, event)
		return err
	}
	if w.until("audit", func(ctx context.Context, p *place) error {
		if n%2 == 0 {
			return p.db.InTx(ctx, func(ctx context.Context) error { return write(ctx, p) })
		}
		return p.hostTx(ctx, func(ctx context.Context) error { return write(ctx, p) })
	}) == nil {
		return false
	}
	a.set(id, true)
	return true
}

// hostTx runs f in a transaction of the host's own. One that failed goes with its
// connection, where it may be open still.
func (p *place) hostTx(ctx context.Context, f func(context.Context) error) error {
	conn, err := p.pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err = f(p.db.WithTx(ctx, tx)); err == nil {
		err = tx.Commit()
	}
	if err != nil {
		tx.Rollback()
		conn.Raw(func(any) error { return driver.ErrBadConn })
	}
	return err
}

// check: the row of each acknowledged act is there with one entry, and no row
// without an entry or the reverse.
func (a *acts) check(t *testing.T, p *place, log entries) {
	for id, done := range a.acks {
		n := p.count(t, "SELECT count(*) FROM host_act WHERE id = ?", id)
		if done {
			require.Equal(t, 1, n, "lost: %s", id)
		}
		require.Equal(t, n, log["act.done "+id], "entries of %s", id)
	}
}
