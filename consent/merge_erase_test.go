package consent

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var mergePairs = [][2]string{{"news", "email"}, {"product-a", ""}, {"offers", "post"}, {"security", ""}, {"order", ""}}

// answers are the decisions about a person, by pair.
func (b *bench) answers(t require.TestingT, subject string) (all []Decision) {
	for _, p := range mergePairs {
		d, err := b.Check(ctx, Query{Subject: subject, Purpose: p[0], Channel: p[1]})
		require.NoError(t, err)
		all = append(all, d)
	}
	return all
}

// lived is one random act about one of three persons.
func lived(r *rapid.T, b *bench, s, other string) (name string, err error) {
	name = rapid.SampledFrom([]string{"give", "give", "withdraw", "object", "marketing", "suppress", "restrict", "lift", "establish", "merge", "merge",
		"forget", "readmit", "readmit"}).Draw(r, "act")
	p := rapid.SampledFrom(mergePairs).Draw(r, "pair")
	a := Act{Subject: s, Purpose: p[0], Channel: p[1], At: day(rapid.IntRange(1, 90).Draw(r, "day")), Evidence: ticked(), Language: "en"}
	switch name {
	case "give":
		_, err = b.Give(ctx, a)
	case "withdraw":
		_, err = b.Withdraw(ctx, a)
	case "object":
		a.Purpose, a.Channel = "security", ""
		_, err = b.Object(ctx, a)
	case "marketing":
		a.Purpose = ""
		_, err = b.ObjectMarketing(ctx, a)
	case "suppress":
		_, err = b.Suppress(ctx, a)
	case "restrict":
		a.Scope, a.Ground = p[0], RestrictUnlawful
		_, err = b.Restrict(ctx, a)
	case "lift":
		a.Scope, a.Told = p[0], a.At
		_, err = b.Lift(ctx, a)
	case "establish":
		a.Purpose, a.Channel = "order", ""
		_, err = b.Establish(ctx, a)
	case "merge":
		a.Other, a.At = other, day(95)
		_, err = b.Merge(ctx, a)
	case "forget":
		_, _, err = b.Forget(ctx, s, "A17-1-a", time.Time{})
	case "readmit":
		a.At = b.clock.t
		_, err = b.Readmit(ctx, a)
	}
	return name, err
}

// A merge allows nothing that neither record allowed, whatever was erased or readmitted
// before; a merge with an erased person is refused; the erasure of one record leaves
// the answers about the others, and a readmission revives no consent and no ground, and
// keeps the stops of marketing.
func TestMergeNeverLoosensAcrossErasure(t *testing.T) {
	persons := []string{"a", "b", "c"}
	rapid.Check(t, func(r *rapid.T) {
		b := open(t, nil)
		for range rapid.IntRange(1, 12).Draw(r, "length") {
			s := rapid.SampledFrom(persons).Draw(r, "subject")
			other := rapid.SampledFrom(persons).Draw(r, "other")
			before := map[string][]Decision{}
			for _, x := range persons {
				before[x] = b.answers(r, x)
			}
			name, err := lived(r, b, s, other)
			if err != nil {
				continue
			}
			for _, x := range persons {
				after := b.answers(r, x)
				require.NoError(r, b.Verify(ctx, x))
				for i, d := range after {
					was := before[x][i]
					switch {
					case name == "merge" && (x == s || x == other):
						require.False(r, erased(before[s][i]) || erased(before[other][i]), "merged with an erased person")
						if d.Allowed {
							require.True(r, before[s][i].Allowed || before[other][i].Allowed, "%v: allowed by the merge", mergePairs[i])
						}
					case name == "forget" && x != s, name == "merge", name == "readmit" && x != s:
						require.Equal(r, was.Reason, d.Reason, "%s of %s changed %s", name, s, x)
					case name == "readmit" && d.Allowed:
						require.NotEqual(r, Consent, d.Basis, "a readmission revived a consent")
						require.NotEqual(r, Contract, d.Basis, "or a contract")
					}
				}
			}
		}
	})
}

func erased(d Decision) bool { return d.Reason == SubjectErased }

// Stops of marketing outlast erasure, readmission and a merge after it.
func TestStopsOutlastErasureAndMerge(t *testing.T) {
	b := open(t, nil)
	_, err := b.ObjectMarketing(ctx, Act{Subject: "a", At: day(1)})
	require.NoError(t, err)
	_, err = b.Merge(ctx, Act{Subject: "b", Other: "a", At: day(2)})
	require.NoError(t, err)
	_, _, err = b.Forget(ctx, "a", "A17-1-a", time.Time{})
	require.NoError(t, err)
	b.denied(t, ObjectedMarketing, "b", "offers", "post")
	_, err = b.Merge(ctx, Act{Subject: "c", Other: "a", At: day(3)})
	require.ErrorIs(t, err, ErrErased)
	b.allowed(t, "c", "offers", "post")
	_, err = b.Readmit(ctx, Act{Subject: "a", At: b.clock.t})
	require.NoError(t, err)
	b.denied(t, ObjectedMarketing, "a", "offers", "post")
	_, err = b.Merge(ctx, Act{Subject: "c", Other: "a", At: day(4)})
	require.NoError(t, err)
	b.denied(t, ObjectedMarketing, "c", "offers", "post")
	require.NoError(t, b.Verify(ctx, "c"))
}

