package gdpr

import (
	"bytes"
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is key material or another value that must not be printed. Every way of
// formatting it prints "[redacted]". Its bytes are read with [Secret.Reveal], so
// that a search for that name finds each use.
type Secret struct{ b hidden[[]byte] }

// hidden keeps a value out of fmt also where fmt calls no method: in an
// unexported field of the host's own struct. There it follows one pointer and
// prints the address of the second.
type hidden[T any] **T

func hide[T any](v T) hidden[T] {
	p := &v
	return &p
}

func reveal[T any](h hidden[T]) (v T) {
	if h != nil {
		v = **h
	}
	return v
}

// NewSecret returns a Secret with a copy of b.
func NewSecret(b []byte) Secret { return Secret{hide(bytes.Clone(b))} }

// Reveal returns the bytes themselves; the caller must not change them.
func (s Secret) Reveal() []byte { return reveal(s.b) }

// Len returns the number of bytes.
func (s Secret) Len() int { return len(s.Reveal()) }

// String returns "[redacted]".
func (Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (Secret) GoString() string { return redacted }

// Format prints "[redacted]" for every verb and flag.
func (Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// MarshalJSON returns "[redacted]" as a JSON string.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns "[redacted]".
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns "[redacted]".
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
