package sqltest_test

import (
	"context"
	"iter"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/storage"
)

// fuse kills the process at a step: the nth of all, or the nth of a name. The zero
// value only counts.
type fuse struct {
	mu    sync.Mutex
	armed bool
	name  string // "": any
	nth   int
	order []string // names in the order of their first step
	count map[string]int
}

// arm begins to count anew.
func (f *fuse) arm(name string, nth int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed, f.name, f.nth, f.order, f.count = true, name, nth, nil, map[string]int{}
}

func (f *fuse) disarm() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = false
}

func (f *fuse) step(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.armed {
		return
	}
	if f.count[name]++; f.count[name] == 1 {
		f.order = append(f.order, name)
	}
	if f.name != "" && f.name != name {
		return
	}
	if f.nth--; f.nth != 0 {
		return
	}
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {} // until the signal arrives
}

// fusedStore takes a step before and after each call of a store that writes or ends
// a transaction, and before each that reads.
type fusedStore struct {
	storage.Store
	fuse *fuse
}

func (s *fusedStore) InTx(ctx context.Context, f func(context.Context) error) error {
	s.fuse.step("begin")
	defer s.fuse.step("committed")
	return s.Store.InTx(ctx, func(ctx context.Context) error {
		defer s.fuse.step("commit")
		return f(ctx)
	})
}

var verbs = map[storage.Verb]string{storage.Insert: "insert", storage.InsertNew: "insert", storage.Put: "put",
	storage.Update: "update", storage.Delete: "delete"}

// nameOf says what a step writes, in order.
func nameOf(ops []storage.Op) string {
	var list []string
	for _, op := range ops {
		name := verbs[op.Write.Verb] + " " + strings.TrimPrefix(op.Write.Table.Name, "gdpr_")
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return strings.Join(list, ", ")
}

func (s *fusedStore) Apply(ctx context.Context, ops ...storage.Op) ([]int64, error) {
	name := nameOf(ops)
	s.fuse.step("before " + name)
	defer s.fuse.step("after " + name)
	return s.Store.Apply(ctx, ops...)
}

func (s *fusedStore) Claim(ctx context.Context, c *storage.Claim, args []any, dest ...any) error {
	s.fuse.step("claim " + c.Into.Name)
	return s.Store.Claim(ctx, c, args, dest...)
}

func (s *fusedStore) Scan(ctx context.Context, sel *storage.Select, args []any) iter.Seq2[storage.Row, error] {
	s.fuse.step("scan " + sel.From.Name)
	return s.Store.Scan(ctx, sel, args)
}

// fusedJournal takes a step before and after each append.
type fusedJournal struct {
	pseudonym.Journal
	fuse *fuse
}

func (j *fusedJournal) Append(ctx context.Context, r []byte) error {
	j.fuse.step("before append to the journal")
	defer j.fuse.step("after append to the journal")
	return j.Journal.Append(ctx, r)
}

// fusedWrapper takes a step before and after each change of a keyring.
type fusedWrapper struct {
	pseudonym.KeyWrapper
	fuse *fuse
}

func (w *fusedWrapper) Create(ctx context.Context) (string, error) {
	w.fuse.step("before creating a KEK")
	defer w.fuse.step("after creating a KEK")
	return w.KeyWrapper.Create(ctx)
}

func (w *fusedWrapper) Destroy(ctx context.Context, ref string) (time.Time, error) {
	w.fuse.step("before destroying a KEK")
	defer w.fuse.step("after destroying a KEK")
	return w.KeyWrapper.Destroy(ctx, ref)
}
