package dsartest

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/stretchr/testify/require"
)

// twoTables is a source of two tables that share a category and have a record of
// the same key each. Rows of people are masked in place; bills are kept.
type twoTables struct {
	people, bills *dsar.Section
	masked, gone  bool // the person, the bill
	asked         []dsar.Item
}

func newTwoTables() *twoTables {
	cols := []dsar.Column{{Name: "id", Immutable: true, Duty: true}, {Name: "name", Duty: true}, {Name: "phone"}}
	return &twoTables{
		people: &dsar.Section{Category: "shared", Table: "people", Columns: cols, RecordPrefix: "people/", InPlace: true},
		bills:  &dsar.Section{Category: "shared", Table: "bills", Columns: cols, RecordPrefix: "bills/"},
	}
}

func (*twoTables) Name() string                { return "two" }
func (s *twoTables) Sections() []*dsar.Section { return []*dsar.Section{s.people, s.bills} }

func (s *twoTables) Collect(context.Context, string, dsar.Scope) iter.Seq2[*dsar.Record, error] {
	return func(yield func(*dsar.Record, error) bool) {
		for _, sec := range s.Sections() {
			if sec == s.bills && s.gone {
				return
			}
			if !yield(&dsar.Record{Section: sec, Key: "77", Values: []any{"77", "Anna", "1"}}, nil) {
				return
			}
		}
	}
}

func (s *twoTables) Erase(_ context.Context, _ string, items []dsar.Item) ([]dsar.Result, error) {
	out := make([]dsar.Result, len(items))
	for i, it := range items {
		s.asked = append(s.asked, it)
		switch {
		case it.Table == "people":
			s.masked, out[i].Outcome = true, dsar.Masked
		case len(it.Fields) > 0:
			out[i].Outcome = dsar.Masked
		case s.gone:
			out[i].Outcome = dsar.NotHeld
		default:
			s.gone, out[i].Outcome = true, dsar.Erased
		}
	}
	return out, nil
}

// bookkeeper keeps bills for a year, and notes the names under which it is asked.
type bookkeeper struct {
	until   time.Time
	now     func() time.Time
	kept    map[string]bool
	blocked map[string]bool
}

func (k *bookkeeper) Keep(_ context.Context, _, _, record string, _ map[string]time.Time) (bool, time.Time, string, string, error) {
	k.kept[record] = true
	if record == "bills/77" && k.now().Before(k.until) {
		return true, k.until, "must", "NL-AWR-52", nil
	}
	return false, time.Time{}, "", "", nil
}

func (k *bookkeeper) Block(_ context.Context, _, _, record, _ string, _ time.Time) error {
	k.blocked[record] = true
	return nil
}

func (k *bookkeeper) Unblock(_ context.Context, _, _, record string) error {
	delete(k.blocked, record)
	return nil
}

// sharedCategory: tables of one category are kept apart, a row that stays is
// planned and reported as masked, and a block ends when the record is gone,
// whoever erased it.
func sharedCategory(t *testing.T, w *World) {
	for _, swept := range []bool{false, true} {
		ctx := context.Background()
		src := newTwoTables()
		k := &bookkeeper{until: w.Now().AddDate(1, 0, 0), now: w.Now, kept: map[string]bool{}, blocked: map[string]bool{}}
		w.Options.Sources, w.Options.Keeper, w.Options.Blocker = []dsar.Source{src}, k, k
		w.Restart()
		r := w.Receive(dsar.Erasure)
		_, err := w.Desk.Waive(ctx, r.ID, "known", By("emp1"))
		require.NoError(t, err)
		p := w.Approve(r.ID)
		require.Equal(t, map[dsar.Action]int{dsar.ActMask: 1, dsar.ActBlock: 1}, p.Sources[0].Actions)
		_, err = w.Finish(r.ID)
		require.NoError(t, err)
		require.True(t, src.masked)
		require.Len(t, src.asked, 2)
		require.Equal(t, []string{"phone"}, src.asked[1].Fields, "what the duty does not name")
		require.Equal(t, dsar.ActErase, src.asked[0].Action, "the source knows how")
		require.Equal(t, "77", src.asked[0].Key)
		for i, err := range w.Desk.Items(ctx, r.ID) {
			require.NoError(t, err)
			if i.Source == src.Name() {
				require.Equal(t, map[string]dsar.Outcome{"people": dsar.Masked, "bills": dsar.Blocked}[i.Table], i.Outcome)
			}
		}
		require.True(t, k.kept["people/77"] && k.kept["bills/77"] && !k.kept["77"])
		require.Equal(t, map[string]bool{"bills/77": true}, k.blocked)

		w.Wait(366 * 24 * time.Hour)
		src.gone = swept // by a sweep of retention meanwhile
		n, err := w.Desk.Rest(ctx, By(dsar.BySystem))
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.True(t, src.gone)
		require.Empty(t, k.blocked)
	}
}

// fieldsThatWait: an erasure of some fields that a duty holds back takes these
// fields when the duty ends, never the record, which stays in use until then.
func fieldsThatWait(t *testing.T, w *World) {
	ctx := context.Background()
	src := newTwoTables()
	k := &bookkeeper{until: w.Now().AddDate(1, 0, 0), now: w.Now, kept: map[string]bool{}, blocked: map[string]bool{}}
	w.Options.Sources, w.Options.Keeper, w.Options.Blocker = []dsar.Source{src}, k, k
	w.Restart()
	in := Intake(dsar.Erasure)
	in.Scope = dsar.Scope{Fields: []string{"name"}}
	r := w.PrepareOf(in)
	_, err := w.Finish(r.ID)
	require.NoError(t, err)
	require.Empty(t, k.blocked)
	src.asked = nil

	w.Wait(366 * 24 * time.Hour)
	n, err := w.Desk.Rest(ctx, By(dsar.BySystem))
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Len(t, src.asked, 1)
	require.Equal(t, dsar.ActMask, src.asked[0].Action)
	require.Equal(t, []string{"name"}, src.asked[0].Fields)
	require.False(t, src.gone)
}

// restBeforeTheAnswer: what a released hold frees waits until the request that
// asked for it is answered.
func restBeforeTheAnswer(t *testing.T, w *World) {
	ctx := context.Background()
	w.Keeper.Claims["c1-n1"] = true
	r := w.Prepare(dsar.Erasure)
	_, err := w.Desk.Work(ctx, r.ID, By("emp1"))
	require.NoError(t, err)
	delete(w.Keeper.Claims, "c1-n1")
	w.Wait(31 * 24 * time.Hour)
	n, err := w.Desk.Rest(ctx, By(dsar.BySystem))
	require.NoError(t, err)
	require.Zero(t, n)
	require.Len(t, w.CRM.Rows("notes"), 3)
	_, err = w.Finish(r.ID)
	require.NoError(t, err)
	n, err = w.Desk.Rest(ctx, By(dsar.BySystem))
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Len(t, w.CRM.Rows("notes"), 2)
}