// Of acts about one of two merged records, the tombstone of the other gets the stops of
// marketing, which outlast an erasure, and no record of anything else.
func TestErasedRecordGetsOnlyStopsOfMarketing(t *testing.T) {
	b := open(t, nil)
	_, err := b.Give(ctx, Act{Subject: "a", Purpose: "news", Channel: "email", At: day(1), Evidence: ticked(), Language: "en"})
	require.NoError(t, err)
	_, err = b.Merge(ctx, Act{Subject: "b", Other: "a", At: day(2)})
	require.NoError(t, err)
	_, _, err = b.Forget(ctx, "a", "A17-1-a", time.Time{})
	require.NoError(t, err)
	records := func(s string) (kinds []Event) {
		for r, err := range b.History(ctx, s) {
			require.NoError(t, err)
			kinds = append(kinds, r.Event)
		}
		return kinds
	}
	for _, x := range []struct {
		write            func(context.Context, Act) (Record, error)
		purpose, channel string
	}{{b.Withdraw, "news", "email"}, {b.Revoke, "news", "email"}, {b.Invalidate, "news", "email"}, {b.Object, "security", ""}, {b.Uphold, "security", ""},
		{b.Restrict, "", ""}, {b.Lift, "", ""}} {
		n := len(records("b"))
		_, err := x.write(ctx, Act{Subject: "b", Purpose: x.purpose, Channel: x.channel, At: day(3), Ground: RestrictUnlawful, Told: day(3)})
		require.NoError(t, err)
		require.Len(t, records("b"), n+1)
		require.Equal(t, []Event{EventErased}, records("a"))
	}
	_, err = b.ObjectMarketing(ctx, Act{Subject: "b", At: day(4)})
	require.NoError(t, err)
	_, err = b.Suppress(ctx, Act{Subject: "b", At: day(4)})
	require.NoError(t, err)
	require.Equal(t, []Event{EventErased, EventMarketing, EventSuppressed}, records("a"))
	_, err = b.Readmit(ctx, Act{Subject: "a", At: b.clock.t})
	require.NoError(t, err)
	b.denied(t, ObjectedMarketing, "a", "offers", "post")
	_, err = b.Withdraw(ctx, Act{Subject: "b", Purpose: "news", At: day(5)})
	require.NoError(t, err)
	require.Contains(t, records("a"), EventWithdrawn, "readmitted, it is a record of the person again")
	for _, s := range []string{"a", "b"} {
		require.NoError(t, b.Verify(ctx, s))
	}
}

// Whatever the order in which three records are merged, the answers are the same.
func TestOrderOfMergesDoesNotMatter(t *testing.T) {
	orders := [][][2]string{{{"a", "b"}, {"b", "c"}, {"c", "a"}}, {{"c", "b"}, {"a", "c"}, {"a", "b"}}, {{"b", "a"}, {"c", "a"}, {"b", "c"}}}
	rapid.Check(t, func(r *rapid.T) {
		type written struct {
			subject string
			seed    int
		}
		var acts []written
		for range rapid.IntRange(1, 8).Draw(r, "length") {
			acts = append(acts, written{rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "subject"), rapid.IntRange(0, 1<<20).Draw(r, "seed")})
		}
		var want [][]Reason
		for _, order := range orders {
			b := open(t, nil)
			for _, w := range acts {
				_ = replayed(b, w.subject, w.seed)
			}
			for _, m := range append(order, order[0]) {
				_, err := b.Merge(ctx, Act{Subject: m[0], Other: m[1], At: day(95)})
				require.NoError(r, err)
			}
			var got [][]Reason
			for _, s := range []string{"a", "b", "c"} {
				var reasons []Reason
				for _, d := range b.answers(r, s) {
					reasons = append(reasons, d.Reason)
				}
				got = append(got, reasons)
			}
			if want == nil {
				want = got
			}
			require.Equal(r, want, got, "%v", order)
			require.Equal(r, got[0], got[2], "all three are one person")
		}
	})
}

// replayed carries out the act that a number stands for.
func replayed(b *bench, s string, seed int) (err error) {
	p := mergePairs[seed%len(mergePairs)]
	a := Act{Subject: s, Purpose: p[0], Channel: p[1], At: day(1 + seed/7%80), Evidence: ticked(), Language: "en", Ground: RestrictUnlawful}
	switch seed / 5 % 7 {
	case 0, 1:
		_, err = b.Give(ctx, a)
	case 2:
		_, err = b.Withdraw(ctx, a)
	case 3:
		a.Purpose = ""
		_, err = b.ObjectMarketing(ctx, a)
	case 4:
		_, err = b.Suppress(ctx, a)
	case 5:
		a.Scope = p[0]
		_, err = b.Restrict(ctx, a)
	case 6:
		a.Purpose, a.Channel, a.Ground = "order", "", ""
		_, err = b.Establish(ctx, a)
	}
	return err
}
