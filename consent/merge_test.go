package consent

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gdprkit/gdprkit/internal/ids"
)

// drawID draws from few ids, so that the records of two persons share some.
func drawID(t *rapid.T) (id ids.ID) {
	id[15] = byte(rapid.IntRange(1, 12).Draw(t, "id"))
	return id
}

func drawTime(t *rapid.T) int64 { return day(rapid.IntRange(1, 90).Draw(t, "day")).UnixMicro() }

var drawPurposes = []string{"news|email", "product-a|", "game|", "soft|email", "offers|email", "order|", "security|"}

// drawEvent draws an event as the ledger makes them.
func drawEvent(t *rapid.T) event {
	e := event{id: drawID(t), at: drawTime(t), subject: "c-1"}
	e.purpose, e.channel = splitKey(rapid.SampledFrom(drawPurposes).Draw(t, "pair"))
	e.kind = rapid.SampledFrom([]Event{
		EventGiven, EventGiven, EventGiven, EventRefused, EventWithdrawn, EventRevoked, EventInvalidated, EventRequested, EventImported,
		EventEstablished, EventEstablished, EventCeased, EventObjected, EventUpheld, EventOverridden, EventMarketing, EventSuppressed, EventReleased,
		EventRestricted, EventLifted, EventDescribed,
	}).Draw(t, "kind")
	e.version = 1
	d := &e.detail
	switch e.kind {
	case EventGiven:
		d.Age, d.Country = rapid.SampledFrom([]int{0, 12, 13, 18}).Draw(t, "age"), rapid.SampledFrom([]string{"", "BE", "NL"}).Draw(t, "country")
		d.Threshold = rapid.SampledFrom([]int{0, 13, 16}).Draw(t, "threshold")
		d.Guardian, d.Explicit = rapid.Bool().Draw(t, "guardian"), rapid.Bool().Draw(t, "explicit")
		e.until = rapid.SampledFrom([]int64{0, day(60).UnixMicro(), day(500).UnixMicro()}).Draw(t, "until")
	case EventEstablished, EventCeased:
		e.ground = rapid.SampledFrom([]Ground{Contract, ExistingCustomer, LegitimateInterest}).Draw(t, "ground")
	case EventMarketing, EventSuppressed, EventReleased:
		d.Scope = rapid.SampledFrom([]string{"", e.purpose}).Draw(t, "scope")
	case EventRestricted, EventLifted:
		d.Scope = rapid.SampledFrom([]string{"*", e.purpose}).Draw(t, "scope")
	case EventDescribed:
		d.Person = &personEdit{
			Kind: rapid.SampledFrom([]Kind{"", Consumer, RoleAddress, BusinessContact}).Draw(t, "kind of person"), Country: rapid.SampledFrom([]string{"", "BE", "NL", "FR"}).Draw(t, "country"),
			Age: rapid.SampledFrom([]int{0, 12, 20}).Draw(t, "age"), AgeOn: drawTime(t), Deceased: rapid.SampledFrom([]int64{0, 0, 0, day(40).UnixMicro()}).Draw(t, "died"),
		}
	}
	return e
}

func drawState(t *rapid.T) *state {
	events := rapid.SliceOfN(rapid.Custom(drawEvent), 0, 10).Draw(t, "events")
	// Two events of one id are the same event, so ids must differ unless all is equal.
	byID := map[ids.ID]bool{}
	var distinct []event
	for _, e := range events {
		if !byID[e.id] {
			byID[e.id] = true
			distinct = append(distinct, e)
		}
	}
	return derive(distinct)
}

func text(s *state) string { return string(s.normal().encode()) }

func TestMergeIsASemilattice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := uniqueIDs(drawState(t), 1), uniqueIDs(drawState(t), 2), uniqueIDs(drawState(t), 3)
		require.Equal(t, text(join(a, b)), text(join(b, a)), "commutative")
		require.Equal(t, text(join(join(a, b), c)), text(join(a, join(b, c))), "associative")
		require.Equal(t, text(a), text(join(a, a)), "idempotent")
		require.Equal(t, text(join(a, b)), text(join(join(a, b), b)), "absorbing")
	})
}

// uniqueIDs makes the stops of one person's record differ from another's, as ids do.
func uniqueIDs(s *state, who byte) *state {
	n := s.clone()
	for i := range n.Stops {
		n.Stops[i].Event[0] = who
	}
	for i := range n.Restrict {
		n.Restrict[i].Event[0] = who
	}
	for k, p := range n.Pairs {
		over := make([]ids.ID, len(p.Over))
		for i, id := range p.Over {
			id[0] = who
			over[i] = id
		}
		p.Over = over
		if len(over) == 0 {
			p.Over = nil
		}
		n.Pairs[k] = p
	}
	return n
}

