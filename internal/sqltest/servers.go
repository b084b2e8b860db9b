package sqltest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// server is a throw-away server, or one that the environment names.
type server struct {
	Launcher
	env    string // variable with the DSN
	driver string
	boot   func(s *server, dir string, port int) (dsn string, cmd *exec.Cmd, err error)

	once sync.Once
	dsn  string
	err  error
	cmd  *exec.Cmd

	onceTemplate sync.Once
	template     string // see migrated
}

var postgres = &server{
	env: "GDPRKIT_TEST_POSTGRES_DSN", driver: "pgx", Launcher: PostgresLauncher(), boot: bootPostgres,
}

var mariadb = &server{
	env: "GDPRKIT_TEST_MYSQL_DSN", driver: "mysql", Launcher: MariaDBLauncher(), boot: bootMariaDB,
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
	if err := s.MakeDir(); err != nil {
		return err
	}
	port, err := FreePort()
	if err != nil {
		return err
	}
	dsn, cmd, err := s.boot(s, s.Dir, port)
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(s.Dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd, s.dsn = cmd, dsn
	return WaitFor(s.driver, dsn, 60*time.Second)
}

// stop kills what start started, and leaves nothing on a server that it found.
func (s *server) stop() {
	if s.cmd == nil && s.template != "" {
		dropDatabase(s.driver, s.dsn, s.template)
	}
	if s.cmd != nil {
		s.Stop(s.cmd)
	}
	s.RemoveDir()
}

func bootPostgres(s *server, dir string, port int) (string, *exec.Cmd, error) {
	initdb, err := s.Find("initdb")
	if err != nil {
		return "", nil, err
	}
	data := filepath.Join(dir, "data")
	if err := s.Run(initdb, "-D", data, "-U", "gdprkit", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"); err != nil {
		return "", nil, err
	}
	cmd, err := s.Command(filepath.Join(filepath.Dir(initdb), "postgres"), "-D", data, "-p", strconv.Itoa(port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=300", "-c", "shared_buffers="+room("64MB", "3GB"),
		"-c", "max_wal_size="+room("1GB", "4GB"), "-c", "deadlock_timeout=50ms", "-c", "dynamic_shared_memory_type=mmap")
	return fmt.Sprintf("postgres://gdprkit@127.0.0.1:%d/postgres?sslmode=disable", port), cmd, err
}

// room is the size of a cache or log: that of a small server, or of one that holds
// the tables of TestGrowth.
func room(small, large string) string {
	if os.Getenv("GDPRKIT_LONG") != "" {
		return large
	}
	return small
}

func bootMariaDB(s *server, dir string, port int) (string, *exec.Cmd, error) {
	daemon, err := s.Find("mariadbd")
	if err != nil {
		return "", nil, err
	}
	install, err := s.Find("mariadb-install-db")
	if err != nil {
		return "", nil, err
	}
	data := filepath.Join(dir, "data")
	if err := s.Run(install, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db"); err != nil {
		return "", nil, err
	}
	cmd, err := s.Command(daemon, "--no-defaults", "--datadir="+data, "--tmpdir="+dir, "--socket="+filepath.Join(dir, "s"),
		"--pid-file="+filepath.Join(dir, "pid"), "--port="+strconv.Itoa(port), "--bind-address=127.0.0.1",
		"--innodb-buffer-pool-size="+room("128M", "8G"), "--innodb-log-file-size="+room("64M", "512M"), "--max-connections=300", "--skip-name-resolve")
	return fmt.Sprintf("root@tcp(127.0.0.1:%d)/", port), cmd, err
}

var ports atomic.Int64

// FreePort returns a port of loopback that nobody listens on, below those that
// systems give to outgoing connections, so that it stays free until it is used.
func FreePort() (int, error) {
	const low, span = 20000, 12000
	for range span {
		port := low + (os.Getpid()*97+int(ports.Add(1))*7)%span
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("no free port on loopback")
}

// WaitFor waits until a server answers.
func WaitFor(driver, dsn string, most time.Duration) error {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	for end := time.Now().Add(most); ; time.Sleep(20 * time.Millisecond) {
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
