package sqltest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
	"github.com/gdprkit/gdprkit/storage/storetest"
)

// The suite also holds with a single connection, without prepared statements, and
// on SQLite with a DSN that has none of the settings.
func TestStoreVariants(t *testing.T) {
	suite := func(t *testing.T, e *sqltest.Engine, dsn string, conns int, opts *sqlstore.Options) {
		storetest.Run(t, func(t *testing.T) storage.Directory {
			own := dsn
			if own == "" {
				own = e.DSN(t)
			} else {
				own = "file:" + t.TempDir() + "/plain.db" + dsn
			}
			pool := e.SQL(t, own)
			if conns > 0 {
				pool.SetMaxOpenConns(conns)
			}
			db := e.DB(t, pool, opts)
			e.CreateTables(t, pool, storetest.Tables()...)
			return db
		}, &storetest.Features{Host: hostTx, OneConnection: conns == 1, Writers: 16})
	}
	long := os.Getenv("GDPRKIT_LONG") != ""
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		if long || e.Name == "postgres-pgx" {
			t.Run("one connection", func(t *testing.T) { suite(t, e, "", 1, nil) })
		}
		if long || e.Name == "mariadb" {
			t.Run("not prepared", func(t *testing.T) { suite(t, e, "", 0, &sqlstore.Options{NoPrepare: true}) })
		}
		if e.Dialect == sqlstore.SQLite {
			t.Run("plain DSN", func(t *testing.T) { suite(t, e, "?_pragma=journal_mode(WAL)", 0, &sqlstore.Options{Retries: 200}) })
		}
	})
}

// A reader and then writer in a transaction of InTx never meets SQLITE_BUSY,
// whatever the DSN's kind of BEGIN.
func TestRule08DeferredSQLite(t *testing.T) {
	e := sqltest.Engines()[0]
	pool := e.SQL(t, "file:"+t.TempDir()+"/plain.db?_pragma=journal_mode(WAL)&_pragma=busy_timeout(10000)")
	db := e.DB(t, pool, nil)
	s := db.Tenant("x")
	lease(t, t.Context(), s, "a", "0")
	errs := make(chan error)
	for range 8 {
		go func() {
			for range 40 {
				if err := db.InTx(t.Context(), func(ctx context.Context) error {
					var o string
					if err := s.Get(ctx, ownerOf, []any{"a"}, &o); err != nil {
						return err
					}
					n, _ := strconv.Atoi(o)
					_, err := s.Apply(ctx, setOwner.With(strconv.Itoa(n+1), "a"))
					return err
				}); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range 8 {
		require.NoError(t, <-errs)
	}
	require.Equal(t, "320", owner(t, t.Context(), s, "a"))
	require.Zero(t, db.Stats().Busy)
}

var addTurn = &storage.Write{Verb: storage.Update, Table: schema.Lease, Add: []string{"turn"}, Where: storage.By("name")}

// A child moves a counter and adds a row for each move, until it is killed.
var _ = sqltest.Child("counter", func(c *sqltest.ChildProcess) error {
	s := c.DB.Tenant("x")
	for i := 0; ; i++ {
		name := c.Args[0] + "-" + strconv.Itoa(i)
		err := s.InTx(c, func(ctx context.Context) error {
			var o string
			if err := s.Claim(ctx, claimLease, []any{"counter"}, &o); err != nil {
				return err
			}
			_, err := s.Apply(ctx, addTurn.With(1, "counter"), newLease.With(name, "", 0, 0))
			return err
		})
		if errors.Is(err, storage.ErrConflict) {
			continue
		}
		if err != nil {
			return err
		}
		c.Say("%s", name)
	}
})

// What a killed process was told to be committed is there, and never half of it.
func TestKill(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		dsn := e.DSN(t)
		db := e.DB(t, e.SQL(t, dsn), nil)
		s := db.Tenant("x")
		lease(t, t.Context(), s, "counter", "")
		var acknowledged []string
		rounds := 2
		if os.Getenv("GDPRKIT_LONG") != "" {
			rounds = 20
		}
		for round := range rounds {
			var ps []*sqltest.Process
			for i := range 3 {
				ps = append(ps, e.Spawn(t, "counter", dsn, fmt.Sprintf("%d-%d", round, i)))
			}
			for _, p := range ps {
				first, ok := <-p.Lines // all are at work
				if !ok {
					require.NoError(t, p.Wait())
				}
				acknowledged = append(acknowledged, first)
			}
			time.Sleep(time.Duration(20+17*round) * time.Millisecond)
			for _, p := range ps {
				p.Kill()
				for line := range p.Lines {
					acknowledged = append(acknowledged, line)
				}
			}
		}
		there := map[string]bool{}
		for row, err := range s.Scan(t.Context(), leases, nil) {
			require.NoError(t, err)
			var name string
			require.NoError(t, row.Scan(&name))
			there[name] = true
		}
		for _, name := range acknowledged {
			require.True(t, there[name], name)
		}
		var turn int
		turnOf := &storage.Select{From: schema.Lease, Columns: []string{"turn"}, Where: storage.By("name")}
		require.Eventually(t, func() bool { // a server may still be carrying out what it was sent
			var n int
			require.NoError(t, s.Get(t.Context(), turnOf, []any{"counter"}, &turn))
			count := &storage.Select{From: schema.Lease, Columns: []string{storage.Count}}
			require.NoError(t, s.Get(t.Context(), count, nil, &n))
			return n-1 == turn
		}, 10*time.Second, 50*time.Millisecond)
		require.GreaterOrEqual(t, turn, len(acknowledged))
		t.Logf("%d acknowledged, %d there", len(acknowledged), turn)
	})
}

// History may come from another pool, decisions and transactions never.
func TestReader(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		replica := e.Open(t)
		lease(t, t.Context(), replica.Tenant("x"), "a", "replica")
		db := e.DB(t, e.SQL(t, e.DSN(t)), &sqlstore.Options{Reader: replica.SQL()})
		s := db.Tenant("x")
		lease(t, t.Context(), s, "a", "primary")
		history := &storage.Select{From: schema.Lease, Columns: []string{"owner"}, Where: storage.By("name"), Mode: storage.History}
		var o string
		require.NoError(t, s.Get(t.Context(), history, []any{"a"}, &o))
		require.Equal(t, "replica", o)
		for _, sel := range []*storage.Select{ownerOf, ownerNow} {
			require.NoError(t, s.Get(t.Context(), sel, []any{"a"}, &o))
			require.Equal(t, "primary", o)
		}
		require.NoError(t, db.InTx(t.Context(), func(ctx context.Context) error { return s.Get(ctx, history, []any{"a"}, &o) }))
		require.Equal(t, "primary", o)
	})
}

var _ sqlstore.TX = (*sql.Tx)(nil)
