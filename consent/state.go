package consent

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// state is everything that the events of one person add up to. It is a value of
// codes, ids and times (microseconds since 1970); the rows of gdpr_consent are
// projections of it and hold nothing else.
type state struct {
	Erased   *mark                `json:"erased,omitempty"`
	Person   person               `json:"person,omitzero"`
	Stops    []stop               `json:"stops,omitempty"`    // sorted by event
	Restrict []restriction        `json:"restrict,omitempty"` // sorted by event
	Object   map[string]objection `json:"object,omitempty"`   // art. 21(1), by purpose
	Links    []string             `json:"links,omitempty"`    // merged subjects, sorted, without this one
	Pairs    map[string]pair      `json:"pairs,omitempty"`    // by purpose|channel
}

type mark struct {
	Event ids.ID `json:"event"`
	At    int64  `json:"at"`
}

// person holds what decisions need to know about somebody.
type person struct {
	Kind     Kind   `json:"kind,omitempty"`
	Country  string `json:"country,omitempty"` // "ZZ": merged records disagree
	Age      int    `json:"age,omitempty"`     // at least so old …
	AgeOn    int64  `json:"ageOn,omitempty"`   // … at this time
	Deceased int64  `json:"deceased,omitempty"`
}

// unsettled is the country of a person whose merged records disagree.
const unsettled = "ZZ"

// stop is an objection to marketing or a suppression. A consent that the person
// gives afterwards names it in Over.
type stop struct {
	Suppress bool   `json:"suppress,omitempty"`
	Purpose  string `json:"purpose,omitempty"` // "": all marketing
	Channel  string `json:"channel,omitempty"` // "": all
	Event    ids.ID `json:"event"`
	At       int64  `json:"at"`
}

func (s *stop) covers(purpose, channel string, marketing bool) bool {
	return (s.Purpose == purpose || s.Purpose == "" && marketing) && (s.Channel == "" || s.Channel == channel)
}

type restriction struct {
	Scope  string `json:"scope"` // "*", a purpose, or "data:" and a category
	Ground Ground `json:"ground"`
	Event  ids.ID `json:"event"`
	At     int64  `json:"at"`
}

// endedBy reports whether a lifting is about the restriction.
func (r *restriction) endedBy(e *event) bool {
	return r.Scope == e.detail.Scope && r.At <= e.at && (e.ground == "" || r.Ground == e.ground)
}

// objection is one of GDPR art. 21(1), with how it was decided.
type objection struct {
	Verdict verdict `json:"verdict"`
	Event   ids.ID  `json:"event"`
	At      int64   `json:"at"`
}

type verdict int

const (
	overridden verdict = 1
	pending    verdict = 2
	upheld     verdict = 3
)

// pair is the state of one purpose on one channel.
type pair struct {
	Status   Status   `json:"status,omitempty"`
	Event    ids.ID   `json:"event,omitzero"`
	Version  int      `json:"version,omitempty"`
	From     int64    `json:"from,omitempty"`
	Until    int64    `json:"until,omitempty"`
	AgeEnds  int64    `json:"ageEnds,omitempty"` // the guardian's consent ends: the child comes of age
	Age      int      `json:"age,omitempty"`     // at least so old when it was given
	Country  string   `json:"country,omitempty"` // whose age applied …
	MinAge   int      `json:"minAge,omitempty"`  // … and that age; 0: the strictest
	Guardian bool     `json:"guardian,omitempty"`
	Explicit bool     `json:"explicit,omitempty"`
	Over     []ids.ID `json:"over,omitempty"` // stops that it came after, sorted
	Asked    *asked   `json:"asked,omitempty"`
	Held     *held    `json:"held,omitempty"`
}

// asked is a request that waits for an answer.
type asked struct {
	Event ids.ID `json:"event"`
	At    int64  `json:"at"`
	Until int64  `json:"until,omitempty"`
}

// held is a ground other than consent, recorded for this person.
type held struct {
	Ceased bool   `json:"ceased,omitempty"`
	Ground Ground `json:"ground"`
	Event  ids.ID `json:"event"`
	From   int64  `json:"from"`
	Until  int64  `json:"until,omitempty"`
}

func pairKey(purpose, channel string) string { return purpose + "|" + channel }

func splitKey(key string) (purpose, channel string) {
	purpose, channel, _ = strings.Cut(key, "|")
	return purpose, channel
}

func (s *state) pair(purpose, channel string) pair { return s.Pairs[pairKey(purpose, channel)] }

func (s *state) setPair(purpose, channel string, p pair) {
	if s.Pairs == nil {
		s.Pairs = map[string]pair{}
	}
	s.Pairs[pairKey(purpose, channel)] = p
}

