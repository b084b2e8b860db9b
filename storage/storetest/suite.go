package storetest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/gdprkit/gdprkit/storage"
)

// Features tells what the store under test offers beyond the contract, and what
// the suite must leave out. Nil means none.
type Features struct {
	// Host begins a transaction as the host would, on the database behind d, and
	// returns a context that carries it. Exactly one of commit and rollback is
	// called. Default nil: the store joins no transactions of a host.
	Host func(t testing.TB, d storage.Directory) (ctx context.Context, commit, rollback func() error)
	// OneConnection leaves out the cases that read outside a transaction while one
	// is open, which a pool with a single connection cannot serve. Default false.
	OneConnection bool
	// Writers is the number of goroutines that write at once. Default 64.
	Writers int
}

// Run runs every case as a subtest. The function open returns an empty database
// each time that it is called; the test that it gets is the one that the database
// must outlive. Nil features are a safe default.
func Run(t *testing.T, open func(t *testing.T) storage.Directory, f *Features) {
	t.Helper()
	if f == nil {
		f = new(Features)
	}
	dir := open(t)
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			c.run(newEnv(t, c, time.Minute, dir, func() storage.Directory { return open(t) }, f))
		})
	}
}

// A testCase proves one rule of the contract.
type testCase struct {
	name string
	run  func(e *env)
}

func cases() []testCase {
	return slices.Concat(
		visibleCases, rollbackCases, nestedCases, doneCases, hookCases, hostCases,
		textCases, bytesCases, numberCases, writeCases, countCases, claimCases,
		readCases, scanCases, appendOnlyCases, tenantCases, scopeCases, concurrentCases,
	)
}

// env is what a case works with.
type env struct {
	testing.TB
	ctx  context.Context // ends before the test does
	dir  storage.Directory
	open func() storage.Directory // another, empty database
	f    *Features
	name string
	s    storage.Store // of a tenant that only this case uses
}

func newEnv(t testing.TB, c testCase, patience time.Duration, dir storage.Directory, open func() storage.Directory, f *Features) *env {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return &env{TB: t, ctx: ctx, dir: dir, open: open, f: f, name: c.name, s: dir.Tenant(c.name)}
}

func (e *env) other() storage.Store { return e.dir.Tenant(e.name + "/other") }

func (e *env) writers() int {
	if e.f.Writers > 0 {
		return e.f.Writers
	}
	return 64
}

func (e *env) needsSecondConnection() {
	e.Helper()
	if e.f.OneConnection {
		e.Skip("the pool has a single connection")
	}
}
