package sqltest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// server is a throw-away server, or one that the environment names.
type server struct {
	env    string // variable with the DSN
	driver string
	binary string
	dirs   []string // where the binaries are when they are not in PATH
	users  []string // to run as when the tests run as root
	boot   func(s *server, dir string, port int) (dsn string, cmd *exec.Cmd, err error)

	once sync.Once
	dsn  string
	err  error
	cmd  *exec.Cmd
	dir  string
}

var postgres = &server{
	env: "GDPRKIT_TEST_POSTGRES_DSN", driver: "pgx", binary: "initdb",
	dirs:  []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/bin"},
	users: []string{"postgres", "nobody"},
	boot:  bootPostgres,
}

var mariadb = &server{
	env: "GDPRKIT_TEST_MYSQL_DSN", driver: "mysql", binary: "mariadbd",
	dirs:  []string{"/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin"},
	users: []string{"mysql", "nobody"},
	boot:  bootMariaDB,
}

// start finds or starts the server once.
func (s *server) start() error {
	s.once.Do(func() {
		if s.dsn = os.Getenv(s.env); s.dsn != "" {
			return
		}
		if s.err = s.launch(); s.err != nil {
			s.stop()
			s.err = fmt.Errorf("no %s, and no server could be started: %w", s.env, s.err)
		}
	})
	return s.err
}

func (s *server) launch() (err error) {
	if s.dir, err = os.MkdirTemp(fastDir(), "gdprkit-"); err != nil {
		return err
	}
	if err := s.own(s.dir); err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	dsn, cmd, err := s.boot(s, s.dir, port)
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd, s.dsn = cmd, dsn
	return waitFor(s.driver, dsn)
}

// stop kills what start started.
func (s *server) stop() {
	if s.cmd != nil {
		syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		s.cmd.Wait()
	}
	if s.dir != "" {
		os.RemoveAll(s.dir)
	}
}

// fastDir is a file system in memory if there is one, where a sync costs nothing,
// unless GDPRKIT_TEST_DISK asks for the disk.
func fastDir() string {
	const shm = "/dev/shm"
	var st syscall.Statfs_t
	if os.Getenv("GDPRKIT_TEST_DISK") == "" && syscall.Statfs(shm, &st) == nil && uint64(st.Bsize)*st.Bavail > 1<<30 {
		return shm
	}
	return ""
}

func bootPostgres(s *server, dir string, port int) (string, *exec.Cmd, error) {
	initdb, err := s.find("initdb")
	if err != nil {
		return "", nil, err
	}
	data := filepath.Join(dir, "data")
	if err := s.run(initdb, "-D", data, "-U", "gdprkit", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"); err != nil {
		return "", nil, err
	}
	cmd, err := s.command(filepath.Join(filepath.Dir(initdb), "postgres"), "-D", data, "-p", strconv.Itoa(port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=300", "-c", "shared_buffers=64MB",
		"-c", "deadlock_timeout=50ms")
	return fmt.Sprintf("postgres://gdprkit@127.0.0.1:%d/postgres?sslmode=disable", port), cmd, err
}

func bootMariaDB(s *server, dir string, port int) (string, *exec.Cmd, error) {
	daemon, err := s.find("mariadbd")
	if err != nil {
		return "", nil, err
	}
	install, err := s.find("mariadb-install-db")
	if err != nil {
		return "", nil, err
	}
	data := filepath.Join(dir, "data")
	if err := s.run(install, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db"); err != nil {
		return "", nil, err
	}
	cmd, err := s.command(daemon, "--no-defaults", "--datadir="+data, "--tmpdir="+dir, "--socket="+filepath.Join(dir, "s"),
		"--pid-file="+filepath.Join(dir, "pid"), "--port="+strconv.Itoa(port), "--bind-address=127.0.0.1",
		"--innodb-buffer-pool-size=128M", "--innodb-log-file-size=64M", "--max-connections=300", "--skip-name-resolve")
	return fmt.Sprintf("root@tcp(127.0.0.1:%d)/", port), cmd, err
}

// find returns the path of a binary. Server binaries beside initdb come first,
// since a wrapper in PATH may be something else.
func (s *server) find(binary string) (string, error) {
	for _, pattern := range s.dirs {
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

func (s *server) run(name string, args ...string) error {
	cmd, err := s.command(name, args...)
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %.300s", filepath.Base(name), err, out)
	}
	return nil
}

// command runs as an ordinary user and dies with this process.
func (s *server) command(name string, args ...string) (*exec.Cmd, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)
	uid, gid, err := s.account()
	if err == nil && uid != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	}
	cmd.Env = append(os.Environ(), "HOME="+s.dir, "LC_ALL=C")
	return cmd, err
}

// own gives a directory to the account.
func (s *server) own(dir string) error {
	uid, gid, err := s.account()
	if err != nil || uid == 0 {
		return err
	}
	return os.Chown(dir, int(uid), int(gid))
}

// account returns an account without privileges if this process is root, or 0.
func (s *server) account() (uid, gid uint32, err error) {
	if os.Getuid() != 0 {
		return 0, 0, nil
	}
	for _, name := range s.users {
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

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// waitFor waits until the server answers.
func waitFor(driver, dsn string) error {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if err = db.PingContext(background(5 * time.Second)); err == nil {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("server does not answer: %w", err)
		}
	}
}

// background returns a context that ends by itself.
func background(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	time.AfterFunc(d, cancel)
	return ctx
}
