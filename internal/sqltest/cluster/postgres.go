package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/lib/pq"

	"github.com/gdprkit/gdprkit/internal/sqltest"
)

// Replicated is a PostgreSQL primary with a synchronous standby.
type Replicated struct {
	launcher sqltest.Launcher
	bin      string
	hosts    [2]*host
	primary  int
	round    int
}

type host struct {
	port int
	data string
	cmd  *exec.Cmd
	log  *os.File
}

// StartReplicated starts both; they die with the test.
func StartReplicated(t testing.TB) *Replicated {
	t.Helper()
	r := &Replicated{launcher: sqltest.PostgresLauncher()}
	initdb, err := r.launcher.Find("initdb")
	need(t, err)
	r.bin = filepath.Dir(initdb)
	need(t, r.launcher.MakeDir())
	t.Cleanup(r.launcher.RemoveDir)
	for i := range r.hosts {
		port, err := sqltest.FreePort()
		need(t, err)
		r.hosts[i] = &host{port: port}
		t.Cleanup(func() { r.kill(i) })
	}
	r.hosts[0].data = filepath.Join(r.launcher.Dir, "first")
	r.run(t, "initdb", "-D", r.hosts[0].data, "-U", "gdprkit", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	r.start(t, 0)
	r.follow(t, 1)
	return r
}

// DSN names both hosts; a driver looks for the one that accepts writes. lib/pq
// does not understand several hosts with ports in a URL.
func (r *Replicated) DSN() string {
	return fmt.Sprintf("host=127.0.0.1,127.0.0.1 port=%d,%d user=gdprkit dbname=postgres sslmode=disable target_session_attrs=read-write connect_timeout=2",
		r.hosts[0].port, r.hosts[1].port)
}

func (r *Replicated) hostDSN(i int) string {
	return fmt.Sprintf("postgres://gdprkit@127.0.0.1:%d/postgres?sslmode=disable&connect_timeout=2", r.hosts[i].port)
}

// FailOver kills the primary with SIGKILL, promotes the standby, and builds a new
// standby in the place of the dead one.
func (r *Replicated) FailOver(t testing.TB, pause time.Duration) {
	t.Helper()
	dead := r.primary
	r.kill(dead)
	r.primary = 1 - dead
	r.run(t, "pg_ctl", "promote", "-w", "-D", r.hosts[r.primary].data) // not pg_promote(): recovery may cancel a query
	r.sql(t, r.primary, "ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_reload_conf()")
	time.Sleep(pause)
	r.follow(t, dead)
}

// follow makes host i a synchronous standby of the primary.
func (r *Replicated) follow(t testing.TB, i int) {
	t.Helper()
	r.round++
	name := "standby" + strconv.Itoa(r.round)
	h, p := r.hosts[i], r.hosts[r.primary]
	h.data = filepath.Join(r.launcher.Dir, name)
	r.run(t, "pg_basebackup", "-h", "127.0.0.1", "-p", strconv.Itoa(p.port), "-U", "gdprkit", "-D", h.data,
		"-R", "-C", "-S", name, "-X", "stream", "-c", "fast", "--no-sync",
		"-d", "application_name="+name)
	r.start(t, i)
	r.sql(t, r.primary, "ALTER SYSTEM SET synchronous_commit = 'on'",
		"ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 ("+name+")'", "SELECT pg_reload_conf()")
	r.streaming(t, name)
}

func (r *Replicated) start(t testing.TB, i int) {
	t.Helper()
	h := r.hosts[i]
	cmd, err := r.launcher.Command(filepath.Join(r.bin, "postgres"), "-D", h.data, "-p", strconv.Itoa(h.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=200",
		"-c", "dynamic_shared_memory_type=mmap",
		"-c", "wal_level=replica", "-c", "max_wal_senders=8", "-c", "max_replication_slots=16", "-c", "wal_keep_size=256MB")
	if err != nil {
		t.Fatal(err)
	}
	if h.log, err = os.OpenFile(h.data+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = h.log, h.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h.cmd = cmd
	if err := sqltest.WaitFor("pgx", r.hostDSN(i), time.Minute); err != nil {
		text, _ := os.ReadFile(h.data + ".log")
		t.Fatalf("%v\n%s", err, text[max(0, len(text)-2000):])
	}
}

// kill ends a server with all its processes at once.
func (r *Replicated) kill(i int) {
	h := r.hosts[i]
	if h.cmd == nil {
		return
	}
	children, _ := exec.Command("pgrep", "-P", strconv.Itoa(h.cmd.Process.Pid)).Output()
	sqltest.KillGroup(h.cmd.Process.Pid)
	for _, pid := range fields(children) { // each has a group of its own
		sqltest.KillGroup(pid)
	}
	h.cmd.Wait()
	h.log.Close()
	h.cmd = nil
}

func fields(b []byte) (pids []int) {
	var n int
	for _, c := range append(b, '\n') {
		switch {
		case c >= '0' && c <= '9':
			n = n*10 + int(c-'0')
		case n > 0:
			pids, n = append(pids, n), 0
		}
	}
	return pids
}

func (r *Replicated) run(t testing.TB, name string, args ...string) {
	t.Helper()
	if err := r.launcher.Run(filepath.Join(r.bin, name), args...); err != nil {
		t.Fatal(err)
	}
}

func (r *Replicated) sql(t testing.TB, i int, texts ...string) {
	t.Helper()
	db, err := openPool("pgx", r.hostDSN(i))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, text := range texts {
		if _, err := db.Exec(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

// streaming waits until the standby is synchronous.
func (r *Replicated) streaming(t testing.TB, name string) {
	t.Helper()
	db, err := openPool("pgx", r.hostDSN(r.primary))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var n int
		if db.QueryRow("SELECT count(*) FROM pg_stat_replication WHERE application_name = $1 AND sync_state IN ('sync', 'quorum')", name).Scan(&n) == nil && n == 1 {
			return
		}
	}
	t.Fatal("the standby is not synchronous")
}
