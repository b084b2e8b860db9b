package gdpr

import (
	"fmt"
	"log/slog"
)

// ClearValue is a string that its caller declared free of personal data.
// Make it with [Clear].
type ClearValue string

// PersonalValue is a value of one subject, to be sealed under that subject's key
// before it is stored. It prints as "[redacted]". Make it with [Personal].
type PersonalValue struct{ p hidden[personal] }

type personal struct{ subject, value string }

// Clear returns an attribute whose text may stand in an audit entry as it is:
// a code, an enum, a version, an id of the library. The caller vouches for it.
func Clear(key, value string) slog.Attr { return slog.Any(key, ClearValue(value)) }

// Personal returns an attribute whose text is personal data of subject. A log
// seals it under the subject's key, and refuses it ([ErrUnsealed]) when it has
// no sealer.
func Personal(key, subject, value string) slog.Attr {
	return slog.Any(key, PersonalValue{hide(personal{subject, value})})
}

// Subject returns whose value it is.
func (p PersonalValue) Subject() string { return reveal(p.p).subject }

// Reveal returns the value in clear, for the package that seals it.
func (p PersonalValue) Reveal() string { return reveal(p.p).value }

// String returns "[redacted]".
func (PersonalValue) String() string { return redacted }

// GoString returns "[redacted]".
func (PersonalValue) GoString() string { return redacted }

// Format prints "[redacted]" for every verb and flag.
func (PersonalValue) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// MarshalJSON returns "[redacted]" as a JSON string.
func (PersonalValue) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// LogValue returns "[redacted]", so that a logger never prints the value.
func (PersonalValue) LogValue() slog.Value { return slog.StringValue(redacted) }
