package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// The primary is killed under load and its synchronous standby promoted. One DSN
// names both hosts; no code changes.
func TestReplicated(t *testing.T) {
	needFlag(t)
	for _, driver := range []string{"pgx", "postgres"} {
		t.Run(driver, func(t *testing.T) {
			r := StartReplicated(t)
			places := []*place{newPlace(t, driver, r.DSN(), sqlstore.Postgres)}
			require.NoError(t, places[0].db.Migrate(t.Context()))
			require.NoError(t, places[0].log.Open(t.Context()))
			require.NoError(t, places[0].db.Check(t.Context()))
			l := startLoad(places, 6, 4)
			for range 3 {
				time.Sleep(2 * time.Second)
				r.FailOver(t, time.Second)
			}
			time.Sleep(2 * time.Second)
			l.end(t)
			l.check(t, places[0])
		})
	}
}
