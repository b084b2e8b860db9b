package pseudonym

import (
	"context"
	"time"

	"github.com/gdprkit/gdprkit/storage"
)

// What [Report] says about remnants and rollback protection.
const (
	RemnantsClean   = "clean"   // nothing of a shredded key is in the main file or the write-ahead log
	RemnantsPending = "pending" // the files are cleaned when no reader is in the way
	RemnantsEngine  = "engine"  // the engine keeps copies (heap, logs, replicas); only Bound answers them
	RemnantsNone    = "none"    // the store is not durable

	ProtectionJournal  = "journal"  // a restored key store is noticed
	ProtectionSeparate = "separate" // noticed if the data store was not restored from the same night
	ProtectionNone     = "none"     // two stores restored from one night are not noticed
)

// Report is the state of a vault, in numbers.
type Report struct {
	Keys       int // live keys
	Pending    int // shreds decided and not finished, counted by compartment
	Scheduled  int // shreds that are to come
	Tombstones int
	Fences     int // keys that were destroyed
	Restores   int // restores that were noticed and dealt with
	Unseen     int // keys made in transactions whose end this process has not seen; some may be orphans, which is harmless

	Epochs []Epoch // oldest first

	// Bound is how long after a shred an older copy of the key store may open what
	// was shredded, if epochs are rotated in time and the time to rewrap and the
	// delay of the key wrapper are added. Copies of the key store, and of the
	// keyring file, must be kept no longer than Options.Window.
	Bound time.Duration

	Remnants           string // one of the Remnants constants
	RollbackProtection string // one of the Protection constants
}

// Epoch is one key epoch.
type Epoch struct {
	Number  int
	State   string    // "ready", "current", "draining", "retired" or "destroyed"
	Created time.Time // UTC
	Retired time.Time // UTC; since then no key is in it
	// Gone is when the key-encryption key cannot be brought back; zero if it was not
	// destroyed or the wrapper cannot vouch for it.
	Gone time.Time
	Keys int // keys and secrets that are still in it
}

var epochNames = map[int]string{epochReady: "ready", epochCurrent: "current", epochDraining: "draining",
	epochRetired: "retired", epochDestroyed: "destroyed"}

// Report counts and says what protects and what does not. It reads every key row's
// index, so call it now and then, not per request.
func (v *Vault) Report(ctx context.Context) (Report, error) {
	r := Report{Bound: v.bound(0), RollbackProtection: ProtectionNone}
	if err := v.check(ctx); err != nil {
		return r, err
	}
	for _, c := range []struct {
		s    storage.Store
		sel  *storage.Select
		args []any
		dest *int
	}{
		{v.keys, countKeys, []any{live}, &r.Keys},
		{v.data, countClosings, nil, &r.Pending},
		{v.data, countSchedule, nil, &r.Scheduled},
		{v.keys, countTombs, nil, &r.Tombstones},
		{v.keys, countFences, nil, &r.Fences},
		{v.keys, countRestores, []any{"accepted"}, &r.Restores},
	} {
		if err := c.s.Get(ctx, c.sel, c.args, c.dest); err != nil {
			return r, unavailable("count", err)
		}
	}
	r.Unseen = v.unseen.len()
	if v.opts.Journal != nil {
		r.RollbackProtection = ProtectionJournal
	} else if v.separate() {
		r.RollbackProtection = ProtectionSeparate
	}
	var err error
	if r.Remnants, err = v.scrub(ctx); err != nil {
		return r, err
	}
	r.Epochs, err = v.reportEpochs(ctx)
	return r, err
}

func (v *Vault) reportEpochs(ctx context.Context) ([]Epoch, error) {
	rows, err := v.epochs(ctx)
	if err != nil {
		return nil, err
	}
	var list []Epoch
	for _, row := range rows {
		e := Epoch{Number: row.epoch, State: epochNames[row.state], Created: storage.Time(row.created),
			Retired: storage.Time(row.retired), Gone: storage.Time(row.gone)}
		if e.Keys, err = v.countOf(ctx, row.epoch); err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}
