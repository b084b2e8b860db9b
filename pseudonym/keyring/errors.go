package keyring

import (
	"errors"

	"github.com/gdprkit/gdprkit/gdpr"
)

var (
	// ErrSecret is returned when the passphrase or raw key does not open the file,
	// or the file was changed.
	ErrSecret = errors.New("keyring: secret does not open the file; give the one that it was last changed to, or bring back an intact copy")

	// ErrFile is returned when the file's mode, owner or type is not safe, or it
	// does not exist. The text says how to mend it.
	ErrFile error = invalid("keyring: file is not usable")

	// ErrFormat is returned when the file is not a keyring of a known version, or
	// asks for more memory or time than any honest one.
	ErrFormat error = invalid("keyring: not a keyring of a known form")

	// ErrBusy is returned when another process is changing the file for longer than
	// the call waited. Repeat it.
	ErrBusy = errors.New("keyring: another process is changing the file")
)

// invalid is a sentinel that is a gdpr.ErrInvalid too, and leaves the end of the
// message to the detail.
type invalid string

func (e invalid) Error() string { return string(e) }

func (e invalid) Unwrap() error { return gdpr.ErrInvalid }
