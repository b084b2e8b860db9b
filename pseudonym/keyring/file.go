package keyring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gdprkit/gdprkit/internal/filelock"
)

// readFile reads a keyring after it has looked at what it is.
func readFile(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("%w: make it with Create, or bring back a copy: %w", ErrFile, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	if err := checkFile(info); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	defer f.Close()
	opened, err := f.Stat()
	if err != nil || !os.SameFile(info, opened) { // replaced in between: look again
		return nil, fmt.Errorf("%w: it changed while it was opened", ErrBusy)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	if len(b) > maxFile {
		return nil, fmt.Errorf("%w: it is longer than %d bytes", ErrFormat, maxFile)
	}
	return b, nil
}

func checkFile(info os.FileInfo) error {
	switch {
	case info.Mode()&os.ModeSymlink != 0:
		return fmt.Errorf("%w: it is a symbolic link; give the path of the file itself", ErrFile)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: it is not a regular file", ErrFile)
	}
	return checkOwner(info)
}

// writeFile replaces the file as a whole, durably.
func writeFile(path string, b []byte) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".keyring-*") // mode 0600
	if err != nil {
		return fmt.Errorf("keyring: write: %w", err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = f.Close()
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("keyring: write: %w", err)
	}
	return nil
}

// lock keeps other processes from changing the file; the serial guards against
// those that do not ask.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	unlock, err = filelock.Lock(ctx, path)
	switch {
	case errors.Is(err, filelock.ErrBusy):
		return nil, ErrBusy
	case err != nil:
		return nil, fmt.Errorf("keyring: lock: %w", err)
	}
	return unlock, nil
}
