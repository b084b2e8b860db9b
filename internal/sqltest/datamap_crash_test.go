package sqltest

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/datamap"
	"github.com/gdprkit/gdprkit/dsar"
	suite "github.com/gdprkit/gdprkit/internal/datamaptest"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

const callSchedule = `{"version": "1", "timeZone": "UTC", "country": "NL", "rules": [{"id": "calls", "category": "calls", "kind": "maximum", "period": "P2Y",
	"ground": "AVG 6(1)(f)", "basis": "f", "start": {"events": ["started"]}}]}`

// crashNow is a clock that all processes share and that goes on, since leases
// end by it.
func crashNow() time.Time {
	const month = 30 * 24 * int64(time.Hour)
	return time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(time.Now().UnixNano() % month))
}

// manyCalls gives Frank n calls with notes about him, and Bob some.
func (c *crm) manyCalls(n int) {
	c.Helper()
	tx, err := c.db.SQL().Begin()
	require.NoError(c, err)
	var rows []string
	for i := range n {
		rows = append(rows, fmt.Sprintf("('%s', 'People', '%s', 'FRANK said %d', '2020-02-03 04:05:06', 1)", suite.UUID('f', i), frank[7:], i),
			fmt.Sprintf("('%s', 'People', '%s', 'BOB said %d', '2026-02-03 04:05:06', 1)", suite.UUID('b', i), bob[7:], i))
		if len(rows) >= 500 || i == n-1 {
			_, err := tx.Exec("INSERT INTO calls VALUES " + strings.Join(rows, ", "))
			require.NoError(c, err)
			rows = rows[:0]
		}
	}
	require.NoError(c, tx.Commit())
}

func many() int {
	if os.Getenv("GDPRKIT_LONG") != "" {
		return 50_000
	}
	return 1_000
}

func childLive(c *ChildProcess) (*datamap.Live, error) {
	m, err := datamap.Parse([]byte(suite.Map))
	if err != nil {
		return nil, err
	}
	return datamap.Open(c, c.DB, m, &datamap.Options{Now: crashNow,
		Outside: map[string]datamap.Outside{"uploads": {
			Holds: func(context.Context, string) (bool, error) { return false, nil },
			Erase: func(context.Context, string) error { return nil },
		}}})
}

// The child erases Frank in batches, each its own transaction, and says when it
// has begun.
var _ = Child("datamap-erase", func(c *ChildProcess) error {
	l, err := childLive(c)
	if err != nil {
		return err
	}
	var items []dsar.Item
	s := l.Source()
	for rec, err := range s.Collect(c, frank, dsar.Scope{}) {
		if err != nil {
			return err
		}
		items = append(items, dsar.Item{Table: rec.Section.Table, Key: rec.Key, Action: dsar.ActErase})
	}
	for len(items) > 0 {
		n := min(100, len(items))
		if _, err := s.Erase(c, frank, items[:n]); err != nil {
			return err
		}
		items = items[n:]
		c.Say("batch")
	}
	return nil
})

var _ = Child("datamap-sweep", func(c *ChildProcess) error {
	l, err := childLive(c)
	if err != nil {
		return err
	}
	e, err := crashEngine(c.DB, l)
	if err != nil {
		return err
	}
	_, err = e.Execute(c, c.Args[0], &retention.ExecuteOptions{Progress: func(retention.Progress) { c.Say("batch") }})
	return err
})

func crashEngine(db *sqlstore.DB, l *datamap.Live) (*retention.Engine, error) {
	s, err := retention.ParseSchedule([]byte(callSchedule))
	if err != nil {
		return nil, err
	}
	var sources []retention.Source
	for _, x := range l.Sweeps() {
		if x.Category() == "calls" {
			sources = append(sources, x)
		}
	}
	return retention.New(db.Tenant("acme"), s, &retention.Options{Sources: sources, Now: crashNow, SelfApproval: true, BatchRows: 100, Lease: 2 * time.Second})
}

// killAfter kills a child in the middle of a batch that follows the n-th.
func killAfter(t *testing.T, p *Process, n int) {
	t.Helper()
	for range n {
		select {
		case _, ok := <-p.Lines:
			if !ok {
				return // it was done before it could be killed
			}
		case <-time.After(30 * time.Second):
			t.Fatal("the child says nothing")
		}
	}
	p.Kill()
}

func TestDatamapSurvivesKill(t *testing.T) {
	Each(t, func(t *testing.T, e *Engine) {
		if e.Name == "postgres-pq" {
			return // pgx covers PostgreSQL
		}
		dsn := e.DSN(t)
		c := crmOn(t, e, e.SQL(t, dsn))
		c.exec("DELETE FROM calls")
		c.manyCalls(many())
		others := func() [][]string {
			return cells(t, c.db, "SELECT * FROM calls WHERE parent_id <> '"+frank[7:]+"' ORDER BY id")
		}
		before := others()

		l := c.live
		engine, err := crashEngine(c.db, l)
		require.NoError(t, err)
		half := "UPDATE calls SET started_at = '2026-01-01 00:00:00' WHERE parent_id = '" + frank[7:] + "' AND id > '" + suite.UUID('f', many()/2) + "'"
		c.exec(half) // half of Frank's calls are due, the other half is for the erasure
		p, err := engine.Plan(t.Context(), retention.PlanOptions{By: "planner"})
		require.NoError(t, err)
		require.NoError(t, engine.Approve(t.Context(), p.ID, p.Hash, "planner"))
		for _, batches := range []int{1, 3} {
			killAfter(t, e.Spawn(t, "datamap-sweep", dsn, p.ID), batches)
		}
		_, err = engine.Execute(t.Context(), p.ID, nil)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(many()/2-1), c.one("SELECT COUNT(*) FROM calls WHERE parent_id = '"+frank[7:]+"'"), "the due half is gone")

		for _, batches := range []int{1, 4} {
			killAfter(t, e.Spawn(t, "datamap-erase", dsn), batches)
		}
		c.erase(frank)
		require.Empty(t, c.holds("FRANK"), "the end state is that of an undisturbed run")
		require.True(t, reflect.DeepEqual(before, others()), "nobody else's cell changed")
	})
}
