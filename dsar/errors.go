package dsar

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gdprkit/gdprkit/gdpr"
)

var (
	// ErrNoRequest is returned when no request has the given id.
	ErrNoRequest = errors.New("dsar: no such request")

	// ErrTransition is returned when a step is not possible in the state of the
	// request. The error found with errors.As is a [*TransitionError].
	ErrTransition = errors.New("dsar: step not possible in this state")

	// ErrIdentity is returned by a step that discloses or changes data before the
	// identity of the person was verified or its verification waived.
	ErrIdentity = errors.New("dsar: identity is neither verified nor waived")

	// ErrCode is returned by Verify for a code that is wrong, expired, used,
	// replaced by a newer one, or was never sent. The answer is the same for all.
	ErrCode = errors.New("dsar: code is not accepted")

	// ErrChallenges is returned by Challenge when the request has had the three
	// codes that it may have in 24 hours.
	ErrChallenges = errors.New("dsar: too many codes for this request")

	// ErrNoSecret is returned by a step that needs Options.Secret.
	ErrNoSecret = errors.New("dsar: no secret configured")

	// ErrExtension is returned for an extension that comes late, for the second
	// time, or without an admitted reason (GDPR art. 12(3)).
	ErrExtension = errors.New("dsar: extension not possible")

	// ErrFourEyes is returned by a step that needs a second person and was taken by
	// the first: the planner approves, or somebody signs an own refusal or reviews an
	// own approval.
	ErrFourEyes = errors.New("dsar: planner and approver must differ")

	// ErrPlan is returned when the plan named was replaced, has expired, or was
	// made under another policy. Plan again.
	ErrPlan = errors.New("dsar: plan is not the current one")

	// ErrCapability is returned by Plan when a request needs something that no
	// registered source or bridge can do. The error names it.
	ErrCapability = errors.New("dsar: capability missing")

	// ErrSource is wrapped by the error for a source that failed, panicked, ran out
	// of time or broke its contract. The request keeps its state; Work may be
	// called again. The error found with errors.As is a [*SourceError].
	ErrSource = errors.New("dsar: source failed")

	// ErrIncomplete is returned when an answer lacks something that the law asks
	// for; [Plan.Missing] lists it before. The error found with errors.As is an [*IncompleteError].
	ErrIncomplete = errors.New("dsar: answer is incomplete")

	// ErrChanged is returned by Bundle when a source gave other records on the
	// second reading than on the first. What was written is not a complete archive.
	ErrChanged = errors.New("dsar: data changed during the export")

	// ErrExpired is returned for a stored bundle or a file of a request that is no
	// longer kept.
	ErrExpired = errors.New("dsar: no longer kept")

	// ErrRecipients is returned by Fulfil while a recipient was neither told nor
	// found impossible to tell (GDPR art. 19).
	ErrRecipients = errors.New("dsar: recipients not told yet")
)

// TransitionError says which step was refused in which state.
type TransitionError struct {
	State State
	Event Event
}

// Error names the state and the step.
func (e *TransitionError) Error() string {
	return fmt.Sprintf("dsar: %s is not possible in state %s", e.Event, e.State)
}

// Unwrap returns [ErrTransition].
func (e *TransitionError) Unwrap() error { return ErrTransition }

// IncompleteError lists what an answer lacks, each item as "15(1)(a): purposes
// of category contact".
type IncompleteError struct{ Missing []string }

// Error lists the missing items.
func (e *IncompleteError) Error() string {
	return "dsar: answer is incomplete: " + strings.Join(e.Missing, "; ")
}

// Unwrap returns [ErrIncomplete].
func (e *IncompleteError) Unwrap() error { return ErrIncomplete }

// SourceError says which source failed and how; of a [Result] that is Failed also the
// table, the field and the evidence. The source's own error is reached by
// errors.Unwrap only, since its text may hold personal data.
type SourceError struct {
	Source string
	Fault  string // "error", "panic", "timeout", "contract", "residue"
	Err    error
}

// Error names source and fault, and the place of an item that failed.
func (e *SourceError) Error() string {
	text := "dsar: source " + e.Source + ": " + e.Fault
	if item, ok := e.Err.(*itemError); ok {
		text += ": " + item.Error()
	}
	return text
}

// Unwrap returns [ErrSource] and the error of the source.
func (e *SourceError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrSource}
	}
	return []error{ErrSource, e.Err}
}

func invalid(field, rule string, args ...any) error { return gdpr.Invalid(field, rule, args...) }

// wrap joins a sentinel with the error that tells the details.
func wrap(sentinel, detail error) error { return &wrapped{sentinel, detail} }

type wrapped struct{ sentinel, detail error }

func (w *wrapped) Error() string   { return w.sentinel.Error() + ": " + w.detail.Error() }
func (w *wrapped) Unwrap() []error { return []error{w.sentinel, w.detail} }
