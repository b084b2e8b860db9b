package consent

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// dated is an act of a random history, of a kind that begins or ends a stop.
type dated struct {
	ends     bool
	suppress bool
	reach    string // scope of a restriction, purpose of a suppression
	at       int    // day
}

func drawDated(t *rapid.T) dated {
	d := dated{ends: rapid.Bool().Draw(t, "ends"), suppress: rapid.Bool().Draw(t, "suppress"), at: rapid.IntRange(1, 12).Draw(t, "day")}
	d.reach = rapid.SampledFrom([]string{"*", "offers"}).Draw(t, "reach")
	if d.suppress && d.reach == "*" {
		d.reach = ""
	}
	return d
}

func (d *dated) do(b *bench) (err error) {
	a := Act{Subject: "c-1", At: day(d.at), Told: day(d.at), Ground: RestrictAccuracy, Scope: d.reach, Reference: "doc-1"}
	switch {
	case d.suppress && d.ends:
		a.Purpose = d.reach
		_, err = b.Release(ctx, a)
	case d.suppress:
		a.Purpose, a.Ground = d.reach, ""
		_, err = b.Suppress(ctx, a)
	case d.ends:
		_, err = b.Lift(ctx, a)
	default:
		_, err = b.Restrict(ctx, a)
	}
	return err
}

// stopped says it plainly: some stop was valid at a day and known then, and nothing
// known then ended it by that day that was recorded after it and lies after its start.
func stopped(known []dated, suppress bool, at int) bool {
	for i, begin := range known {
		if begin.ends || begin.suppress != suppress || begin.at > at {
			continue
		}
		if !slices.ContainsFunc(known[i:], func(e dated) bool {
			return e.ends && e.suppress == suppress && e.reach == begin.reach && e.at >= begin.at && e.at <= at
		}) {
			return true
		}
	}
	return false
}

// Whatever order acts are recorded in, a decision about any day, by what was known on
// any other, is the one that the dates demand, and the kept state decides about today
// as the history does.
func TestStopsAreBitemporal(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := open(t, nil)
		var known []dated
		var when []time.Time
		for _, d := range rapid.SliceOfN(rapid.Custom(drawDated), 1, 12).Draw(r, "acts") {
			b.clock.t = b.clock.t.Add(time.Minute)
			switch err := d.do(b); {
			case errors.Is(err, ErrNoRecord): // a lifting of nothing leaves nothing
			default:
				require.NoError(r, err)
				known, when = append(known, d), append(when, b.clock.t)
			}
		}
		require.NoError(r, b.Verify(ctx, "c-1"))
		for k := range known {
			for at := 0; at <= 13; at += 1 + k%2 {
				requireStops(r, b, Query{At: day(at), AsOf: when[k]}, known[:k+1], at)
			}
		}
		requireStops(r, b, Query{}, known, 13)
	})
}

func requireStops(t require.TestingT, b *bench, q Query, known []dated, at int) {
	q.Subject, q.Purpose, q.Channel = "c-1", "offers", "post"
	d, err := b.Check(ctx, q)
	require.NoError(t, err)
	found := map[Reason]bool{}
	for _, s := range d.Chain {
		found[s.Code] = s.Denies
	}
	require.Equal(t, stopped(known, false, at), found[RestrictedBy18], "restricted on day %d after %v", at, known)
	require.Equal(t, stopped(known, true, at), found[Suppressed], "suppressed on day %d after %v", at, known)
}
