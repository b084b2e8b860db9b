package retention

import (
	"github.com/gdprkit/gdprkit/internal/calendar"
)

// Period is an ISO 8601 period of years, months, weeks and days, such as P8Y. It
// has no fraction, no time part and is never negative.
type Period = calendar.Period

// Date is a civil date. Its zero value is 1 January 1970.
type Date = calendar.Date

// ParsePeriod reads an ISO 8601 period of the form PnYnMnWnD, of at most 1000 years.
func ParsePeriod(s string) (Period, error) { return calendar.ParsePeriod(s) }

// ParseDate reads a date of the form YYYY-MM-DD.
func ParseDate(s string) (Date, error) { return calendar.ParseDate(s) }

// Kind says what the end of a rule's period means.
type Kind string

// The kinds of rule.
const (
	// Minimum: the record may not go earlier (GDPR art. 17(3)(b) when it is a duty
	// of law).
	Minimum Kind = "minimum"
	// Maximum: the record may not stay as it is longer (GDPR art. 5(1)(e)).
	Maximum Kind = "maximum"
	// Limitation: the record may stay for legal claims (GDPR art. 17(3)(e)) because
	// the controller chose so, for the reason in Rule.Reason. It is not a duty.
	Limitation Kind = "limitation"
)

// Level orders rules that disagree: statutory before purpose before default. A
// maximum of level default counts only in a category without another maximum.
type Level string

// The levels.
const (
	Statutory Level = "statutory"
	Purpose   Level = "purpose"
	Default   Level = "default"
)

// Action is what happens to a record.
type Action string

// The actions. Mask replaces fields and leaves personal data; only Anonymise,
// which needs an assessment, may be reported as anonymisation (recital 26).
const (
	Nothing   Action = ""
	Erase     Action = "erase"
	Mask      Action = "mask"
	Anonymise Action = "anonymise"
	Block     Action = "block"
	Review    Action = "review"
	// Unblock ends the block of a record that may be used again, see [Blocking]. No
	// rule asks for it.
	Unblock Action = "unblock"
)

// Anchor moves from the date of an event to the start of the period.
type Anchor string

// The anchors. Periods that start on the last day of a year run through the last
// day of a year; those that start on 1 January run through 31 December.
const (
	AtEvent           Anchor = "event"
	EndOfCalendarYear Anchor = "end_of_calendar_year"        // DE, AT
	NextCalendarYear  Anchor = "start_of_next_calendar_year" // BE: after closing or issue
	EndOfBusinessYear Anchor = "end_of_business_year"        // NL, FR, LU: the controller's financial year
)

// Start says when the period of a rule begins.
type Start struct {
	// Anchor is applied to the date of the event. Default AtEvent.
	Anchor Anchor `json:"anchor,omitempty"`
	// Events names dates of the record. The latest that is known counts; while none
	// is known the period has not begun, so that a maximum is not due and a minimum
	// goes on.
	Events []string `json:"events"`
}

// Version is a period together with the time for which the law says so.
type Version struct {
	Period Period `json:"period"`
	// From and To bound the days on which this version is law, both inclusive; nil
	// is open. The version in force on the day of the evaluation decides.
	From *Date `json:"from,omitempty"`
	To   *Date `json:"to,omitempty"`
	// StartFrom and StartTo bound the start of the period, after the anchor, both
	// inclusive: some laws change for the years that begin after a date.
	StartFrom *Date  `json:"startFrom,omitempty"`
	StartTo   *Date  `json:"startTo,omitempty"`
	Source    string `json:"source,omitempty"` // the act that made this version
}

// Rule says how long the records of a category stay, why, and what then.
type Rule struct {
	ID    string `json:"id"`              // unique in the schedule, at most 64 bytes
	From  string `json:"from,omitempty"`  // id of a rule of a country pack, for everything left empty here
	Title string `json:"title,omitempty"` // for people
	// Category names the records. A Source delivers one category.
	Category string `json:"category,omitempty"`
	Kind     Kind   `json:"kind,omitempty"`
	// Level is Statutory for a minimum and Purpose otherwise, unless given.
	Level  Level  `json:"level,omitempty"`
	Period Period `json:"period,omitzero"` // a rule without Versions has this one
	// Versions replaces Period where the law changed.
	Versions []Version `json:"versions,omitempty"`
	Start    Start     `json:"start,omitzero"`
	// NoEnd is set for a minimum without period or start: it never ends by itself.
	NoEnd bool `json:"noEnd,omitempty"`
	// Ground is the legal ground, as it appears in entries and reports: the article
	// that imposes a duty, or the basis of art. 6 for a purpose.
	Ground string `json:"ground,omitempty"`
	// Basis is the letter of art. 6(1), "a" to "f", of a purpose. A running purpose
	// on b, c, d or e is kept against an erasure request; a and f are not.
	Basis string `json:"basis,omitempty"`
	// Fields of a minimum are what the duty covers; in a kept row the others are
	// nulled. Fields of a maximum limit its action to them. Empty: the whole row.
	Fields []string `json:"fields,omitempty"`
	// Purposes of a maximum are asked of Options.Grounds: when no purpose of the
	// category stands any more the record is due (GDPR art. 17(1)(b), (c)).
	Purposes []string `json:"purposes,omitempty"`
	// Then is what follows when the record is due. Default Erase.
	Then Action `json:"then,omitempty"`
	// Assessment refers to the document that shows anonymity against singling out,
	// linkability and inference (WP216). Anonymise needs it.
	Assessment string `json:"assessment,omitempty"`
	// Reason is why a Limitation is made use of. Limitation needs it.
	Reason string `json:"reason,omitempty"`
	// Waiver is why a duty covers whole rows. Lint asks for it.
	Waiver string `json:"waiver,omitempty"`
	// Confirmed says who checked a rule that its pack ships disabled, and when.
	Confirmed string `json:"confirmed,omitempty"`
	// Checked is the day on which the rule was last compared with its source.
	Checked *Date  `json:"checked,omitempty"`
	Note    string `json:"note,omitempty"`
}

// keeps reports whether the rule can hold a record back.
func (r *Rule) keeps() bool { return r.Kind != Maximum }

// versions returns the periods of the rule over time.
func (r *Rule) versions() []Version {
	if len(r.Versions) > 0 {
		return r.Versions
	}
	return []Version{{Period: r.Period}}
}

// strength orders what maxima ask for: erasing the row before all else.
func (r *Rule) strength() int {
	switch {
	case r.Then == Erase && len(r.Fields) == 0:
		return 4
	case r.Then == Anonymise:
		return 3
	case r.Then == Mask:
		return 2
	}
	return 1
}
