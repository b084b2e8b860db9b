package retentiontest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// bad is an engine over rows that are due, of which something is refused.
type bad struct{ *fixture }

func openBad(t *testing.T, dir storage.Directory) *bad {
	f := open(t, dir, Plain, nil)
	f.insert(many(30)...)
	return &bad{f}
}

// names checks what an error says, and that nothing was swept and no plan is left.
func (b *bad) names(err error, parts ...string) {
	b.t.Helper()
	require.Error(b.t, err)
	for _, p := range parts {
		require.ErrorContains(b.t, err, p)
	}
	require.Len(b.t, b.rows(), 30)
	require.Empty(b.t, b.handled())
	for _, s := range []*storage.Select{
		{From: schema.Plan, Columns: []string{"id"}, Order: []string{"id"}}, {From: schema.PlanPage, Columns: []string{"plan", "page"}, Order: []string{"plan", "page"}},
		{From: schema.PlanShard, Columns: []string{"plan", "shard"}, Order: []string{"plan", "shard"}},
	} {
		for _, err := range b.store.Scan(b.ctx, s, nil) {
			require.NoError(b.t, err)
			require.Fail(b.t, "a row of a plan is left", s.From.Name)
		}
	}
}

// schedule refuses Plain with a part of it replaced.
func (b *bad) schedule(old, new string) error {
	b.t.Helper()
	require.Contains(b.t, Plain, old)
	s, err := retention.ParseSchedule([]byte(strings.Replace(Plain, old, new, 1)))
	require.Nil(b.t, s)
	require.ErrorIs(b.t, err, gdpr.ErrInvalid)
	return err
}

func (b *bad) sweep() error {
	b.t.Helper()
	p, err := b.Plan(b.ctx, retention.PlanOptions{By: "planner"})
	require.Nil(b.t, p)
	require.ErrorIs(b.t, err, retention.ErrSource)
	return err
}

type otherCategory struct{ *Host }

func (otherCategory) Category() string { return "letters" }

func unknownCategory(t *testing.T, dir storage.Directory) {
	b := openBad(t, dir)
	o := b.opt
	o.Sources = []retention.Source{otherCategory{b.host}}
	e, err := retention.New(b.store, b.Schedule(), &o)
	require.Nil(t, e)
	require.ErrorIs(t, err, retention.ErrUnknownCategory)
	b.names(err, "source invoices", "no rule covers the category", `"letters"`)
	_, err = b.Schedule().On(today).Condition("letters")
	b.names(err, "no rule covers the category", `"letters"`)
	_, err = b.Hold(b.ctx, retention.Hold{Category: "letters", Ground: "g", Reason: "r", Actor: "a"})
	b.names(err, "no rule covers the category", `"letters"`)
}

func unknownPeriod(t *testing.T, dir storage.Directory) {
	b := openBad(t, dir)
	b.names(b.schedule("P2Y", "2 years"), "/rules/0/period", "rule use", `"2 years"`, `such as "P7Y"`)
}

func unknownStartRule(t *testing.T, dir storage.Directory) {
	b := openBad(t, dir)
	b.names(b.schedule(`"events"`, `"anchor":"end_of_week","events"`), "/rules/0/start/anchor", "rule use", `"end_of_week"`, `"end_of_calendar_year"`)
}

func ruleWithoutGround(t *testing.T, dir storage.Directory) {
	b := openBad(t, dir)
	b.names(b.schedule(`"ground":"GDPR art. 6(1)(f)",`, ""), "/rules/0", "rule use", "'ground'")
	b.names(b.schedule("GDPR art. 6(1)(f)", ""), "/rules/0/ground", "rule use", `""`)
}

func contradictingRules(t *testing.T, dir storage.Directory) {
	b := openBad(t, dir)
	err := b.schedule(`"basis":"f"}]}`, `"basis":"f"},
	 {"id":"veil","category":"invoice","kind":"maximum","period":"P2Y","start":{"events":["last_contact"]},"then":"mask","ground":"g"}]}`)
	b.names(err, "/rules/1/then", "rule veil", `"mask" contradicts "erase"`, "(use)")
}

func dateInTheFuture(t *testing.T, dir storage.Directory) {
	b := openBad(t, dir)
	// Another rule makes the row due, and the engine looks at all of its dates.
	b.Engine = b.engine(strings.Replace(Plain, `"basis":"f"}]}`, `"basis":"f"},
	 {"id":"other","category":"invoice","kind":"maximum","period":"P0D","start":{"events":["issued"]},"ground":"g"}]}`, 1))
	_, err := b.store.Apply(b.ctx, touchRow.With(storage.Micros(today.AddDate(0, 0, 3)), "r00029"))
	require.NoError(t, err)
	b.names(b.sweep(), "source invoices", "rule use", "last_contact", `"2026-11-24"`, "r00029")
}

func rowsOutOfOrder(t *testing.T, dir storage.Directory) {
	b := openBad(t, dir)
	b.host.Disorder = true
	b.names(b.sweep(), "source invoices", "key", `"r00007"`, "strictly ascending order")
}

func keyForgotten(t *testing.T, dir storage.Directory) {
	b := openBad(t, dir)
	b.host.Keyless = true
	b.names(b.sweep(), "source invoices", "key", `""`, "every row needs a key")
}
