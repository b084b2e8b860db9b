//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package filelock

import (
	"errors"
	"os"
	"time"
)

const stale = 30 * time.Second

func try(name string) (unlock func(), ok bool, err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		_ = f.Close()
		return func() { _ = os.Remove(name) }, true, nil
	}
	if info, statErr := os.Stat(name); statErr == nil {
		if time.Since(info.ModTime()) > stale {
			_ = os.Remove(name)
		}
		return nil, false, nil
	}
	if errors.Is(err, os.ErrExist) || errors.Is(err, os.ErrPermission) {
		return nil, false, nil
	}
	return nil, false, err
}
