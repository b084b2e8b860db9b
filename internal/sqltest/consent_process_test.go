package sqltest_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/internal/consenttest"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

var _ = sqltest.Child("consent-withdraw", func(c *sqltest.ChildProcess) error {
	l, err := consenttest.New(c.DB, "acme")
	if err != nil {
		return err
	}
	_, err = l.Withdraw(c, consent.Act{Subject: c.Args[0], Purpose: "news", Channel: "email", At: consenttest.Day(9)})
	if err == nil {
		c.Say("withdrawn")
	}
	return err
})

func withdrawElsewhere(t *testing.T, e *sqltest.Engine, dsn, subject string) {
	t.Helper()
	p := e.Spawn(t, "consent-withdraw", dsn, subject)
	select {
	case line := <-p.Lines:
		require.Equal(t, "withdrawn", line)
	case <-time.After(30 * time.Second):
		t.Fatal("the other process did not withdraw")
	}
}

// A withdrawal that one process has committed denies the next check of another at
// once; the checks before it keep every cache warm.
func TestConsentWithdrawalReachesOtherProcess(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		dsn := e.DSN(t)
		l := consenttest.Ledger(t, e.DB(t, e.SQL(t, dsn), nil), "acme")
		_, err := l.Give(t.Context(), consenttest.Give("c-1", "news", "email", 1))
		require.NoError(t, err)
		for range 10 {
			require.True(t, consenttest.Check(t, l, "c-1", "news", "email").Allowed)
		}
		withdrawElsewhere(t, e, dsn, "c-1")
		require.Equal(t, consent.ConsentWithdrawn, consenttest.Check(t, l, "c-1", "news", "email").Reason)
	})
}

// The same inside a transaction of the host at REPEATABLE READ that has read before:
// MariaDB sees the withdrawal by a locking read; on PostgreSQL the answer is that of
// the snapshot, and says so.
func TestConsentWithdrawalReachesJoinedTransaction(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		if e.Dialect == sqlstore.SQLite {
			t.Skip("SQLite lets nobody else write while a transaction of the host does")
		}
		dsn := e.DSN(t)
		pool := e.SQL(t, dsn)
		db := e.DB(t, pool, nil)
		l := consenttest.Ledger(t, db, "acme")
		_, err := l.Give(t.Context(), consenttest.Give("c-1", "news", "email", 1))
		require.NoError(t, err)
		tx, err := pool.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
		require.NoError(t, err)
		defer tx.Rollback()
		var n int
		require.NoError(t, tx.QueryRow("SELECT COUNT(*) FROM gdpr_consent").Scan(&n)) // takes the snapshot
		withdrawElsewhere(t, e, dsn, "c-1")
		d, err := l.Check(db.WithTx(t.Context(), tx), consent.Query{Subject: "c-1", Purpose: "news", Channel: "email"})
		require.NoError(t, err)
		if e.Dialect == sqlstore.MySQL {
			require.False(t, d.Allowed)
			require.False(t, d.Snapshot)
		} else {
			require.True(t, d.Snapshot)
		}
	})
}

// counted counts the statements that go through a host's transaction.
type counted struct {
	*sql.Tx
	n int
}

func (c *counted) ExecContext(ctx context.Context, q string, args ...any) (sql.Result, error) {
	c.n++
	return c.Tx.ExecContext(ctx, q, args...)
}

func (c *counted) QueryContext(ctx context.Context, q string, args ...any) (*sql.Rows, error) {
	c.n++
	return c.Tx.QueryContext(ctx, q, args...)
}

func (c *counted) QueryRowContext(ctx context.Context, q string, args ...any) *sql.Row {
	c.n++
	return c.Tx.QueryRowContext(ctx, q, args...)
}

// tokens stands for a vault that has the person's token in its cache.
type tokens struct{}

func (tokens) Token(_ context.Context, _, subject string) (string, error) {
	sum := sha256.Sum256([]byte(subject))
	return base64.RawURLEncoding.EncodeToString(sum[:16]), nil
}

// In a host's transaction on PostgreSQL a gift with its audit entry is at most three
// statements: claim, write, and the look for an alias if there is no vault; with an
// idempotency key the entry is a statement of its own.
func TestConsentGiveAddsThreeRoundTrips(t *testing.T) {
	sqltest.For(t, sqlstore.Postgres, func(t *testing.T, e *sqltest.Engine) {
		t.Run("vault", func(t *testing.T) { giveCounted(t, e, tokens{}, "", 2) })
		t.Run("vault and key", func(t *testing.T) { giveCounted(t, e, tokens{}, "form-7", 3) })
		t.Run("alias", func(t *testing.T) { giveCounted(t, e, nil, "", 3) })
	})
}

func giveCounted(t *testing.T, e *sqltest.Engine, names audit.Tokeniser, key string, most int) {
	pool := e.SQL(t, e.DSN(t))
	db := e.DB(t, pool, &sqlstore.Options{NoPrepare: true})
	log, err := audit.New(db.Tenant("acme"), &audit.Options{Tokeniser: names})
	require.NoError(t, err)
	c, err := consent.NewCatalogue(consenttest.Purposes()...)
	require.NoError(t, err)
	l, err := consent.New(db.Tenant("acme"), c, &consent.Options{Auditor: log, Now: func() time.Time { return consenttest.Now }})
	require.NoError(t, err)
	_, err = l.Give(t.Context(), consenttest.Give("warm", "news", "email", 1)) // the log remembers its id
	require.NoError(t, err)
	for i, subject := range []string{"c-1", "c-1", "c-2"} {
		tx, err := pool.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		host := &counted{Tx: tx}
		a := consenttest.Give(subject, "news", "email", 1)
		if key != "" {
			a.Key = fmt.Sprint(key, i)
		}
		_, err = l.Give(db.WithTx(t.Context(), host), a)
		require.NoError(t, err)
		require.NoError(t, tx.Commit())
		require.LessOrEqual(t, host.n, most)
	}
	_, err = log.Sealed(t.Context())
	require.NoError(t, err)
	n := 0
	for e, err := range log.Entries(t.Context(), audit.Filter{}) {
		require.NoError(t, err)
		if e.Action == "consent.given" {
			n++
		}
	}
	require.Equal(t, 4, n, "each gift has its entry")
}
