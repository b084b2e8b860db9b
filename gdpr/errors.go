package gdpr

import (
	"errors"
	"fmt"
)

var (
	// ErrInvalid is wrapped by every refusal of bad input. The error found with
	// errors.As is an [*InvalidError].
	ErrInvalid = errors.New("gdpr: invalid input")

	// ErrDenied is wrapped by every refusal of a Guard.
	ErrDenied = errors.New("gdpr: denied by guard")

	// ErrUnsealed is returned when a personal value would have to be stored in
	// clear because no Sealer was given.
	ErrUnsealed = errors.New("gdpr: personal value refused without a sealer")
)

// InvalidError says which field of an input broke which rule. It never holds the
// value itself, which may be personal.
type InvalidError struct {
	Field string // the field as the caller wrote it, for example "Act.Purpose"
	Rule  string // what was wrong and what is asked, in lower case
}

// Error returns "gdpr: <field>: <rule>".
func (e *InvalidError) Error() string { return "gdpr: " + e.Field + ": " + e.Rule }

// Unwrap returns [ErrInvalid].
func (e *InvalidError) Unwrap() error { return ErrInvalid }

// Invalid returns an [*InvalidError] for field. The rule is formatted as by
// fmt.Sprintf and must not contain a personal value.
func Invalid(field, rule string, args ...any) error {
	return &InvalidError{Field: field, Rule: fmt.Sprintf(rule, args...)}
}
