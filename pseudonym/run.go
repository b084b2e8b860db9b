package pseudonym

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// Run does what is due until ctx ends, and returns its error: it finishes shreds,
// carries out scheduled ones, looks at the key store so that shreds of other
// processes are noticed in time, moves the keys to a new epoch when the current one
// is older than Options.EpochLength, and forgets the tombstones that are older than
// Options.BackupAge. Several processes may run it.
// Failures are logged and tried again.
//
// While it runs, sealing and opening need not read the clock and are faster.
func (v *Vault) Run(ctx context.Context) error {
	tick := time.NewTicker(max(v.opts.KeyBound/2, 10*time.Millisecond))
	defer tick.Stop()
	out := time.AfterFunc(time.Hour, func() { v.armed.Store(false) })
	defer v.armed.Store(false)
	defer out.Stop()
	for {
		began := time.Now()
		err := v.Work(ctx)
		if v.opts.Now == nil && v.fresh() && err == nil {
			v.armed.Store(true) // before the timer, which may run out at once
			out.Reset(v.opts.KeyBound - time.Since(began))
		}
		if err != nil && ctx.Err() == nil {
			v.opts.Logger.WarnContext(ctx, "work on keys failed", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Work does once what [Vault.Run] does again and again, for hosts with a scheduler
// of their own.
func (v *Vault) Work(ctx context.Context) error {
	if v.keys.State(ctx) != storage.Outside || v.data.State(ctx) != storage.Outside {
		return storage.ErrInTx
	}
	if err := v.look(ctx); err != nil {
		return err
	}
	err := errors.Join(v.finishAll(ctx), v.shredDue(ctx), v.rotateIfDue(ctx), v.pruneIfDue(ctx))
	_, scrubbed := v.scrub(ctx)
	return errors.Join(err, scrubbed)
}

// shredDue carries out the scheduled shreds whose time has come. One that fails by
// itself, since it keeps what is no compartment any more, does not hold up the others.
func (v *Vault) shredDue(ctx context.Context) error {
	var failed error
	for row, err := range v.data.Scan(ctx, selSchedule, []any{storage.Micros(v.now())}) {
		if err != nil {
			return unavailable("read the scheduled shreds", err)
		}
		var due int64
		var subject, kept string
		if err := row.Scan(&due, &subject, &kept); err != nil {
			return unavailable("read the scheduled shreds", err)
		}
		var keep []string
		if kept != "" {
			keep = strings.Split(kept, ",")
		}
		switch err := v.Shred(ctx, subject, keep...); {
		case errors.Is(err, gdpr.ErrInvalid):
			failed = err
			continue
		case err != nil && !errors.Is(err, ErrUnfinished):
			return err
		}
		if _, err := v.data.Apply(ctx, delSchedule.With(subject)); err != nil {
			return unavailable("strike the scheduled shred", err)
		}
	}
	return failed
}
