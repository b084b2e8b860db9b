package cluster

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// Nodes of a Galera cluster are killed under load. Nothing that was acknowledged
// is lost or doubled, and each node verifies the same log.
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
	require.NoError(t, places[0].db.Migrate(t.Context()))
	require.NoError(t, places[0].log.Open(t.Context()))
	require.NoError(t, places[1].db.Check(t.Context()))

	l := startLoad(places, 6, 4)
	stale(t, places, pairs())
	for round := range 3 {
		n := g.Nodes[(round+1)%3]
		time.Sleep(2 * time.Second)
		n.Kill()
		time.Sleep(4 * time.Second)
		n.Start(t, false)
	}
	time.Sleep(2 * time.Second)
	l.end(t)
	for _, p := range places {
		l.check(t, p)
	}
}

func pairs() int {
	if os.Getenv("GDPRKIT_LONG") != "" {
		return 10_000
	}
	return 1000
}
