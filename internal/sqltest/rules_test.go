package sqltest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

var (
	newLease   = &storage.Write{Verb: storage.Insert, Table: schema.Lease, Set: []string{"name", "owner", "until", "turn"}}
	putLease   = &storage.Write{Verb: storage.Put, Table: schema.Lease, Set: []string{"name", "owner"}}
	setOwner   = &storage.Write{Verb: storage.Update, Table: schema.Lease, Set: []string{"owner"}, Where: storage.By("name")}
	mustOwner  = &storage.Write{Verb: storage.Update, Table: schema.Lease, Set: []string{"owner"}, Where: storage.By("name"), Must: true}
	ownerOf    = &storage.Select{From: schema.Lease, Columns: []string{"owner"}, Where: storage.By("name")}
	ownerNow   = &storage.Select{From: schema.Lease, Columns: []string{"owner"}, Where: storage.By("name"), Mode: storage.Current}
	claimLease = &storage.Claim{Into: schema.Lease, Columns: []string{"name"}, Read: []string{"owner"}}
	leases     = &storage.Select{From: schema.Lease, Columns: []string{"name"}, Order: []string{"name"}}
)

func lease(t testing.TB, ctx context.Context, s storage.Store, name, owner string) {
	t.Helper()
	_, err := s.Apply(ctx, newLease.With(name, owner, 0, 0))
	require.NoError(t, err)
}

func owner(t testing.TB, ctx context.Context, s storage.Store, name string) string {
	t.Helper()
	var o string
	if err := s.Get(ctx, ownerOf, []any{name}, &o); !errors.Is(err, storage.ErrNotFound) {
		require.NoError(t, err)
	}
	return o
}

func begin(t testing.TB, pool *sql.DB, opts *sql.TxOptions) *sql.Tx {
	t.Helper()
	tx, err := pool.BeginTx(context.Background(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { tx.Rollback() })
	return tx
}

// The transaction of one database is not joined by another, and one of another
// pool is refused.
func TestRule01ContextKeyIsTheDB(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		ctx := t.Context()
		a, b := e.Open(t), e.Open(t)
		err := a.InTx(ctx, func(ctx context.Context) error {
			require.Equal(t, storage.Outside, b.Tenant("x").State(ctx))
			lease(t, ctx, b.Tenant("x"), "n", "b")
			return errors.New("roll back")
		})
		require.EqualError(t, err, "roll back")
		require.Equal(t, "b", owner(t, ctx, b.Tenant("x"), "n"))
		require.Empty(t, owner(t, ctx, a.Tenant("x"), "n"))

		foreign := begin(t, b.SQL(), nil)
		err = a.Tenant("x").Get(a.WithTx(ctx, foreign), ownerOf, []any{"n"}, new(string))
		require.ErrorIs(t, err, gdpr.ErrInvalid)
	})
}

// A context that expires inside a transaction does not end a statement, and on
// SQLite not the host's transaction with it.
func TestRule02ExpiryBetweenStatements(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		db := e.Open(t)
		s := db.Tenant("x")
		tx := begin(t, db.SQL(), nil)
		ctx, cancel := context.WithCancel(t.Context())
		joined := db.WithTx(ctx, tx)
		lease(t, joined, s, "a", "1")
		cancel()
		_, err := s.Apply(joined, newLease.With("b", "1", 0, 0))
		require.ErrorIs(t, err, context.Canceled)
		require.NoError(t, tx.Commit())
		require.Equal(t, "1", owner(t, t.Context(), s, "a"))

		ctx, cancel = context.WithCancel(t.Context())
		err = db.InTx(ctx, func(ctx context.Context) error {
			lease(t, ctx, s, "c", "1")
			cancel()
			return nil
		})
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, owner(t, t.Context(), s, "c"))
	})
}

// A statement of ours that runs when the context expires is not interrupted.
func TestRule02RunningStatement(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		db := e.Open(t)
		s := db.Tenant("x")
		lease(t, t.Context(), s, "a", "0")
		holder := begin(t, db.SQL(), nil)
		_, err := s.Apply(db.WithTx(t.Context(), holder), setOwner.With("1", "a"))
		require.NoError(t, err)
		time.AfterFunc(300*time.Millisecond, func() { holder.Commit() })

		waiter, err := db.SQL().BeginTx(t.Context(), nil) // SQLite: waits here, the DSN takes the lock at once
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if e.Dialect != sqlstore.SQLite {
			_, err = s.Apply(db.WithTx(ctx, waiter), setOwner.With("2", "a"))
			require.NoError(t, err)
		}
		require.NoError(t, waiter.Commit())
	})
}