func TestMergeNeverLoosens(t *testing.T) {
	bench := open(t, nil)
	r := &bench.rules
	rapid.Check(t, func(t *rapid.T) {
		a, b := uniqueIDs(drawState(t), 1), uniqueIDs(drawState(t), 2)
		m := join(a, b)
		at := day(rapid.IntRange(0, 400).Draw(t, "asked"))
		for _, key := range drawPurposes {
			q := &Query{Subject: "c-1"}
			q.Purpose, q.Channel = splitKey(key)
			one, two, both := r.decide(q, a.view(q), at), r.decide(q, b.view(q), at), r.decide(q, m.view(q), at)
			if both.Allowed {
				require.True(t, one.Allowed || two.Allowed, "%s: allowed after the merge (%s), denied before (%s, %s)", key, both.Reason, one.Reason, two.Reason)
			}
			for _, d := range []Decision{one, two} {
				switch d.Reason {
				case RestrictedBy18, ObjectedMarketing, Suppressed, ObjectionPending, ObjectionUpheld, ConsentWithdrawn, ConsentRefused, SubjectDeceased:
					require.False(t, both.Allowed, "%s: %s was lost", key, d.Reason)
				}
			}
		}
	})
}

// The change that a decision foretells is real: nothing changes before, and the
// answer differs at that moment.
func TestChangesAreForetold(t *testing.T) {
	bench := open(t, nil)
	r := &bench.rules
	rapid.Check(t, func(t *rapid.T) {
		s := drawState(t)
		at := day(rapid.IntRange(0, 400).Draw(t, "asked"))
		for _, key := range drawPurposes {
			q := &Query{Subject: "c-1"}
			q.Purpose, q.Channel = splitKey(key)
			d := r.decide(q, s.view(q), at)
			horizon := at.AddDate(5, 0, 0)
			if !d.Changes.IsZero() {
				horizon = d.Changes
				require.True(t, d.Changes.After(at))
				require.NotEqual(t, d.Allowed, r.decide(q, s.view(q), d.Changes).Allowed)
			}
			for x := at; x.Before(horizon); x = x.AddDate(0, 0, 37) {
				require.Equal(t, d.Allowed, r.decide(q, s.view(q), x).Allowed)
			}
		}
	})
}

// A state survives its encoding, and a row of a pair decides as the whole state does.
func TestRowsDecideAsTheState(t *testing.T) {
	bench := open(t, nil)
	r := &bench.rules
	rapid.Check(t, func(t *rapid.T) {
		s := drawState(t)
		again, err := decodeState(s.encode())
		require.NoError(t, err)
		require.Equal(t, text(s), text(again))
		for key := range s.Pairs {
			w := s.project(key)
			q := &Query{Subject: "c-1"}
			q.Purpose, q.Channel = splitKey(key)
			part, err := w.view(q)
			require.NoError(t, err)
			require.Equal(t, r.decide(q, s.view(q), day(50)), r.decide(q, part, day(50)))
		}
	})
}

// No kind of person has the strictest rules everywhere: a consumer may be mailed as
// an existing customer where a business contact may not.
func TestMergeOfDifferentKindsIsStrict(t *testing.T) {
	b := open(t, func(o *Options) {
		o.ContactRules = []ContactRule{{Country: "NL", Channel: "email", Addressee: string(BusinessContact), Relation: "*", Rule: OptIn},
			{Country: "NL", Channel: "email", Addressee: string(BusinessContact), Relation: "customer", Rule: OptIn}}
	})
	_, err := b.Establish(ctx, Act{Subject: "a", Purpose: "soft", Channel: "email", At: day(1), Ground: ExistingCustomer, Reference: "order-1"})
	require.NoError(t, err)
	_, err = b.Describe(ctx, Person{Subject: "a", Kind: BusinessContact, At: day(1)})
	require.NoError(t, err)
	b.denied(t, NoConsent, "a", "soft", "email")
	_, err = b.Merge(ctx, Act{Subject: "b", Other: "a", At: day(2)})
	require.NoError(t, err)
	b.denied(t, NoConsent, "b", "soft", "email")
	_, err = b.Describe(ctx, Person{Subject: "b", Kind: Consumer, Country: "NL", At: day(3)})
	require.NoError(t, err)
	require.Equal(t, ExistingCustomer, b.allowed(t, "b", "soft", "email").Basis)
}
