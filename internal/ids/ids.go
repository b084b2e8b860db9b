// Package ids makes the identifiers of rows and entries: UUIDs of version 7
// (RFC 9562), which sort by the time of their making.
package ids

import "github.com/google/uuid"

// ID is the 16 bytes of a UUID.
type ID = uuid.UUID

// New returns a new UUIDv7. Within a process each is greater than the one before.
// It panics only when the system's source of randomness fails.
func New() ID { return uuid.Must(uuid.NewV7()) }

// Parse accepts the 36-character form in lower case.
func Parse(s string) (ID, error) { return uuid.Parse(s) }