// clone returns a copy that shares nothing that fold changes.
func (s *state) clone() *state {
	c := *s
	c.Stops = slices.Clone(s.Stops)
	c.Restrict = slices.Clone(s.Restrict)
	c.Links = slices.Clone(s.Links)
	c.Object = cloneMap(s.Object)
	c.Pairs = cloneMap(s.Pairs)
	return &c
}

func cloneMap[V any](m map[string]V) map[string]V {
	if m == nil {
		return nil
	}
	c := make(map[string]V, len(m)+1)
	for k, v := range m {
		c[k] = v
	}
	return c
}

// only returns the part of s that decides about one pair.
func (s *state) only(key string) *state {
	c := *s
	c.Links = nil
	c.Pairs = nil
	if p, ok := s.Pairs[key]; ok {
		c.Pairs = map[string]pair{key: p}
	}
	purpose, _ := splitKey(key)
	c.Object = nil
	if o, ok := s.Object[purpose]; ok {
		c.Object = map[string]objection{purpose: o}
	}
	return &c
}

// row is a row of gdpr_consent without key, seq and warned.
type row struct {
	status  Status
	stops   int
	version int
	from    int64
	until   int64
	event   ids.ID
	body    []byte // nil: the columns say it all
}

// star returns the row of the person as a whole.
func (s *state) star() row {
	r := row{stops: s.bits("", ""), body: s.encode()}
	if s.Erased != nil {
		r.event = s.Erased.Event
	}
	return r
}

// project returns the row of one pair.
func (s *state) project(key string) row {
	p := s.Pairs[key]
	purpose, channel := splitKey(key)
	r := row{
		status: p.Status, stops: s.bits(purpose, channel), version: p.Version,
		from: p.From, until: earliest(p.Until, p.AgeEnds), event: p.Event,
	}
	if !s.plain(purpose, &p) {
		r.body = s.only(key).encode()
	}
	return r
}

// plain reports whether the columns of the row of a pair hold all of the state that
// decides about it.
func (s *state) plain(purpose string, p *pair) bool {
	_, objected := s.Object[purpose]
	return s.Erased == nil && s.Person == person{} && len(s.Stops)+len(s.Restrict) == 0 && !objected &&
		p.AgeEnds == 0 && p.Age == 0 && p.MinAge == 0 && p.Country == "" && !p.Guardian && !p.Explicit && len(p.Over) == 0 && p.Asked == nil && p.Held == nil
}

// ofAge reports whether age or guardian made the consent one that GDPR art. 8 asks
// for, by the age that applied when it was given.
func (p *pair) ofAge() bool { return p.Guardian || p.Age >= p.limit() }

// limit returns the age that applied when the consent was given.
func (p *pair) limit() int {
	if p.MinAge == 0 {
		return defaultAge
	}
	return p.MinAge
}

// bits returns what SQL views and campaigns read besides the status.
func (s *state) bits(purpose, channel string) int {
	bits := 0
	p := s.pair(purpose, channel)
	for i := range s.Restrict {
		if sc := s.Restrict[i].Scope; purpose == "" || sc == AllPurposes || sc == purpose || strings.HasPrefix(sc, dataScope) {
			bits |= schema.StopRestricted
		}
	}
	for i := range s.Stops {
		st := &s.Stops[i]
		if purpose != "" && (!st.covers(purpose, channel, true) || slices.Contains(p.Over, st.Event)) {
			continue
		}
		if st.Purpose != "" {
			bits |= schema.StopNamed
		}
		if st.Suppress {
			bits |= schema.StopSuppressed
		} else {
			bits |= schema.StopMarketing
		}
	}
	for id, o := range s.Object {
		if (id == purpose || purpose == "") && o.Verdict >= pending {
			bits |= schema.StopObjected
		}
	}
	if s.Erased != nil {
		bits |= schema.StopErased
	}
	if s.Person.Deceased != 0 {
		bits |= schema.StopDeceased
	}
	if p.Explicit {
		bits |= schema.GivenExplicitly
	}
	if p.ofAge() {
		bits |= schema.GivenOfAge
	}
	return bits
}

func (s *state) encode() []byte {
	doc, err := json.Marshal(s)
	if err != nil {
		panic(err) // plain data
	}
	return doc
}

func decodeState(doc []byte) (*state, error) {
	s := new(state)
	if len(doc) == 0 {
		return s, nil
	}
	if err := json.Unmarshal(doc, s); err != nil {
		return nil, fmt.Errorf("consent: state row is damaged: %w", err)
	}
	return s, nil
}

// earliest returns the smaller of two times, where 0 is none.
func earliest(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