// After an error with which the engine ended the transaction nothing is written
// through its context any more.
func TestRule03Deadlock(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		if e.Dialect == sqlstore.SQLite {
			t.Skip("SQLite has no deadlocks")
		}
		db := e.Open(t)
		s := db.Tenant("x")
		lease(t, t.Context(), s, "a", "0")
		lease(t, t.Context(), s, "b", "0")
		txs := [2]*sql.Tx{begin(t, db.SQL(), nil), begin(t, db.SQL(), nil)}
		ctxs := [2]context.Context{db.WithTx(t.Context(), txs[0]), db.WithTx(t.Context(), txs[1])}
		for i, name := range []string{"a", "b"} {
			_, err := s.Apply(ctxs[i], setOwner.With("1", name))
			require.NoError(t, err)
		}
		errs := make(chan error, 2)
		for i, name := range []string{"b", "a"} {
			go func() {
				_, err := s.Apply(ctxs[i], setOwner.With("2", name))
				if err == nil {
					err = txs[i].Commit()
				} else {
					_, again := s.Apply(ctxs[i], newLease.With("after", "x", 0, 0))
					if !errors.Is(again, storage.ErrTxFailed) {
						err = fmt.Errorf("a failed transaction went on: %v", again)
					}
				}
				errs <- err
			}()
		}
		failed := 0
		for range 2 {
			if err := <-errs; err != nil {
				failed++
				require.Regexp(t, `deadlock \((1213|40P01)\)`, err.Error())
				require.NotContains(t, err.Error(), "WHERE")
			}
		}
		require.Equal(t, 1, failed)
		for _, tx := range txs {
			tx.Commit()
		}
		require.Empty(t, owner(t, t.Context(), s, "after"))
	})
}

// On PostgreSQL an error of the host's own makes later calls fail.
func TestRule03Aborted(t *testing.T) {
	sqltest.For(t, sqlstore.Postgres, func(t *testing.T, e *sqltest.Engine) {
		db := e.Open(t)
		tx := begin(t, db.SQL(), nil)
		_, err := tx.Exec("SELECT 1/0")
		require.Error(t, err)
		ctx := db.WithTx(t.Context(), tx)
		require.ErrorContains(t, db.Tenant("x").Get(ctx, ownerOf, []any{"n"}, new(string)), "25P02")
		require.ErrorIs(t, db.Tenant("x").Get(ctx, ownerOf, []any{"n"}, new(string)), storage.ErrTxFailed)
	})
}

// A step that fails half-way leaves nothing, also when the host swallows the
// error: a savepoint takes it back, or the transaction cannot commit.
func TestRule04StepInHostTransaction(t *testing.T) {
	steps := map[string]func(ctx context.Context, s storage.Store) error{
		"apply": func(ctx context.Context, s storage.Store) error {
			_, err := s.Apply(ctx, setOwner.With("bad", "a"), newLease.With("b", "bad", 0, 0), mustOwner.With("bad", "missing"))
			return err
		},
		"own error": func(ctx context.Context, s storage.Store) error {
			return s.InTx(ctx, func(ctx context.Context) error {
				if _, err := s.Apply(ctx, setOwner.With("bad", "a")); err != nil {
					return err
				}
				return errors.New("could not seal")
			})
		},
		"inner error swallowed": func(ctx context.Context, s storage.Store) error {
			return s.InTx(ctx, func(ctx context.Context) error {
				_, err := s.Apply(ctx, setOwner.With("bad", "a"))
				s.InTx(ctx, func(context.Context) error { return errors.New("audit failed") })
				return err
			})
		},
		"panic": func(ctx context.Context, s storage.Store) (err error) {
			defer func() { err = fmt.Errorf("%v", recover()) }()
			return s.InTx(ctx, func(ctx context.Context) error {
				if _, err := s.Apply(ctx, setOwner.With("bad", "a")); err != nil {
					return err
				}
				panic("host")
			})
		},
	}
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		db := e.Open(t)
		for name, step := range steps {
			t.Run(name, func(t *testing.T) {
				s := db.Tenant(name)
				lease(t, t.Context(), s, "a", "good")
				tx := begin(t, db.SQL(), nil)
				ctx := db.WithTx(t.Context(), tx)
				lease(t, ctx, s, "host", "good")
				require.Error(t, step(ctx, s))
				_, after := s.Apply(ctx, newLease.With("after", "good", 0, 0))
				committed := tx.Commit()
				require.Equal(t, "good", owner(t, t.Context(), s, "a"))
				if e.Dialect == sqlstore.Postgres {
					require.ErrorIs(t, after, storage.ErrTxFailed)
					if e.Name == "postgres-pgx" || e.Name == "postgres-pq" {
						require.Error(t, committed)
					}
					require.Empty(t, owner(t, t.Context(), s, "host"))
					return
				}
				require.NoError(t, after)
				require.NoError(t, committed)
				require.Equal(t, "good", owner(t, t.Context(), s, "host"))
				require.Equal(t, "good", owner(t, t.Context(), s, "after"))
			})
		}
	})
}

