package consent

import (
	"slices"
	"strings"

	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
)

// derive returns what the events add up to, in their order. The state that is kept
// beside the ledger is always derive of the whole history.
func derive(events []event) *state {
	s := new(state)
	for i := range events {
		s = fold(s, &events[i])
	}
	return s
}

// fold returns the state after an event. It uses nothing but its arguments, never
// the catalogue or a clock, and leaves s as it is. What is recorded late ends no stop
// that began after it and revives nothing that ended after it; a stop that is recorded
// late counts.
func fold(s *state, e *event) *state {
	n := s.clone()
	if e.detail.Person != nil {
		n.Person.edit(e.detail.Person)
		n.comesOfAge()
	}
	switch e.kind {
	case EventGiven, EventRefused, EventWithdrawn, EventRevoked, EventInvalidated, EventRequested, EventDeferred, EventImported:
		n.setPair(e.purpose, e.channel, n.consent(e))
	case EventEstablished, EventCeased:
		n.hold(e)
	case EventObjected:
		n.object(e, pending)
	case EventUpheld:
		n.settle(e, upheld)
	case EventOverridden:
		n.settle(e, overridden)
	case EventMarketing, EventSuppressed:
		n.stop(e)
	case EventReleased:
		n.Stops = slices.DeleteFunc(n.Stops, func(x stop) bool {
			return x.Suppress && x.Purpose == e.detail.Scope && x.Channel == e.channel && x.At <= e.at
		})
	case EventRestricted:
		n.Restrict = append(n.Restrict, restriction{Scope: e.detail.Scope, Ground: e.ground, Event: e.id, At: e.at})
		slices.SortFunc(n.Restrict, func(a, b restriction) int { return compareID(a.Event, b.Event) })
	case EventLifted:
		n.Restrict = slices.DeleteFunc(n.Restrict, func(r restriction) bool { return r.endedBy(e) })
	case EventMerged:
		n = join(n, e.detail.State)
		n.Links = link(n.Links, e.detail.With, e.subject)
	case EventErased:
		n = &state{Erased: &mark{e.id, e.at}}
		if e.detail.State != nil {
			n.Stops = slices.Clone(e.detail.State.Stops)
		}
	case EventReadmitted:
		if n.Erased != nil && n.Erased.At <= e.at {
			n.Erased = nil
		}
	}
	return n.normal()
}

// normal drops what is empty, so that equal states have equal encodings.
func (s *state) normal() *state {
	if len(s.Stops) == 0 {
		s.Stops = nil
	}
	if len(s.Restrict) == 0 {
		s.Restrict = nil
	}
	if len(s.Links) == 0 {
		s.Links = nil
	}
	if len(s.Object) == 0 {
		s.Object = nil
	}
	if len(s.Pairs) == 0 {
		s.Pairs = nil
	}
	return s
}

// consent returns the pair after an act about consent.
func (s *state) consent(e *event) pair {
	old := s.pair(e.purpose, e.channel)
	p := pair{Event: e.id, Version: e.version, From: e.at, Held: old.Held}
	switch e.kind {
	case EventRequested, EventDeferred:
		// An answer that was given stands while a new one is awaited.
		q := old
		if e.kind == EventRequested {
			q.Asked = &asked{e.id, e.at, e.until}
		}
		if old.Status <= Deferred {
			q.Event, q.Version, q.From = e.id, e.version, e.at
			q.Status = Requested
			if e.kind == EventDeferred {
				q.Status = Deferred
			}
		}
		return q
	case EventImported:
		if old.Status > Imported {
			return old // never overwrites what is known
		}
		p.Status = Imported
	case EventGiven:
		if old.Status >= Given && old.From > e.at {
			return old // recorded late: the person has said something since
		}
		p.Status, p.Until = Given, e.until
		p.Age, p.Country, p.AgeEnds = e.detail.Age, e.detail.Country, e.detail.AgeEnds
		p.MinAge, p.Guardian, p.Explicit = e.detail.Threshold, e.detail.Guardian, e.detail.Explicit
		p.Over = s.superseded(e)
	case EventRefused:
		p.Status = Refused
	case EventWithdrawn:
		p.Status = Withdrawn
	case EventRevoked:
		p.Status = Revoked
	case EventInvalidated:
		p.Status = Invalidated
	}
	return p
}

// superseded returns the stops that a consent of the person itself comes after. One
// that was given before a stop, and is recorded late, does not end it.
func (s *state) superseded(e *event) (over []ids.ID) {
	for i := range s.Stops {
		if st := &s.Stops[i]; st.At <= e.at && st.covers(e.purpose, e.channel, true) {
			over = append(over, st.Event)
		}
	}
	return over
}

// hold records that a ground other than consent holds, or no more. One that began
// before what is known is history.
func (s *state) hold(e *event) {
	p := s.pair(e.purpose, e.channel)
	if e.kind == EventEstablished && p.Held != nil && p.Held.From > e.at {
		return
	}
	p.Held = &held{Ceased: e.kind == EventCeased, Ground: e.ground, Event: e.id, From: e.at, Until: e.until}
	s.setPair(e.purpose, e.channel, p)
}

// stop adds an objection to marketing or a suppression. It takes the place of an
// earlier one with the same reach.
func (s *state) stop(e *event) {
	n := stop{Suppress: e.kind == EventSuppressed, Purpose: e.detail.Scope, Channel: e.channel, Event: e.id, At: e.at}
	if n.Purpose == AllPurposes {
		n.Purpose = ""
	}
	s.Stops = slices.DeleteFunc(s.Stops, func(x stop) bool {
		return x.Suppress == n.Suppress && x.Purpose == n.Purpose && x.Channel == n.Channel && x.At <= n.At
	})
	s.Stops = append(s.Stops, n)
	slices.SortFunc(s.Stops, func(a, b stop) int { return compareID(a.Event, b.Event) })
}

func (s *state) object(e *event, v verdict) {
	if s.Object == nil {
		s.Object = map[string]objection{}
	}
	s.Object[e.purpose] = objection{v, e.id, e.at}
}

// settle decides an objection that was made before.
func (s *state) settle(e *event, v verdict) {
	if o, ok := s.Object[e.purpose]; ok && o.At <= e.at {
		s.object(e, v)
	}
}

func (p *person) edit(e *personEdit) {
	if e.Kind != "" {
		p.Kind = e.Kind
	}
	if e.Country != "" {
		p.Country = e.Country
	}
	if e.Age != 0 {
		p.Age, p.AgeOn = e.Age, e.AgeOn
	}
	if e.Deceased != 0 {
		p.Deceased = e.Deceased
	}
}

// comesOfAge ends the consents of a guardian when the child is known to be old enough.
func (s *state) comesOfAge() {
	if s.Person.Age == 0 {
		return
	}
	for key, p := range s.Pairs {
		if p.AgeEnds == 0 {
			continue
		}
		p.AgeEnds = min(p.AgeEnds, storage.Micros(reached(micros(s.Person.AgeOn), max(p.limit()-s.Person.Age, 0))))
		s.Pairs[key] = p
	}
}

// link adds a subject to a sorted list and takes self out of it.
func link(list []string, with, self string) []string {
	all := append(slices.Clone(list), with)
	slices.SortFunc(all, strings.Compare)
	all = slices.Compact(all)
	return slices.DeleteFunc(all, func(s string) bool { return s == self })
}
