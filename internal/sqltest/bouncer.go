package sqltest

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A Bouncer is pgbouncer in transaction mode in front of the server of the tests: a
// connection of a client has another one of the server for each transaction.
type Bouncer struct {
	launcher Launcher
	port     int
}

// StartBouncer starts pgbouncer, which dies with the test. Where it is not installed
// the test is skipped, or fails with CI set.
func StartBouncer(t testing.TB) *Bouncer {
	t.Helper()
	e := Engines()[1]
	e.need(t)
	b := &Bouncer{launcher: PostgresLauncher()}
	b.launcher.Binaries = []string{"/usr/sbin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"}
	binary, err := b.launcher.Find("pgbouncer")
	if err != nil {
		lacks(t, "pgbouncer", err)
	}
	if err := b.configure(e.server.dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.launcher.RemoveDir)
	cmd, err := b.launcher.Command(binary, filepath.Join(b.launcher.Dir, "ini"))
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.launcher.Stop(cmd) })
	if err := WaitFor("pgx", b.dsn("postgres", "default_query_exec_mode=simple_protocol"), 20*time.Second); err != nil {
		t.Fatal(err)
	}
	return b
}

// configure writes the configuration. Fewer connections to the server than the tests
// have clients, so that they really change hands.
func (b *Bouncer) configure(server string) (err error) {
	u, err := url.Parse(server)
	if err != nil {
		return err
	}
	if err := b.launcher.MakeDir(); err != nil {
		return err
	}
	if b.port, err = FreePort(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.launcher.Dir, "ini"), fmt.Appendf(nil, `[databases]
* = host=%s port=%s user=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 5
max_client_conn = 500
logfile = %s
ignore_startup_parameters = extra_float_digits
`, u.Hostname(), u.Port(), u.User.Username(), b.port, filepath.Join(b.launcher.Dir, "log")), 0o644)
}

func (b *Bouncer) dsn(database, params string) string {
	return fmt.Sprintf("postgres://gdprkit@127.0.0.1:%d/%s?sslmode=disable&%s", b.port, database, params)
}

// DSN makes an empty database, which goes away with the test, and returns a DSN that
// leads to it through the pooler. A database and not a schema: a search_path of a
// client's own does not pass the pooler.
func (b *Bouncer) DSN(t testing.TB, params string) string {
	t.Helper()
	e := Engines()[1]
	name := fmt.Sprintf("gdprkit_%d_%d", os.Getpid(), databases.Add(1))
	execute(t, e.connect(t, e.server.dsn), "CREATE DATABASE "+name)
	t.Cleanup(func() { dropDatabase(e.driver, e.server.dsn, name) })
	return b.dsn(name, params)
}
