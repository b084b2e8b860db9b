package sqltest

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// Variables that turn a test binary into a child.
const (
	childName   = "GDPRKIT_CHILD"
	childEngine = "GDPRKIT_CHILD_ENGINE"
	childDSN    = "GDPRKIT_CHILD_DSN"
)

// A ChildFunc is what a process of its own does.
type ChildFunc func(c *ChildProcess) error

// ChildProcess is what a ChildFunc is given.
type ChildProcess struct {
	context.Context
	Engine *Engine
	Pool   *sql.DB
	DB     *sqlstore.DB // on the DSN of the parent, which has migrated it
	Args   []string
}

// Say sends one line to the parent at once.
func (c *ChildProcess) Say(format string, args ...any) {
	fmt.Fprintf(os.Stdout, format+"\n", args...) // unbuffered: a write is a system call
}

var children = map[string]ChildFunc{}

// Child registers a function under a name, for [Spawn]. Use it in a package-level
// variable: var _ = sqltest.Child("writer", func(c *sqltest.ChildProcess) error {...})
func Child(name string, f ChildFunc) bool {
	if children[name] != nil {
		panic("sqltest: two children are named " + name)
	}
	children[name] = f
	return true
}

// Main is the TestMain of a package that uses this one: it runs the tests, stops
// the servers and exits. In a child it runs the child's function instead.
func Main(m *testing.M) {
	if name := os.Getenv(childName); name != "" {
		os.Exit(runChild(name))
	}
	remove, err := useFastDir()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	postgres.stop()
	mariadb.stop()
	remove()
	os.Exit(code)
}

// useFastDir has the temporary directories of tests, and so SQLite, lie where a sync
// costs nothing; not for GDPRKIT_LONG, whose tables are larger than memory.
func useFastDir() (remove func(), err error) {
	if fastDir() == "" || os.Getenv("GDPRKIT_LONG") != "" {
		return func() {}, nil
	}
	dir, err := os.MkdirTemp(fastDir(), "gdprkit-")
	if err != nil {
		return nil, err
	}
	return func() { os.RemoveAll(dir) }, os.Setenv("TMPDIR", dir)
}

func runChild(name string) int {
	err := func() error {
		f := children[name]
		if f == nil {
			return fmt.Errorf("no child is named %q", name)
		}
		for _, e := range Engines() {
			if e.Name != os.Getenv(childEngine) {
				continue
			}
			pool, err := sql.Open(e.driver, os.Getenv(childDSN))
			if err != nil {
				return err
			}
			defer pool.Close()
			db, err := sqlstore.New(pool, e.Dialect, nil)
			if err != nil {
				return err
			}
			return f(&ChildProcess{context.Background(), e, pool, db, os.Args[1:]})
		}
		return fmt.Errorf("no engine is named %q", os.Getenv(childEngine))
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "child", name+":", err)
		return 1
	}
	return 0
}

// A Process is a running child.
type Process struct {
	Lines <-chan string // what it says; closed when it ends

	cmd  *exec.Cmd
	once sync.Once
	err  error
	read chan struct{}
	errs strings.Builder
}

// Spawn starts the child of that name in a process of its own on the database of
// dsn. It is killed when the test ends. The parent must read Lines or call
// [Process.Wait].
func (e *Engine) Spawn(t testing.TB, name, dsn string, args ...string) *Process {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{cmd: exec.Command(path, args...), read: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), childName+"="+name, childEngine+"="+e.Name, childDSN+"="+dsn)
	p.cmd.Stderr = &p.errs
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1<<16)
	p.Lines = lines
	go func() {
		defer close(p.read)
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	t.Cleanup(p.Kill)
	return p
}

// Kill ends the child with SIGKILL and waits until it is gone.
func (p *Process) Kill() {
	p.cmd.Process.Kill()
	p.Wait()
}

// Wait waits until the child ends, and returns its error with what it wrote to
// standard error.
func (p *Process) Wait() error {
	p.once.Do(func() {
		<-p.read
		if p.err = p.cmd.Wait(); p.err != nil {
			p.err = fmt.Errorf("%w: %s", p.err, strings.TrimSpace(p.errs.String()))
		}
	})
	return p.err
}
