package sqltest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/datamap"
	suite "github.com/gdprkit/gdprkit/internal/datamaptest"
)

// A person whose row stays without its values: what is of the same category and has no
// date of its own, such as custom fields and e-mail addresses, goes all the same, and
// so does the history.
func TestDatamapSweepInPlaceTakesWhatHangs(t *testing.T) {
	Each(t, func(t *testing.T, e *Engine) {
		if e.Name == "postgres-pq" {
			return // pgx covers PostgreSQL
		}
		for _, then := range []string{"erase", "mask"} {
			c := openCRM(t, e)
			now := time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)
			c.open(strings.Replace(suite.Map, "    erase: delete\n", "", 1), now)
			require.Contains(t, c.unclocked(), "people_extra", "another category than that of the row that stays")
			c.open(strings.NewReplacer("    erase: delete\n    soft_delete: {column: deleted, value: 1}\n    restrict", "    soft_delete: {column: deleted, value: 1}\n    restrict",
				"    via: [id_c > people.id]\n", "    via: [id_c > people.id]\n    category: contact\n").Replace(suite.Map), now)
			schedule := strings.ReplaceAll(`{"version": "1", "timeZone": "UTC", "country": "NL", "rules": [{"id": "end", "category": "contact", "kind": "maximum", "period": "P5Y",
				"ground": "AVG 6(1)(f)", "then": "THEN", "start": {"events": ["created"]}}]}`, "THEN", then)
			require.NotContains(t, c.unclocked(), "people_extra", "it goes with the person")
			require.Contains(t, c.unclocked(), "staff")
			sweeps := c.live.Sweeps("contact", "none")
			require.Len(t, sweeps, 1)
			r := sweepOnce(t, c.db, schedule, sweeps, now)
			require.NotZero(t, r.Handled)
			require.Equal(t, "masked", r.Counts[0].Outcome)
			require.Equal(t, "4", c.one("SELECT COUNT(*) FROM people"), "the rows stay")
			left := c.holds("ALICE")
			for _, place := range []string{"people[", "people_extra", "people_audit", "mail_addresses"} {
				require.NotContains(t, strings.Join(left, " "), place, then)
			}
			require.Equal(t, "0", c.one("SELECT COUNT(*) FROM people_extra"))
			require.Equal(t, "0", c.one("SELECT COUNT(*) FROM people_audit"))
			require.Equal(t, "bob@BOB.example", c.one("SELECT address FROM mail_addresses"), "what another row shares stays")
			require.Contains(t, left, "calls[3]", "what has a clock of its own waits for it")
			require.Contains(t, strings.Join(left, " "), "prospects", "another person stays")
		}
	})
}

// unclocked are the tables that no sweep reaches.
func (c *crm) unclocked() (out []string) {
	found, err := c.live.Check(c.Context())
	require.NoError(c, err)
	for _, f := range found {
		if f.Code == datamap.NoClock {
			require.False(c, f.Open())
			out = append(out, f.Table)
		}
	}
	return out
}
