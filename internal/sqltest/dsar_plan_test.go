package sqltest

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit"
	"github.com/gdprkit/gdprkit/datamap"
	"github.com/gdprkit/gdprkit/dsar"
	suite "github.com/gdprkit/gdprkit/internal/datamaptest"
	"github.com/gdprkit/gdprkit/internal/dsartest"
	"github.com/gdprkit/gdprkit/pseudonym/keyring"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// outcomesOf says what an action of a plan comes to.
var outcomesOf = map[dsar.Action][]dsar.Outcome{
	dsar.ActErase: {dsar.Erased}, dsar.ActMask: {dsar.Masked, dsar.Anonymised},
	dsar.ActBlock: {dsar.Blocked}, dsar.ActKeep: {dsar.KeptBasis, dsar.KeptClaim},
}

// What the map keeps, for a duty, for another person or because a row refers to it, a
// plan says beforehand, item by item.
func TestDSARPlanEqualsRun(t *testing.T) {
	Each(t, func(t *testing.T, e *Engine) {
		if e.Name == "postgres-pq" || e.Dialect != sqlstore.SQLite && os.Getenv("GDPRKIT_LONG") == "" {
			t.Skip("the plan is the same on every engine; set GDPRKIT_LONG=1")
		}
		seen := map[string]bool{}
		for _, year := range []int{2026, 2033} { // with duties that run, and without
			now := time.Date(year, 1, 1, 9, 0, 0, 0, time.UTC)
			c := openCRM(t, e)
			c.open(suite.Map, now)
			s := planned(t, c.db, c.live, now)
			s.seen = seen
			for _, subject := range []string{carol, alice, bob} {
				s.same(subject, dsar.Scope{})
			}
		}
		now := time.Date(2012, 1, 1, 9, 0, 0, 0, time.UTC) // Chinook's invoices are of 2009 to 2013
		db := Chinook(t, e)
		live := openChinook(t, e, db, now)
		s := planned(t, db, live, now)
		s.seen = seen
		s.same("customer:20", dsar.Scope{Categories: []string{"invoice"}})
		for _, customer := range []int{1, 2, 20, 46} {
			s.same(fmt.Sprint("customer:", customer), dsar.Scope{})
		}
		s.same("staff:3", dsar.Scope{})
		t.Log(slices.Sorted(maps.Keys(seen)))
		for _, want := range []string{"erase", "mask", "mask referenced-by:people", "block", "keep shared"} {
			require.True(t, seen[want], want)
		}
	})
}

type planning struct {
	*requests
	seen map[string]bool // actions with the evidence that explains them
}

func planned(t *testing.T, db *sqlstore.DB, live *datamap.Live, now time.Time) *planning {
	secret, err := keyring.RawKey(make([]byte, 32))
	require.NoError(t, err)
	ring, err := keyring.Create(filepath.Join(t.TempDir(), "keyring"), secret, nil)
	require.NoError(t, err)
	controller := dsartest.Controller()
	kit, err := gdprkit.Open(t.Context(), db, "acme", ring, &gdprkit.Options{Controller: &controller, Sources: live.Sources(), Now: func() time.Time { return now }})
	require.NoError(t, err)
	return &planning{&requests{t, db, live, kit}, nil}
}

// same erases a subject and compares each item with the plan.
func (s *planning) same(subject string, scope dsar.Scope) {
	ctx := context.Background()
	r, err := s.kit.Desk.Receive(ctx, dsar.Intake{Kind: dsar.Erasure, Ground: "A17-1-b", Subjects: []string{subject}, Scope: scope})
	require.NoError(s, err)
	_, err = s.kit.Desk.Waive(ctx, r.ID, "known", s1)
	require.NoError(s, err)
	p, err := s.kit.Desk.Plan(ctx, r.ID, s1)
	require.NoError(s, err)
	before := s.items(r.ID)
	_, err = s.kit.Desk.Approve(ctx, r.ID, p.Hash, s2)
	require.NoError(s, err)
	_, err = s.kit.Desk.Work(ctx, r.ID, s1)
	require.NoError(s, err)
	after := s.items(r.ID)
	require.Len(s, after, len(before))
	for n, b := range before {
		if b.Source != s.live.Source().Name() {
			continue
		}
		a := after[n]
		at := fmt.Sprintln(subject, b.Table, b.Key, "plan", b.Action, b.Ground, "run", a.Outcome, a.Ground, a.Evidence)
		require.Equal(s, b.Key, a.Key, at)
		require.Contains(s, outcomesOf[b.Action], a.Outcome, at)
		require.Equal(s, b.Action, a.Action, at)
		require.Equal(s, b.Ground, a.Ground, at)
		why := a.Evidence
		if b.Action == dsar.ActKeep {
			why = a.Ground
		} else if b.Action == dsar.ActBlock {
			why = ""
		}
		s.seen[strings.TrimSpace(string(b.Action)+" "+why)] = true
	}
}

func (s *planning) items(id string) (out []dsar.PlannedItem) {
	for i, err := range s.kit.Desk.Items(context.Background(), id) {
		require.NoError(s, err)
		out = append(out, i)
	}
	return out
}
