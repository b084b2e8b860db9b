package sqltest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	suite "github.com/gdprkit/gdprkit/internal/datamaptest"
	"github.com/gdprkit/gdprkit/retention"
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
			c.open(strings.NewReplacer("    erase: delete\n    soft_delete: {column: deleted, value: 1}\n    restrict", "    soft_delete: {column: deleted, value: 1}\n    restrict",
				"    via: [id_c > people.id]\n", "    via: [id_c > people.id]\n    category: contact\n").Replace(suite.Map), now)
			schedule := strings.ReplaceAll(`{"version": "1", "timeZone": "UTC", "country": "NL", "rules": [{"id": "end", "category": "contact", "kind": "maximum", "period": "P5Y",
				"ground": "AVG 6(1)(f)", "then": "THEN", "start": {"events": ["created"]}}]}`, "THEN", then)
			r := sweepOnce(t, c.db, schedule, c.live.Sweeps()[:0:0], now)
			require.Zero(t, r.Handled)
			for _, s := range c.live.Sweeps() {
				if s.Category() == "contact" {
					r = sweepOnce(t, c.db, schedule, []retention.Source{s}, now)
				}
			}
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
