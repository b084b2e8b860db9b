package retention

import (
	"errors"
	"fmt"

	"github.com/gdprkit/gdprkit/gdpr"
)

var (
	// ErrUnknownCategory is returned for a category that no rule of the schedule
	// covers. Unknown never means erasable. It wraps gdpr.ErrInvalid.
	ErrUnknownCategory = fmt.Errorf("retention: no rule covers the category: %w", gdpr.ErrInvalid)

	// ErrSource is returned when a Source breaks its contract: rows out of order, a
	// row without key, a date more than a day in the future. Nothing was swept.
	ErrSource = errors.New("retention: source broke its contract")

	// ErrPlanState is returned when a plan is not in the state that the call needs:
	// not approved, expired, done, or made under another schedule.
	ErrPlanState = errors.New("retention: plan is not in the right state")

	// ErrHash is returned by Approve when the hash is not the plan's: what was
	// looked at is not what would run.
	ErrHash = errors.New("retention: hash is not that of the plan")

	// ErrFourEyes is returned by Approve when the planner approves the own plan.
	ErrFourEyes = errors.New("retention: planner and approver are the same person")

	// ErrNotFound is returned for a hold, block or plan that does not exist.
	ErrNotFound = errors.New("retention: not found")

	// ErrAudit is returned when the auditor refused an entry; the step it belongs
	// to was undone.
	ErrAudit = errors.New("retention: auditor refused the entry")
)

// A ScheduleError is one fault of a schedule. The error of [ParseSchedule] and
// [NewSchedule] joins all of them; each wraps gdpr.ErrInvalid.
type ScheduleError struct {
	Pointer string // JSON pointer into the document, such as "/rules/3/period"
	Rule    string // id of the rule, empty when the fault is outside the rules
	Reason  string // what is wrong and what is asked
}

// Error returns pointer, rule and reason.
func (e *ScheduleError) Error() string {
	if e.Rule == "" {
		return fmt.Sprintf("retention: schedule %s: %s", e.Pointer, e.Reason)
	}
	return fmt.Sprintf("retention: schedule %s (rule %s): %s", e.Pointer, e.Rule, e.Reason)
}

// Unwrap returns gdpr.ErrInvalid.
func (e *ScheduleError) Unwrap() error { return gdpr.ErrInvalid }

// A SourceError names the row and the date by which a Source broke its contract.
type SourceError struct {
	Source string // name of the source
	Rule   string // rule at hand, if any
	Field  string // "key", or the event
	Value  string // the key or the date, as delivered
	Reason string
}

// Error returns source, field, value and reason. Keys of records are the host's;
// they must not be personal data.
func (e *SourceError) Error() string {
	s := fmt.Sprintf("retention: source %s: %s %q: %s", e.Source, e.Field, e.Value, e.Reason)
	if e.Rule != "" {
		s += " (rule " + e.Rule + ")"
	}
	return s
}

// Unwrap returns [ErrSource].
func (e *SourceError) Unwrap() error { return ErrSource }
