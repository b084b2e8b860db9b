package retention

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/calendar"
	"github.com/gdprkit/gdprkit/storage"
)

// Definition is a schedule as it is written down. [NewSchedule] checks it.
type Definition struct {
	// Version names this edition of the schedule in entries and reports.
	Version string `json:"version"`
	// Country is where the controller bears its duties, ISO 3166-1 ("UK" is read as
	// "GB"). Packs of another country are refused: a duty follows the legal entity,
	// not the residence of the person.
	Country string `json:"country"`
	// TimeZone is the IANA name of the zone in which days are counted.
	TimeZone string `json:"timeZone"`
	// YearEnd is the end of the financial year, "MM-DD". Default "12-31".
	YearEnd string `json:"yearEnd,omitempty"`
	Rules   []Rule `json:"rules"`
}

// Schedule is a checked set of rules. It is immutable and safe for concurrent use.
type Schedule struct {
	def      Definition
	loc      *time.Location
	month    time.Month
	day      int
	hash     string
	policies map[string]*policy
	names    []string // categories, ascending
	last     atomic.Pointer[Day]
}

// policy holds the rules of one category, ordered by id.
type policy struct {
	category string
	rules    []*Rule
	events   []string // ascending
	purposes []string // ascending
}

// NewSchedule checks the definition and returns the schedule. The error joins a
// [*ScheduleError] for each fault.
func NewSchedule(def Definition) (*Schedule, error) {
	def.Rules = slices.Clone(def.Rules)
	c := checker{def: &def}
	c.inherit()
	c.check()
	if err := c.err(); err != nil {
		return nil, err
	}
	owner := gdpr.Controller{TimeZone: def.TimeZone, YearEnd: def.YearEnd}
	s := &Schedule{def: def, policies: map[string]*policy{}}
	s.loc, _ = owner.Location()
	s.month, s.day, _ = owner.FinancialYearEnd()
	slices.SortFunc(s.def.Rules, func(a, b Rule) int { return cmp.Compare(a.ID, b.ID) })
	for i := range s.def.Rules {
		s.add(&s.def.Rules[i])
	}
	text, err := json.Marshal(s.def)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	s.hash = hex.EncodeToString(sum[:])
	return s, nil
}

func (s *Schedule) add(r *Rule) {
	p := s.policies[r.Category]
	if p == nil {
		p = &policy{category: r.Category}
		s.policies[r.Category] = p
		s.names = append(s.names, r.Category)
		slices.Sort(s.names)
	}
	p.rules = append(p.rules, r)
	p.events = union(p.events, r.Start.Events)
	p.purposes = union(p.purposes, r.Purposes)
}

func union(a, b []string) []string {
	u := slices.Concat(a, b)
	slices.Sort(u)
	return slices.Compact(u)
}

// Version returns the name of the edition.
func (s *Schedule) Version() string { return s.def.Version }

// Hash returns SHA-256 over the whole schedule, in hex. It does not depend on the
// order in which the rules were written.
func (s *Schedule) Hash() string { return s.hash }

// Location returns the time zone in which days are counted.
func (s *Schedule) Location() *time.Location { return s.loc }

// Categories returns the categories that the rules cover, in ascending order.
func (s *Schedule) Categories() []string { return slices.Clone(s.names) }

// Rules returns the rules of a category, ordered by id, with everything that they
// took from a country pack. The caller must not change what they point to.
func (s *Schedule) Rules(category string) []Rule {
	p := s.policies[category]
	if p == nil {
		return nil
	}
	rules := make([]Rule, len(p.rules))
	for i, r := range p.rules {
		rules[i] = *r
	}
	return rules
}

// On returns what the rules say on the civil day on which t lies in the time zone
// of the schedule. The last day asked for is remembered.
func (s *Schedule) On(t time.Time) *Day {
	us := storage.Micros(t)
	if d := s.last.Load(); d != nil && us >= d.begin && us < d.end {
		return d
	}
	d := s.compile(calendar.DateOf(t.In(s.loc)))
	s.last.Store(d)
	return d
}

// Evaluate decides about one record at a moment. The dates are given by the names
// of the events; names that no rule mentions are ignored. For many records use
// [Schedule.On] and [Condition.Evaluate], which do not allocate.
func (s *Schedule) Evaluate(category string, dates map[string]time.Time, at time.Time) (Decision, error) {
	c, err := s.On(at).Condition(category)
	if err != nil {
		return Decision{}, err
	}
	f := c.Facts(dates)
	return c.Evaluate(&f), nil
}
