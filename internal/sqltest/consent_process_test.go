package sqltest_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"os"
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
// statements: claim, write, stage.
func TestConsentGiveAddsThreeRoundTrips(t *testing.T) {
	sqltest.For(t, sqlstore.Postgres, func(t *testing.T, e *sqltest.Engine) {
		pool := e.SQL(t, e.DSN(t))
		db := e.DB(t, pool, &sqlstore.Options{NoPrepare: true})
		log, err := audit.New(db.Tenant("acme"), &audit.Options{Tokeniser: tokens{}})
		require.NoError(t, err)
		c, err := consent.NewCatalogue(consenttest.Purposes()...)
		require.NoError(t, err)
		l, err := consent.New(db.Tenant("acme"), c, &consent.Options{Auditor: log, Now: func() time.Time { return consenttest.Now }})
		require.NoError(t, err)
		_, err = l.Give(t.Context(), consenttest.Give("warm", "news", "email", 1)) // the log remembers its id
		require.NoError(t, err)
		for _, subject := range []string{"c-1", "c-1", "c-2"} {
			tx, err := pool.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			host := &counted{Tx: tx}
			ctx := db.WithTx(t.Context(), host)
			_, err = l.Give(ctx, consenttest.Give(subject, "news", "email", 1))
			require.NoError(t, err)
			require.NoError(t, tx.Commit())
			require.LessOrEqual(t, host.n, 3)
		}
	})
}

// The view answers a JOIN as Check answers for the purposes that rest on consent.
func TestConsentView(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		pool := e.SQL(t, e.DSN(t))
		db := e.DB(t, pool, nil)
		now := time.Now()
		c, err := consent.NewCatalogue(consenttest.Purposes()...)
		require.NoError(t, err)
		l, err := consent.New(db.Tenant("acme"), c, nil)
		require.NoError(t, err)
		require.NoError(t, l.Publish(t.Context()))
		give := func(subject string, at time.Time) {
			a := consenttest.Give(subject, "news", "email", 0)
			a.At = at
			_, err := l.Give(t.Context(), a)
			require.NoError(t, err)
		}
		for _, s := range []string{"given", "withdrawn", "restricted", "objected", "suppressed", "lifted"} {
			give(s, now.AddDate(0, 0, -5))
		}
		give("expired", now.AddDate(-3, 0, 0))
		act := func(s string) consent.Act { return consent.Act{Subject: s, At: now} }
		w := act("withdrawn")
		w.Purpose = "news"
		_, err = l.Withdraw(t.Context(), w)
		require.NoError(t, err)
		for _, s := range []string{"restricted", "lifted"} {
			require.NoError(t, l.RestrictSubject(t.Context(), s, "*", "A18-1-a"))
		}
		lift := act("lifted")
		lift.At, lift.Told = time.Now(), now
		_, err = l.Lift(t.Context(), lift)
		require.NoError(t, err)
		_, err = l.ObjectMarketing(t.Context(), act("objected"))
		require.NoError(t, err)
		_, err = l.Suppress(t.Context(), act("suppressed"))
		require.NoError(t, err)

		rows, err := pool.Query("SELECT subject, allowed, restricted, objected, suppressed FROM gdpr_consent_effect WHERE tenant = 'acme' AND purpose = 'news' AND channel = 'email'")
		require.NoError(t, err)
		defer rows.Close()
		seen := 0
		for rows.Next() {
			var s string
			var allowed, restricted, objected, suppressed int
			require.NoError(t, rows.Scan(&s, &allowed, &restricted, &objected, &suppressed))
			d, err := l.Check(t.Context(), consent.Query{Subject: s, Purpose: "news", Channel: "email"})
			require.NoError(t, err)
			require.Equal(t, d.Allowed, allowed == 1, s)
			require.Equal(t, s == "restricted", restricted == 1, s)
			require.Equal(t, s == "objected", objected == 1, s)
			require.Equal(t, s == "suppressed", suppressed == 1, s)
			seen++
		}
		require.NoError(t, rows.Err())
		require.Equal(t, 7, seen)
	})
}

// A million legacy flags come in by batches, with a break in the middle, and none of
// them is a ground. GDPRKIT_LONG=1 runs the whole million, otherwise 3000.
func TestConsentImportsMany(t *testing.T) {
	rows := 3000
	if os.Getenv("GDPRKIT_LONG") != "" {
		rows = 1_000_000
	}
	sqltest.For(t, sqlstore.SQLite, func(t *testing.T, e *sqltest.Engine) {
		l := consenttest.Ledger(t, e.Open(t), "acme")
		_, err := l.Suppress(t.Context(), consent.Act{Address: "p77@example.org", At: consenttest.Day(1)})
		require.NoError(t, err)
		job := consent.ImportJob{ID: "old", Purpose: "news", Channel: "email", Source: "suite"}
		start := time.Now()
		_, err = l.Import(t.Context(), job, consenttest.Flags(rows, rows/2))
		require.Error(t, err)
		r, err := l.Import(t.Context(), job, consenttest.Flags(rows, 0))
		require.NoError(t, err)
		t.Logf("%d rows in %v", rows, time.Since(start))
		require.EqualValues(t, rows, r.Rows)
		require.EqualValues(t, rows/10, r.Objections)
		require.EqualValues(t, rows-rows/10-1, r.Unproven)
		require.EqualValues(t, 1, r.Suppressed)
		sel, err := l.Filter(t.Context(), consent.Campaign{Purpose: "news", Channel: "email"}, func(string) error { return nil })
		require.NoError(t, err)
		require.Zero(t, sel.Allowed)
		require.EqualValues(t, rows-rows/10-1, sel.Denied[consent.ImportedOnly])
	})
}
