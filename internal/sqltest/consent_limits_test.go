package sqltest_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/consenttest"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage/journal"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// What the SQL view of consents cannot know, Check does: an address that is suppressed
// without a person, and that the database is older than the journal of stops. That a
// category of data is restricted makes it stricter than Check.
func TestLimitConsentView(t *testing.T) {
	sqltest.For(t, sqlstore.SQLite, func(t *testing.T, e *sqltest.Engine) {
		j, err := journal.Create(filepath.Join(t.TempDir(), "stops"))
		require.NoError(t, err)
		defer j.Close()
		c, err := consent.NewCatalogue(consenttest.Purposes()...)
		require.NoError(t, err)
		pool := e.SQL(t, e.DSN(t))
		db, live := e.DB(t, pool, nil), e.Open(t)
		l, err := consent.New(db.Tenant("acme"), c, &consent.Options{Secret: consenttest.Secret()})
		require.NoError(t, err)
		require.NoError(t, l.Publish(t.Context()))
		for _, s := range []string{"c-1", "c-2"} {
			_, err = l.Give(t.Context(), consenttest.Give(s, "news", "email", 1))
			require.NoError(t, err)
		}
		require.NoError(t, l.RestrictSubject(t.Context(), "c-2", "data:invoice", "A18-1-a"))
		news := func(s string) int { return effects(t, pool, "acme")[[3]string{s, "news", "email"}].allowed }
		require.True(t, consenttest.Check(t, l, "c-2", "news", "email").Allowed)
		require.Zero(t, news("c-2"), "stricter")

		_, err = l.Suppress(t.Context(), consent.Act{Address: "a@example.org", At: time.Now()})
		require.NoError(t, err)
		d, err := l.Check(t.Context(), consent.Query{Subject: "c-1", Purpose: "news", Channel: "email", Address: "a@example.org"})
		require.NoError(t, err)
		require.Equal(t, consent.Suppressed, d.Reason)
		require.Equal(t, 1, news("c-1"), "the view has no address")

		withJournal := &consent.Options{Secret: consenttest.Secret(), Journal: j}
		later, err := consent.New(live.Tenant("acme"), c, withJournal)
		require.NoError(t, err)
		_, err = later.Withdraw(t.Context(), consent.Act{Subject: "c-1", Purpose: "news", Channel: "email", At: time.Now()})
		require.NoError(t, err)
		older, err := consent.New(db.Tenant("acme"), c, withJournal)
		require.NoError(t, err)
		require.ErrorIs(t, older.Gate(t.Context(), consent.Query{Subject: "c-1", Purpose: "news", Channel: "email"}), gdpr.ErrDenied)
		require.Equal(t, 1, news("c-1"), "the view has no journal")
	})
}