// A step that fails before its first write leaves the host's transaction alone.
func TestRule04NothingWritten(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		db := e.Open(t)
		s := db.Tenant("x")
		tx := begin(t, db.SQL(), nil)
		ctx := db.WithTx(t.Context(), tx)
		err := s.InTx(ctx, func(ctx context.Context) error {
			owner(t, ctx, s, "a")
			return errors.New("no such purpose")
		})
		require.EqualError(t, err, "no such purpose")
		_, err = s.Apply(ctx, mustOwner.With("x", "missing"))
		require.ErrorIs(t, err, storage.ErrStale)
		lease(t, ctx, s, "a", "1")
		require.NoError(t, tx.Commit())
		require.Equal(t, "1", owner(t, t.Context(), s, "a"))
	})
}

// A write in SQL text of the host through Tx takes part in retries.
func TestRule06RetriedUntilCommitted(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		db := e.Open(t)
		s := db.Tenant("x")
		lease(t, t.Context(), s, "a", "0")
		lease(t, t.Context(), s, "b", "0")
		errs := make(chan error)
		for i := range 4 {
			go func() {
				names := []string{"a", "b"}
				errs <- func() error {
					for range 5 {
						if err := db.InTx(t.Context(), func(ctx context.Context) error {
							for j := range names {
								var o string
								if err := s.Claim(ctx, claimLease, []any{names[(i+j)%2]}, &o); err != nil {
									return err
								}
							}
							_, err := db.Tx(ctx).ExecContext(ctx, "UPDATE gdpr_lease SET turn = turn + 1")
							return err
						}); err != nil {
							return err
						}
					}
					return nil
				}()
			}()
		}
		for range 4 {
			require.NoError(t, <-errs)
		}
		var turn int
		turnOf := &storage.Select{From: schema.Lease, Columns: []string{"turn"}, Where: storage.By("name")}
		require.NoError(t, s.Get(t.Context(), turnOf, []any{"a"}, &turn))
		require.Equal(t, 20, turn)
		st := db.Stats()
		require.GreaterOrEqual(t, st.Committed, int64(20))
		require.Equal(t, st.Begun, st.Committed+st.RolledBack)
		require.Equal(t, st.RolledBack, st.Busy+st.Deadlock+st.Serialization+st.Timeout)
	})
}

func TestRule06RetriesAreBounded(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		pool := e.SQL(t, e.DSN(t))
		e.DB(t, pool, nil)
		conflict := errors.New("made up")
		db := e.New(t, pool, &sqlstore.Options{Retries: 2, Classify: func(err error) sqlstore.Class {
			if errors.Is(err, conflict) {
				return sqlstore.Serialization
			}
			return sqlstore.Other
		}})
		runs, after := 0, 0
		err := db.InTx(t.Context(), func(ctx context.Context) error {
			runs++
			storage.AfterCommit(ctx, func() { after++ })
			if runs > 0 {
				return conflict
			}
			return nil
		})
		require.ErrorIs(t, err, storage.ErrConflict)
		require.ErrorIs(t, err, conflict)
		require.Equal(t, 3, runs)
		require.Zero(t, after)
		require.Equal(t, int64(1), db.Stats().Conflicts)
		require.Equal(t, int64(3), db.Stats().Serialization)
	})
}

// With a single connection nothing waits for a second one.
func TestRule08OneConnection(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		pool := e.SQL(t, e.DSN(t))
		pool.SetMaxOpenConns(1)
		db := e.DB(t, pool, nil)
		s := db.Tenant("x")
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		for range 2 { // the second time with prepared statements
			require.NoError(t, db.InTx(ctx, func(ctx context.Context) error { return work(ctx, s) }))
			tx, err := pool.BeginTx(ctx, nil)
			require.NoError(t, err)
			require.NoError(t, work(db.WithTx(ctx, tx), s))
			require.NoError(t, tx.Commit())
		}
		for row, err := range s.Scan(ctx, leases, nil) {
			require.NoError(t, err)
			var name string
			require.NoError(t, row.Scan(&name))
			owner(t, ctx, s, name)
		}
		require.NoError(t, db.Check(ctx))
	})
}

