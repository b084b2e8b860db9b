package sqltest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/audittest"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

func TestAudit(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		open := func(t *testing.T) storage.Directory { return e.Open(t) }
		if e.Name == "postgres-pq" && !audittest.Long() { // what is stored is the same as with pgx
			audittest.Features(t, open)
			return
		}
		audittest.Run(t, open)
	})
}

// TestAuditHost appends inside transactions of the host.
func TestAuditHost(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		db := e.Open(t)
		log, err := audit.New(db.Tenant("acme"), nil)
		require.NoError(t, err)
		rolled, _, rollback := hostTx(t, db)
		require.NoError(t, log.Record(rolled, "never", "c-1")) // the first of all: it opens the log
		require.NoError(t, rollback())
		done, commit, _ := hostTx(t, db)
		require.NoError(t, log.Record(done, "one", "c-1"))
		require.NoError(t, log.Record(done, "two", "c-1"))
		require.NoError(t, commit())
		require.ErrorIs(t, log.Record(done, "late", ""), storage.ErrTxDone)
		_, err = log.Sealed(t.Context())
		require.NoError(t, err)
		var got []string
		for x, err := range log.Entries(t.Context(), audit.Filter{First: 1}) {
			require.NoError(t, err)
			got = append(got, x.Action)
		}
		require.Equal(t, []string{"one", "two"}, got)
		_, err = log.Verify(t.Context())
		require.NoError(t, err)
	})
}

// TestAuditOpenTransactions: an append inside an open transaction of the host does
// not make another one wait, nor an append outside of any.
func TestAuditOpenTransactions(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		if e.Dialect == sqlstore.SQLite {
			t.Skip("SQLite has one writer at a time")
		}
		db := e.Open(t)
		log, err := audit.New(db.Tenant("acme"), nil)
		require.NoError(t, err)
		require.NoError(t, log.Open(t.Context()))
		first, commitFirst, _ := hostTx(t, db)
		second, commitSecond, _ := hostTx(t, db)
		finished := make(chan error, 1)
		go func() {
			ctx1, ctx2 := audit.WithActor(first, "emp-1"), audit.WithActor(second, "emp-1")
			for i := range 5 {
				if err := log.Record(ctx1, "first", "c-1", slog.Int("i", i)); err != nil {
					finished <- err
					return
				}
				if err := log.Record(ctx2, "second", "c-1", slog.Int("i", i)); err != nil {
					finished <- err
					return
				}
			}
			finished <- log.Record(t.Context(), "outside", "c-1")
		}()
		select {
		case err := <-finished:
			require.NoError(t, err)
		case <-time.After(10 * time.Second):
			t.Fatal("one waits for the other")
		}
		require.NoError(t, commitSecond()) // B commits before A
		n, err := log.Sealed(t.Context())
		require.NoError(t, err)
		require.Equal(t, uint64(7), n)
		require.NoError(t, commitFirst())
		n, err = log.Sealed(t.Context())
		require.NoError(t, err)
		require.Equal(t, uint64(12), n)
		_, err = log.Verify(t.Context())
		require.NoError(t, err)
	})
}

// TestAuditOneConnection: with a pool of one nothing hangs.
func TestAuditOneConnection(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		pool := e.SQL(t, e.DSN(t))
		pool.SetMaxOpenConns(1)
		db := e.DB(t, pool, nil)
		log, err := audit.New(db.Tenant("acme"), &audit.Options{Signer: audittest.Key("a")})
		require.NoError(t, err)
		host, commit, _ := hostTx(t, db)
		require.NoError(t, log.Record(audit.WithActor(host, "emp-1"), "host", "c-1"))
		require.NoError(t, commit())
		require.NoError(t, db.InTx(ctx, func(ctx context.Context) error { return log.Record(ctx, "own", "c-1") }))
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { require.NoError(t, log.Record(ctx, "outside", "c-1")) })
		}
		wg.Wait()
		_, err = log.Append(ctx, make300()...)
		require.NoError(t, err)
		_, err = log.Checkpoint(ctx)
		require.NoError(t, err)
		require.NoError(t, log.Redact(ctx, 4, "test"))
		r, err := log.Verify(ctx)
		require.NoError(t, err)
		require.Equal(t, uint64(1+1+1+8+300+1+1), r.Size)
		for x, err := range log.Entries(ctx, audit.Filter{Subject: "c-1"}) {
			require.NoError(t, err)
			require.NoError(t, log.Record(ctx, "read", "", slog.Uint64("index", x.Index))) // a write in the loop's body
		}
	})
}

func make300() []audit.Event {
	events := make([]audit.Event, 300)
	for i := range events {
		events[i] = audit.Event{Action: "batch", Subject: fmt.Sprint("c-", i%7)}
	}
	return events
}

