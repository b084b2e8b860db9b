package journal

import (
	"errors"
	"fmt"

	"github.com/gdprkit/gdprkit/gdpr"
)

var (
	// ErrDamaged is returned when a record, or the chain, was changed in the middle
	// of the file, or the file is shorter than it was.
	ErrDamaged = errors.New("journal: file is damaged")

	// ErrFormat is returned when the file is not a journal of a known version.
	ErrFormat = fmt.Errorf("journal: not a journal of a known version: %w", gdpr.ErrInvalid)

	// ErrClosed is returned after Close.
	ErrClosed = errors.New("journal: closed")
)
