package consent

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/gdprkit/gdprkit/internal/ids"
)

// join returns the state of a person whose two records were merged. It is the least
// upper bound of a semilattice that orders by restriction: commutative, associative
// and idempotent, every stop of either record stays, and nothing is allowed that
// neither allowed.
func join(a, b *state) *state {
	s := &state{
		Erased:   joinMark(a.Erased, b.Erased),
		Person:   joinPerson(a.Person, b.Person),
		Stops:    union(a.Stops, b.Stops, func(x *stop) ids.ID { return x.Event }),
		Restrict: union(a.Restrict, b.Restrict, func(x *restriction) ids.ID { return x.Event }),
		Object:   joinMap(a.Object, b.Object, joinObjection),
		Pairs:    joinMap(a.Pairs, b.Pairs, joinPair),
	}
	s.Links = append(slices.Clone(a.Links), b.Links...)
	slices.Sort(s.Links)
	s.Links = slices.Compact(s.Links)
	return s
}

func joinMap[V any](a, b map[string]V, f func(V, V) V) map[string]V {
	if len(a)+len(b) == 0 {
		return nil
	}
	m := cloneMap(a)
	if m == nil {
		m = map[string]V{}
	}
	for k, v := range b {
		if old, ok := m[k]; ok {
			v = f(old, v)
		}
		m[k] = v
	}
	return m
}

// union merges two lists sorted by event. The events of one id are equal.
func union[T any](a, b []T, id func(*T) ids.ID) []T {
	all := append(slices.Clone(a), b...)
	slices.SortFunc(all, func(x, y T) int { return compareID(id(&x), id(&y)) })
	return slices.CompactFunc(all, func(x, y T) bool { return id(&x) == id(&y) })
}

func compareID(a, b ids.ID) int { return bytes.Compare(a[:], b[:]) }

func maxID(a, b ids.ID) ids.ID {
	if compareID(a, b) < 0 {
		return b
	}
	return a
}

func joinMark(a, b *mark) *mark {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case cmp.Or(cmp.Compare(a.At, b.At), compareID(a.Event, b.Event)) < 0:
		return b
	}
	return a
}

// joinPerson takes the more protected answer. Records that disagree about kind or
// country, also by one of them not knowing it, leave it unsettled, which counts as
// the strictest.
func joinPerson(a, b person) person {
	p := person{Kind: a.Kind.join(b.Kind), Country: a.Country, Deceased: earliest(a.Deceased, b.Deceased)}
	if a.Country != b.Country {
		p.Country = unsettled
	}
	p.Age, p.AgeOn = a.Age, a.AgeOn
	if older(b, a) < 0 {
		p.Age, p.AgeOn = b.Age, b.AgeOn
	}
	return p
}

// older orders by the lower bound of the age; an unknown age counts as youngest.
func older(a, b person) int {
	if a.Age == 0 || b.Age == 0 {
		return cmp.Or(cmp.Compare(a.Age, b.Age), cmp.Compare(a.AgeOn, b.AgeOn))
	}
	const year = 365.2425 * 24 * 3600 * 1e6
	bornA, bornB := float64(a.AgeOn)-float64(a.Age)*year, float64(b.AgeOn)-float64(b.Age)*year
	return cmp.Or(cmp.Compare(bornB, bornA), cmp.Compare(b.AgeOn, a.AgeOn))
}

func joinObjection(a, b objection) objection {
	if cmp.Or(cmp.Compare(a.Verdict, b.Verdict), cmp.Compare(a.At, b.At), compareID(a.Event, b.Event)) < 0 {
		return b
	}
	return a
}

func joinPair(a, b pair) pair {
	p := joinConsent(a, b)
	p.Asked = joinAsked(a.Asked, b.Asked)
	p.Held = joinHeld(a.Held, b.Held)
	return p
}

// joinConsent takes the more restrictive status, and of two alike the stricter half
// of each field.
func joinConsent(a, b pair) pair {
	if a.Status > b.Status {
		return a
	}
	if a.Status < b.Status {
		return b
	}
	p := pair{
		Status: a.Status, Event: maxID(a.Event, b.Event), Version: min(a.Version, b.Version),
		From: max(a.From, b.From), Until: earliest(a.Until, b.Until), AgeEnds: earliest(a.AgeEnds, b.AgeEnds),
		Age: min(a.Age, b.Age), MinAge: max(a.MinAge, b.MinAge), Country: a.Country,
		Guardian: a.Guardian && b.Guardian, Explicit: a.Explicit && b.Explicit,
	}
	if a.Country != b.Country {
		p.Country = unsettled
	}
	if a.MinAge == 0 || b.MinAge == 0 {
		p.MinAge = 0 // the strictest
	}
	for _, id := range a.Over {
		if slices.Contains(b.Over, id) {
			p.Over = append(p.Over, id)
		}
	}
	return p
}

func joinAsked(a, b *asked) *asked {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case cmp.Or(cmp.Compare(a.At, b.At), compareID(a.Event, b.Event), cmp.Compare(a.Until, b.Until)) < 0:
		return b
	}
	return a
}

func joinHeld(a, b *held) *held {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.Ceased != b.Ceased:
		if a.Ceased {
			return a
		}
		return b
	}
	h := &held{Ceased: a.Ceased, Ground: max(a.Ground, b.Ground), Event: maxID(a.Event, b.Event), From: max(a.From, b.From), Until: earliest(a.Until, b.Until)}
	return h
}