// TestAuditBusy: 64 goroutines on one database meet no error.
func TestAuditBusy(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		db := e.Open(t)
		log, err := audit.New(db.Tenant("acme"), nil)
		require.NoError(t, err)
		var wg sync.WaitGroup
		for w := range 64 {
			wg.Go(func() {
				for i := range 5 {
					require.NoError(t, log.Record(t.Context(), "busy", "", slog.Int("w", w), slog.Int("i", i)))
				}
			})
		}
		wg.Wait()
		r, err := log.Verify(t.Context())
		require.NoError(t, err)
		require.Equal(t, uint64(1+64*5), r.Size)
	})
}

const auditWriters = 8 // in each of two processes

// A child appends until it is killed, and says what was acknowledged: inside
// transactions of the host, inside InTx, and outside.
var _ = sqltest.Child("audit-writer", func(c *sqltest.ChildProcess) error {
	log, err := audit.New(c.DB.Tenant("acme"), nil)
	if err != nil {
		return err
	}
	errs := make(chan error, auditWriters)
	for w := range auditWriters {
		go func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("%s-%d-%d", c.Args[0], w, i)
				if err := appendOne(c, log, name, (w+i)%3); err != nil {
					errs <- err
					return
				}
				c.Say("%s", name)
			}
		}()
	}
	return <-errs
})

func appendOne(c *sqltest.ChildProcess, log *audit.Log, name string, how int) error {
	e := audit.Event{Action: "written", Subject: "c-1", Actor: "emp-1", Key: name}
	e.Attrs = []slog.Attr{gdpr.Clear("name", name)}
	switch how {
	case 0:
		e.Key = ""
		_, err := log.Append(c, e)
		return err
	case 1:
		return c.DB.InTx(c, func(ctx context.Context) error {
			_, err := log.Append(ctx, e)
			return err
		})
	}
	for {
		tx, err := c.Pool.BeginTx(c, nil)
		if err != nil {
			return err
		}
		if _, err = log.Append(c.DB.WithTx(c, tx), e); err == nil {
			return tx.Commit()
		}
		conflict := errors.Is(err, storage.ErrTxFailed) || c.Engine.Dialect == sqlstore.MySQL
		if rerr := tx.Rollback(); rerr != nil || !conflict {
			return err
		}
	}
}

// TestAuditKill: writers in two processes, killed at random. The sequence is dense,
// nothing forks, and each acknowledged entry is there once.
func TestAuditKill(t *testing.T) {
	rounds := 3
	if audittest.Long() {
		rounds = 24
	}
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		if e.Name == "postgres-pq" && !audittest.Long() {
			t.Skip("the same engine as with pgx; GDPRKIT_LONG=1 runs it too")
		}
		dsn := e.DSN(t)
		db := e.DB(t, e.SQL(t, dsn), nil)
		log, err := audit.New(db.Tenant("acme"), nil)
		require.NoError(t, err)
		acknowledged := map[string]bool{}
		for round := range rounds {
			var wg sync.WaitGroup
			var mu sync.Mutex
			for p := range 2 {
				child := e.Spawn(t, "audit-writer", dsn, strconv.Itoa(round)+"."+strconv.Itoa(p))
				wg.Go(func() {
					limit := time.After(time.Duration(150+rand.IntN(250)) * time.Millisecond)
					select {
					case line, ok := <-child.Lines: // it is at work
						if ok {
							mu.Lock()
							acknowledged[line] = true
							mu.Unlock()
						}
						<-limit
					case <-time.After(20 * time.Second):
					}
					child.Kill()
					for line := range child.Lines {
						mu.Lock()
						acknowledged[line] = true
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			killRound(t, log, acknowledged)
		}
		t.Logf("%d entries acknowledged in %d rounds", len(acknowledged), rounds)
		require.Greater(t, len(acknowledged), 2*rounds)
	})
}

func killRound(t *testing.T, log *audit.Log, acknowledged map[string]bool) {
	t.Helper()
	require.Eventually(t, func() bool { // a server carries out what a killed client had sent
		_, err := log.Sealed(t.Context())
		require.NoError(t, err)
		r, err := log.Verify(t.Context())
		require.NoError(t, err)
		return r.Pending == 0
	}, 10*time.Second, 20*time.Millisecond)
	seen := map[string]bool{}
	next := uint64(0)
	for x, err := range log.Entries(t.Context(), audit.Filter{}) {
		require.NoError(t, err)
		require.Equal(t, next, x.Index)
		next++
		if x.Action == "written" {
			name := fmt.Sprint(x.Attrs[0].Value.Any())
			require.False(t, seen[name], "twice: %s", name)
			seen[name] = true
		}
	}
	for name := range acknowledged {
		require.True(t, seen[name] || strings.TrimSpace(name) == "", "lost: %s", name)
	}
}
