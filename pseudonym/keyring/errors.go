package keyring

import (
	"errors"
	"fmt"

	"github.com/gdprkit/gdprkit/gdpr"
)

var (
	// ErrSecret is returned when the passphrase or raw key does not open the file,
	// or the file was changed.
	ErrSecret = errors.New("keyring: secret does not open the file")

	// ErrFile is returned when the file's mode, owner or type is not safe, or it
	// does not exist. The text says how to mend it.
	ErrFile = fmt.Errorf("keyring: file is not usable: %w", gdpr.ErrInvalid)

	// ErrFormat is returned when the file is not a keyring of a known version, or
	// asks for more memory or time than any honest one.
	ErrFormat = fmt.Errorf("keyring: not a keyring of a known form: %w", gdpr.ErrInvalid)

	// ErrBusy is returned when another process is changing the file for longer than
	// the call waited. Repeat it.
	ErrBusy = errors.New("keyring: another process is changing the file")
)
