package cluster

import (
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/lib/pq"

	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// The primary is killed under load and its synchronous standby promoted. One DSN
// names both hosts; no code changes.
func TestReplicated(t *testing.T) {
	needFlag(t)
	for _, driver := range []string{"pgx", "postgres"} {
		t.Run(driver, func(t *testing.T) {
			kills := 3
			if driver == "postgres" && !long() {
				kills = 1
			}
			r := StartReplicated(t)
			places := []*place{newPlace(t, driver, r.DSN(), sqlstore.Postgres), newPlace(t, driver, r.DSN(), sqlstore.Postgres)}
			prepare(t, places)
			l, ask := mixed(places)
			for range kills {
				time.Sleep(pause())
				r.FailOver(t, time.Second)
			}
			time.Sleep(pause())
			l.until(t, ask, pairs())
			l.end(t)
			l.check(t)
		})
	}
}
