package sqltest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// A Launcher runs the binaries of an engine as an ordinary user in a directory.
type Launcher struct {
	Binaries []string // patterns of directories where they are
	Users    []string // accounts to run as when this process is root
	Dir      string   // made by MakeDir
	// Quit ends a server that cleans up after itself, as PostgreSQL must to give
	// back shared memory. Default: SIGKILL.
	Quit syscall.Signal
}

// PostgresLauncher runs PostgreSQL.
func PostgresLauncher() Launcher {
	return Launcher{
		Binaries: []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/bin"},
		Users:    []string{"postgres", "nobody"},
		Quit:     syscall.SIGQUIT,
	}
}

// MariaDBLauncher runs MariaDB.
func MariaDBLauncher() Launcher {
	return Launcher{
		Binaries: []string{"/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin"},
		Users:    []string{"mysql", "nobody"},
	}
}

// MakeDir makes the directory. Its path is short, as paths of sockets must be.
func (l *Launcher) MakeDir() (err error) {
	if l.Dir, err = os.MkdirTemp(fastDir(), "gdprkit-"); err != nil {
		return err
	}
	return l.own(l.Dir)
}

func (l *Launcher) quit() syscall.Signal {
	if l.Quit == 0 {
		return syscall.SIGKILL
	}
	return l.Quit
}

// Stop ends a server and waits until it is gone.
func (l *Launcher) Stop(cmd *exec.Cmd) {
	cmd.Process.Signal(l.quit())
	kill := time.AfterFunc(5*time.Second, func() { KillGroup(cmd.Process.Pid) })
	defer kill.Stop()
	cmd.Wait()
}

// RemoveDir removes it.
func (l *Launcher) RemoveDir() {
	if l.Dir != "" {
		os.RemoveAll(l.Dir)
	}
}

// fastDir is a file system in memory if there is one, where a sync costs nothing,
// unless GDPRKIT_TEST_DISK asks for the disk.
func fastDir() string {
	const shm = "/dev/shm"
	if os.Getenv("GDPRKIT_TEST_DISK") == "" && freeBytes(shm) > 1<<30 {
		return shm
	}
	return ""
}

// Find returns the path of a binary. Server binaries beside initdb come first,
// since a wrapper in PATH may be something else.
func (l *Launcher) Find(binary string) (string, error) {
	for _, pattern := range l.Binaries {
		found, _ := filepath.Glob(filepath.Join(pattern, binary))
		slices.Reverse(found) // the highest version
		for _, path := range found {
			if st, err := os.Stat(path); err == nil && st.Mode()&0o111 != 0 {
				return path, nil
			}
		}
	}
	return exec.LookPath(binary)
}

// Run runs a binary to its end.
func (l *Launcher) Run(name string, args ...string) error {
	cmd, err := l.Command(name, args...)
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %.300s", filepath.Base(name), err, out)
	}
	return nil
}

// Command returns a command that runs as an ordinary user in a process group of
// its own and dies with this process.
func (l *Launcher) Command(name string, args ...string) (*exec.Cmd, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = l.Dir
	uid, gid, err := l.account()
	apart(cmd, uid, gid, l.quit())
	cmd.Env = append(os.Environ(), "HOME="+l.Dir, "TMPDIR="+l.Dir, "LC_ALL=C")
	return cmd, err
}

// own gives a directory to the account.
func (l *Launcher) own(dir string) error {
	uid, gid, err := l.account()
	if err != nil || uid == 0 {
		return err
	}
	return os.Chown(dir, int(uid), int(gid))
}

// account returns an account without privileges if this process is root, or 0.
func (l *Launcher) account() (uid, gid uint32, err error) {
	if os.Getuid() != 0 {
		return 0, 0, nil
	}
	for _, name := range l.Users {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil && uid != 0 {
			return uint32(uid), uint32(gid), nil
		}
	}
	return 0, 0, errors.New("running as root, and no ordinary account was found")
}
