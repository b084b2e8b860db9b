package cluster

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// Nodes of a Galera cluster are killed under load. Nothing that was acknowledged
// is lost or doubled, no decision is stale, and each node verifies the same log.
func TestGalera(t *testing.T) {
	needFlag(t)
	g := StartGalera(t)
	admin, err := openPool("mysql", g.Nodes[0].DSN(""))
	require.NoError(t, err)
	_, err = admin.Exec("CREATE DATABASE crm")
	require.NoError(t, err)
	admin.Close()
	var places []*place
	for _, n := range g.Nodes {
		places = append(places, newPlace(t, "mysql", n.DSN("crm"), sqlstore.MySQL))
	}
	prepare(t, places)
	err = newPlace(t, "mysql", g.Nodes[0].plainDSN("crm"), sqlstore.MySQL).db.Check(t.Context())
	require.ErrorContains(t, err, "wsrep_sync_wait is 0: set wsrep_sync_wait=1 in the DSN")
	l, ask := mixed(places)
	for round := range 3 {
		n := g.Nodes[(round+1)%3]
		time.Sleep(pause())
		n.Kill()
		time.Sleep(2 * time.Second)
		n.Start(t, false)
	}
	time.Sleep(pause())
	l.until(t, ask, pairs())
	l.end(t)
	l.check(t)
	isolated(t, g.Nodes[0])
}

// mixed starts all kinds of work at once. The consents returned are those whose
// decisions are counted.
func mixed(places []*place) (*load, []*consents) {
	a, b := newConsents("a"), newConsents("b")
	return startLoad(places, a, b, newActs("act"), newSeals("seal"), newSweeps(1), newRequests("request")), []*consents{a, b}
}

// pause is the time between two deaths.
func pause() time.Duration {
	if long() {
		return 60 * time.Second
	}
	return 2 * time.Second
}

// pairs is how often a consent is withdrawn in one place and asked for in another.
func pairs() int {
	if long() {
		return 10_000
	}
	return 500
}

func long() bool { return os.Getenv("GDPRKIT_LONG") != "" }
