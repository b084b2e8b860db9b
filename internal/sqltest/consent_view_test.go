package sqltest_test

import (
	"database/sql"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/internal/consenttest"
	"github.com/gdprkit/gdprkit/internal/sqltest"
)

// The view answers a JOIN as Check answers for the purposes that rest on consent.
func TestConsentView(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		pool := e.SQL(t, e.Migrated(t))
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

type viewRow struct{ allowed, restricted int }

// effects reads the view.
func effects(t *testing.T, pool *sql.DB, tenant string) map[[3]string]viewRow {
	rows, err := pool.Query("SELECT subject, purpose, channel, allowed, restricted FROM gdpr_consent_effect WHERE tenant = '" + tenant + "'")
	require.NoError(t, err)
	defer rows.Close()
	all := map[[3]string]viewRow{}
	for rows.Next() {
		var key [3]string
		var r viewRow
		require.NoError(t, rows.Scan(&key[0], &key[1], &key[2], &r.allowed, &r.restricted))
		all[key] = r
	}
	require.NoError(t, rows.Err())
	return all
}

// After every few acts of random histories the view says for each person and each
// purpose that rests on consent what Check says: allowed on the ground of consent, or
// not. Where a category of data is restricted it may deny more, never allow more.
func TestConsentViewEqualsCheck(t *testing.T) {
	seeds, acts := uint64(4), 60
	if os.Getenv("GDPRKIT_LONG") != "" {
		seeds, acts = 40, 200
	}
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		if e.Name == "postgres-pq" && os.Getenv("GDPRKIT_LONG") == "" {
			t.Skip("the same engine as with pgx; GDPRKIT_LONG=1 runs it too")
		}
		pool := e.SQL(t, e.Migrated(t))
		db := e.DB(t, pool, nil)
		allowed, denied := 0, 0
		for seed := range seeds {
			tenant := fmt.Sprint("view-", seed)
			l, err := consenttest.ViewLedger(db, tenant)
			require.NoError(t, err)
			require.NoError(t, l.Publish(t.Context()))
			categories := seed%2 == 1
			consenttest.PlayView(l, seed, acts, categories, func(i int) {
				if i%15 != 14 {
					return
				}
				time.Sleep(2 * time.Millisecond) // the clock of a view on SQLite counts milliseconds
				rows := effects(t, pool, tenant)
				for _, s := range consenttest.Subjects {
					require.NoError(t, l.Verify(t.Context(), s))
					for _, p := range consenttest.ViewPairs() {
						row := rows[[3]string{s, p[0], p[1]}]
						d := consenttest.Check(t, l, s, p[0], p[1])
						lawful := d.Allowed && d.Basis == consent.Consent
						if row.allowed == 1 {
							allowed++
						} else {
							denied++
						}
						if categories && row.restricted == 1 && lawful {
							continue // the stricter answer
						}
						require.Equal(t, lawful, row.allowed == 1, "seed %d act %d: %s %v: %s", seed, i, s, p, d.Reason)
					}
				}
			})
		}
		t.Logf("%d rows allowed, %d denied", allowed, denied)
		require.Greater(t, allowed, 30, "the histories show both answers")
		require.Greater(t, denied, 30)
	})
}

// A version that comes into force later, or a purpose that left the catalogue, is
// denied by the view before anybody publishes again.
func TestConsentViewDeniesWhatIsNotPublished(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		pool := e.SQL(t, e.Migrated(t))
		db := e.DB(t, pool, nil)
		now := time.Now()
		ledger := func(now time.Time, purposes ...consent.Purpose) *consent.Ledger {
			c, err := consent.NewCatalogue(purposes...)
			require.NoError(t, err)
			l, err := consent.New(db.Tenant("acme"), c, &consent.Options{Now: func() time.Time { return now }})
			require.NoError(t, err)
			return l
		}
		one, other := consenttest.Purposes()[1], consenttest.Purposes()[0]
		two := one
		two.Version, two.Since, two.AcceptFrom = 2, now.Add(-time.Second), 1
		old := ledger(now.Add(-time.Hour), one, two, other)
		require.NoError(t, old.Publish(t.Context()))
		for _, p := range [][2]string{{"survey", ""}, {"news", "email"}} {
			a := consenttest.Give("c-1", p[0], p[1], 0)
			a.At = now.AddDate(0, 0, -1)
			_, err := old.Give(t.Context(), a)
			require.NoError(t, err)
		}
		survey, news := [3]string{"c-1", "survey", ""}, [3]string{"c-1", "news", "email"}
		seen := effects(t, pool, "acme")
		require.Equal(t, 0, seen[survey].allowed, "another version is in force by now")
		require.Equal(t, 1, seen[news].allowed)
		require.NoError(t, ledger(now, one, two).Publish(t.Context()))
		seen = effects(t, pool, "acme")
		require.Equal(t, 1, seen[survey].allowed)
		require.Equal(t, 0, seen[news].allowed, "the catalogue has no such purpose any more")
	})
}
