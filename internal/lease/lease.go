// Package lease gives a piece of work to one process at a time, for as long as it
// keeps renewing its claim: sealing a log, sweeping, replaying a journal.
//
//	keeper := lease.New(store, nil)
//	held, err := keeper.Acquire(ctx, "retention sweep", time.Minute) // ErrHeld: another process is at it
//	...
//	err = held.Renew(ctx, time.Minute) // between two parts of the work; ErrLost: stop
//	err = held.Release(ctx)
//
// A lease is a row that is changed only by compare-and-set. It needs no connection
// of its own and no lock that outlives a statement, so it works behind a pooler
// and is free again by itself when its holder dies.
//
// A lease is a courtesy, not a proof: a process that was suspended may believe it
// still holds one. Each taking has a higher [Lease.Turn]; work that must not
// overlap calls [Lease.Check] inside the transaction that writes, which locks the
// row and fails when somebody else has taken over. Clocks of the processes should
// agree within a fraction of the length of the lease; when they do not, takings
// come too early or too late, and Check still holds.
package lease

import (
	"context"
	"errors"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

var (
	// ErrHeld is returned by Acquire when another holder has the lease.
	ErrHeld = errors.New("lease: held by another")

	// ErrLost is returned when the lease has passed to another holder or was
	// released.
	ErrLost = errors.New("lease: lost")
)

var (
	byName = &storage.Select{
		From: schema.Lease, Columns: []string{"owner", "until", "turn"},
		Where: storage.By("name"), Mode: storage.Current,
	}
	create = &storage.Write{
		Verb: storage.InsertNew, Table: schema.Lease, Set: []string{"name", "owner", "until", "turn"},
	}
	take = &storage.Write{
		Verb: storage.Update, Table: schema.Lease, Set: []string{"owner", "until", "turn"},
		Where: storage.By("name", "owner", "until", "turn"),
	}
	renew = &storage.Write{
		Verb: storage.Update, Table: schema.Lease, Set: []string{"until"},
		Where: storage.By("name", "owner", "turn"),
	}
	release = &storage.Write{
		Verb: storage.Update, Table: schema.Lease, Set: []string{"owner", "until"},
		Where: storage.By("name", "owner", "turn"),
	}
	lock = &storage.Claim{
		Into: schema.Lease, Columns: []string{"name"}, Read: []string{"owner", "turn"},
	}
)

// Options configures a [Keeper]; nil is a safe default.
type Options struct {
	Owner string           // name of this process, up to 64 bytes; default: a new UUID
	Now   func() time.Time // default time.Now
}

// Keeper takes leases in the name of one process. It is safe for concurrent use.
type Keeper struct {
	store storage.Store
	owner string
	now   func() time.Time
}

// New returns a Keeper over store.
func New(store storage.Store, o *Options) *Keeper {
	k := &Keeper{store: store, now: time.Now}
	if o != nil {
		k.owner = o.Owner
		if o.Now != nil {
			k.now = o.Now
		}
	}
	if k.owner == "" {
		k.owner = ids.New().String()
	}
	return k
}

// Lease is one taking of a piece of work. Its methods are for one goroutine.
type Lease struct {
	k     *Keeper
	name  string
	until int64
	turn  int64
}

// Acquire takes the lease called name, of 1 to 128 bytes, for the time ttl. It
// returns [ErrHeld] while a holder's time runs, also when that holder is this
// Keeper, and storage.ErrInTx inside a transaction, where nobody else would see it.
func (k *Keeper) Acquire(ctx context.Context, name string, ttl time.Duration) (*Lease, error) {
	switch {
	case name == "":
		return nil, gdpr.Invalid("Lease.Name", "is empty")
	case ttl < time.Millisecond:
		return nil, gdpr.Invalid("Lease.TTL", "is %s; the least is 1ms", ttl)
	case k.store.State(ctx) != storage.Outside:
		return nil, storage.ErrInTx
	}
	var owner string
	var until, turn int64
	err := k.store.Get(ctx, byName, []any{name}, &owner, &until, &turn)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	now := k.now()
	l := &Lease{k: k, name: name, until: storage.Micros(now.Add(ttl)), turn: turn + 1}
	op := take.With(k.owner, l.until, l.turn, name, owner, until, turn)
	switch {
	case err != nil:
		op = create.With(name, k.owner, l.until, l.turn)
	case owner != "" && until > storage.Micros(now):
		return nil, ErrHeld
	}
	if err := k.change(ctx, op, ErrHeld); err != nil {
		return nil, err
	}
	return l, nil
}

// change returns otherwise unless op changed the row.
func (k *Keeper) change(ctx context.Context, op storage.Op, otherwise error) error {
	n, err := k.store.Apply(ctx, op)
	if err == nil && n[0] != 1 {
		return otherwise
	}
	return err
}

// Turn returns the number of this taking. It is higher than that of every earlier
// one and can be kept beside the results as a fencing token.
func (l *Lease) Turn() int64 { return l.turn }

// Until returns when the lease ends unless it is renewed, in UTC.
func (l *Lease) Until() time.Time { return storage.Time(l.until) }

// Renew makes the lease last for ttl from now on, also when its time had run out
// and nobody else has taken it. It returns [ErrLost] otherwise.
func (l *Lease) Renew(ctx context.Context, ttl time.Duration) error {
	until := storage.Micros(l.k.now().Add(ttl))
	if until == l.until {
		until++ // MySQL counts only rows that change
	}
	err := l.k.change(ctx, renew.With(until, l.name, l.k.owner, l.turn), ErrLost)
	if err == nil {
		l.until = until
	}
	return err
}

// Release gives the lease back. It returns [ErrLost] if it was already gone.
func (l *Lease) Release(ctx context.Context) error {
	return l.k.change(ctx, release.With("", 0, l.name, l.k.owner, l.turn), ErrLost)
}

// Check locks the lease until the end of the transaction in ctx and returns
// [ErrLost] if it is no longer this holder's. Outside a transaction it returns
// storage.ErrNoTx.
func (l *Lease) Check(ctx context.Context) error {
	var owner string
	var turn int64
	if err := l.k.store.Claim(ctx, lock, []any{l.name}, &owner, &turn); err != nil {
		return err
	}
	if owner != l.k.owner || turn != l.turn {
		return ErrLost
	}
	return nil
}
