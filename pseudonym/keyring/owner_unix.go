//go:build unix

package keyring

import (
	"fmt"
	"os"
	"syscall"
)

// checkOwner demands mode 0600 or less and the process's own user.
func checkOwner(info os.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%w: its mode is %#o; run chmod 600", ErrFile, mode)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%w: it belongs to another user; run chown", ErrFile)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