func work(ctx context.Context, s storage.Store) error {
	if _, err := s.Apply(ctx, putLease.With("a", "1"), putLease.With("b", "2")); err != nil {
		return err
	}
	var o string
	if err := s.Claim(ctx, claimLease, []any{"a"}, &o); err != nil {
		return err
	}
	for row, err := range s.Scan(ctx, leases, nil) {
		if err != nil {
			return err
		}
		var name string
		if err := row.Scan(&name); err != nil {
			return err
		}
		if err := s.Get(ctx, ownerNow, []any{name}, &o); err != nil {
			return err
		}
		if err := s.InTx(ctx, func(ctx context.Context) error {
			_, err := s.Apply(ctx, setOwner.With(o+"x", name), putLease.With("c", "3"))
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

func TestRule10FinishedTransaction(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		db := e.Open(t)
		s := db.Tenant("x")
		tx := begin(t, db.SQL(), nil)
		ctx := db.WithTx(t.Context(), tx)
		lease(t, ctx, s, "a", "1")
		require.NoError(t, tx.Commit())
		_, err := s.Apply(ctx, newLease.With("b", "1", 0, 0))
		require.ErrorIs(t, err, storage.ErrTxDone)
		require.ErrorIs(t, s.Get(ctx, ownerOf, []any{"a"}, new(string)), storage.ErrTxDone)
		require.Equal(t, "1", owner(t, storage.Detach(ctx), s, "a"))
		var kept context.Context
		require.NoError(t, db.InTx(t.Context(), func(ctx context.Context) error { kept = ctx; return nil }))
		_, err = s.Apply(kept, newLease.With("c", "1", 0, 0))
		require.ErrorIs(t, err, storage.ErrTxDone)
		_, err = db.Tx(kept).ExecContext(kept, "SELECT 1")
		require.ErrorIs(t, err, storage.ErrTxDone)
		require.Empty(t, owner(t, t.Context(), s, "b")+owner(t, t.Context(), s, "c"))
	})
}

func TestRule10RequireTx(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		db := e.DB(t, e.SQL(t, e.DSN(t)), &sqlstore.Options{RequireTx: true})
		s := db.Tenant("x")
		_, err := s.Apply(t.Context(), newLease.With("a", "1", 0, 0))
		require.ErrorIs(t, err, storage.ErrNoTx)
		require.NoError(t, db.InTx(t.Context(), func(ctx context.Context) error {
			_, err := s.Apply(ctx, newLease.With("a", "1", 0, 0))
			return err
		}))
	})
}

// A decisive read inside a host's transaction at REPEATABLE READ sees a change
// that was committed since, where the engine can.
func TestRule11DecisiveRead(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		if e.Dialect == sqlstore.SQLite {
			t.Skip("one writer at a time: the DSN's transactions begin with the lock")
		}
		db := e.Open(t)
		s := db.Tenant("x")
		lease(t, t.Context(), s, "a", "given")
		tx := begin(t, db.SQL(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
		ctx := db.WithTx(t.Context(), tx)
		require.Equal(t, "given", owner(t, ctx, s, "a"))
		_, err := s.Apply(t.Context(), setOwner.With("withdrawn", "a"))
		require.NoError(t, err)
		var now string
		require.NoError(t, s.Get(ctx, ownerNow, []any{"a"}, &now))
		if s.Traits().Snapshot {
			require.Equal(t, "given", now)
		} else {
			require.Equal(t, "withdrawn", now)
		}
		require.NoError(t, tx.Rollback())
		require.NoError(t, db.InTx(t.Context(), func(ctx context.Context) error {
			require.Equal(t, "withdrawn", owner(t, ctx, s, "a"))
			_, err := s.Apply(t.Context(), setOwner.With("again", "a"))
			require.NoError(t, err)
			require.NoError(t, s.Get(ctx, ownerNow, []any{"a"}, &now))
			require.Equal(t, "again", now)
			return nil
		}))
	})
}

// Errors never repeat what the host passed.
func TestErrorsHideValues(t *testing.T) {
	const canary = "canary-8f3a"
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		db := e.Open(t)
		s := db.Tenant("x")
		lease(t, t.Context(), s, canary, canary)
		_, err := s.Apply(t.Context(), newLease.With(canary, canary, 0, 0))
		require.ErrorIs(t, err, storage.ErrDuplicate)
		require.NotContains(t, err.Error(), canary)
		_, err = s.Apply(t.Context(), newLease.With(canary+strings.Repeat("x", 200), canary, 0, 0))
		require.ErrorIs(t, err, gdpr.ErrInvalid)
		require.ErrorContains(t, err, "gdpr_lease.name")
		require.NotContains(t, err.Error(), canary)
	})
}
