// Package filelock lets one process at a time change a file, by a lock file beside
// it. Where the system has flock, the lock ends with the process that held it;
// elsewhere a lock that is older than 30 seconds counts as left behind.
package filelock

import (
	"context"
	"errors"
	"time"
)

// ErrBusy is returned when the lock was not free within the time to wait.
var ErrBusy = errors.New("filelock: held by another process")

const wait = 10 * time.Second

// Lock takes the lock of the file at path and returns what gives it back. Another
// call in the same process waits like another process.
func Lock(ctx context.Context, path string) (unlock func(), err error) {
	name := path + ".lock"
	for began := time.Now(); ; {
		unlock, ok, err := try(name)
		if ok || err != nil {
			return unlock, err
		}
		if time.Since(began) > wait {
			return nil, ErrBusy
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
}
