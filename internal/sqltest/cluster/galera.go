package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"

	"github.com/gdprkit/gdprkit/internal/sqltest"
)

// provider is where Debian, Red Hat and others put the library of Galera.
var providers = []string{"/usr/lib/galera/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so", "/usr/lib/libgalera_smm.so"}

// Galera is a cluster of three nodes.
type Galera struct {
	Nodes [3]*Node

	launcher sqltest.Launcher
	daemon   string
	provider string
}

// A Node is one server of a cluster.
type Node struct {
	Name string

	g                   *Galera
	port, gcomm, ist, s int
	cmd                 *exec.Cmd
	log                 *os.File
}

// need skips or fails a test that lacks its cluster.
func need(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
}

// StartGalera starts three nodes; they die with the test.
func StartGalera(t testing.TB) *Galera {
	t.Helper()
	g := &Galera{launcher: sqltest.MariaDBLauncher()}
	need(t, g.prepare())
	t.Cleanup(g.launcher.RemoveDir)
	for i := range g.Nodes {
		g.Nodes[i].install(t)
	}
	for i, n := range g.Nodes {
		t.Cleanup(n.Kill)
		n.Start(t, i == 0)
	}
	return g
}

func (g *Galera) prepare() (err error) {
	for _, p := range providers {
		if _, err := os.Stat(p); err == nil {
			g.provider = p
		}
	}
	if g.provider == "" {
		return errors.New("no Galera library: install galera-4")
	}
	if _, err := exec.LookPath("rsync"); err != nil {
		return errors.New("no rsync, which Galera copies its data with")
	}
	if g.daemon, err = g.launcher.Find("mariadbd"); err != nil {
		return err
	}
	if err = g.launcher.MakeDir(); err != nil {
		return err
	}
	for i := range g.Nodes {
		n := &Node{Name: "n" + strconv.Itoa(i+1), g: g}
		for _, p := range []*int{&n.port, &n.gcomm, &n.ist, &n.s} {
			if *p, err = sqltest.FreePort(); err != nil {
				return err
			}
		}
		g.Nodes[i] = n
	}
	return nil
}

func (n *Node) dir(parts ...string) string {
	return filepath.Join(append([]string{n.g.launcher.Dir, n.Name}, parts...)...)
}

func (n *Node) install(t testing.TB) {
	t.Helper()
	l := &n.g.launcher
	install, err := l.Find("mariadb-install-db")
	need(t, err)
	if err := l.Run("mkdir", "-p", n.dir("tmp")); err != nil {
		t.Fatal(err)
	}
	if err := l.Run(install, "--no-defaults", "--datadir="+n.dir("data"), "--auth-root-authentication-method=normal", "--skip-test-db"); err != nil {
		t.Fatal(err)
	}
}

// Start starts the node and waits until it is in step with the cluster.
func (n *Node) Start(t testing.TB, first bool) {
	t.Helper()
	var peers []string
	for _, p := range n.g.Nodes {
		peers = append(peers, "127.0.0.1:"+strconv.Itoa(p.gcomm))
	}
	addr := func(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }
	args := []string{"--no-defaults", "--datadir=" + n.dir("data"), "--tmpdir=" + n.dir("tmp"), "--socket=" + n.dir("s"),
		"--pid-file=" + n.dir("pid"), "--port=" + strconv.Itoa(n.port), "--bind-address=127.0.0.1", "--skip-name-resolve",
		"--binlog-format=ROW", "--default-storage-engine=InnoDB", "--innodb-autoinc-lock-mode=2", "--innodb-buffer-pool-size=64M",
		"--max-connections=200", "--wsrep-on=ON", "--wsrep-provider=" + n.g.provider, "--wsrep-cluster-name=gdprkit",
		"--wsrep-cluster-address=gcomm://" + strings.Join(peers, ","),
		"--wsrep-provider-options=gmcast.listen_addr=tcp://" + addr(n.gcomm) + ";ist.recv_addr=" + addr(n.ist) +
			";gcache.size=64M;base_host=127.0.0.1;evs.keepalive_period=PT0.3S;evs.suspect_timeout=PT1S;evs.inactive_timeout=PT3S;evs.inactive_check_period=PT0.2S",
		"--wsrep-node-address=" + addr(n.gcomm), "--wsrep-node-incoming-address=" + addr(n.port), "--wsrep-node-name=" + n.Name,
		"--wsrep-sst-method=rsync", "--wsrep-sst-receive-address=" + addr(n.s)}
	at, err := n.recovered(args)
	switch {
	case err != nil:
		t.Fatal(err)
	case first:
		args = append(args, "--wsrep-new-cluster")
	case at != "":
		args = append(args, "--wsrep-start-position="+at)
	}
	cmd, err := n.g.launcher.Command(n.g.daemon, args...)
	if err != nil {
		t.Fatal(err)
	}
	if n.log, err = os.OpenFile(n.dir("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = n.log, n.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n.cmd = cmd
	if err := n.synced(90 * time.Second); err != nil {
		tail, _ := os.ReadFile(n.dir("log"))
		t.Fatalf("%s: %v\n%s", n.Name, err, tail[max(0, len(tail)-3000):])
	}
}

var position = regexp.MustCompile(`WSREP: Recovered position: (\S+:\d+)`)

// recovered asks the files of a node that was killed how far it came, as the unit of
// a distribution does before each start, so that it is sent the rest and not a copy of
// everything. A node that was never in the cluster has come nowhere.
func (n *Node) recovered(args []string) (string, error) {
	if _, err := os.Stat(n.dir("data", "grastate.dat")); err != nil {
		return "", nil
	}
	cmd, err := n.g.launcher.Command(n.g.daemon, append(args, "--wsrep-recover", "--skip-networking")...)
	if err != nil {
		return "", err
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: wsrep-recover: %w\n%s", n.Name, err, out[max(0, len(out)-3000):])
	}
	at := position.FindSubmatch(out)
	if at == nil {
		return "", fmt.Errorf("%s: wsrep-recover tells no position\n%s", n.Name, out[max(0, len(out)-3000):])
	}
	return string(at[1]), nil
}

// Kill ends the node with SIGKILL.
func (n *Node) Kill() {
	if n.cmd == nil {
		return
	}
	sqltest.KillGroup(n.cmd.Process.Pid)
	n.cmd.Wait()
	n.log.Close()
	n.cmd = nil
}

// DSN returns a DSN of a database on the node, whose sessions read what the cluster
// has committed.
func (n *Node) DSN(database string) string { return n.plainDSN(database) + "&wsrep_sync_wait=1" }

func (n *Node) plainDSN(database string) string {
	return fmt.Sprintf("root@tcp(127.0.0.1:%d)/%s?timeout=2s&readTimeout=20s&writeTimeout=20s", n.port, database)
}

func (n *Node) synced(most time.Duration) error {
	if err := sqltest.WaitFor("mysql", n.DSN(""), most); err != nil {
		return err
	}
	db, err := openPool("mysql", n.DSN(""))
	if err != nil {
		return err
	}
	defer db.Close()
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var name, state string
		if db.QueryRow("SHOW STATUS LIKE 'wsrep_local_state_comment'").Scan(&name, &state) == nil && state == "Synced" {
			return nil
		}
	}
	return errors.New("node is not in step with the cluster")
}
