package audit

import (
	"context"
	"errors"
	"time"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// Run seals what is pending every second and, each Options.CheckpointEvery, signs
// a checkpoint if there is a signer, drops payloads that are due and finishes an
// interrupted Prune. It returns when ctx is done. Errors are logged and tried again
// the next time; Run in several processes at once is safe.
func (l *Log) Run(ctx context.Context) error {
	next := l.opt.Now()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if !l.inside {
			l.report("seal", l.ignoreNoLog(l.Sealed(ctx)))
		}
		if now := l.opt.Now(); !now.Before(next) {
			next = now.Add(l.opt.CheckpointEvery)
			l.report("housekeeping", l.Housekeep(ctx))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Housekeep does once what Run does each Options.CheckpointEvery, for a host with a
// scheduler of its own.
func (l *Log) Housekeep(ctx context.Context) error {
	if _, err := l.known(ctx); err != nil {
		return l.ignoreNoLog(0, err)
	}
	if l.signerKey() != nil {
		if _, err := l.Checkpoint(ctx); err != nil {
			return err
		}
	}
	if err := l.sweep(ctx); err != nil {
		return err
	}
	_, err := l.RedactDue(ctx, batchSize)
	if errors.Is(err, ErrHeld) {
		return nil
	}
	return err
}

func (l *Log) ignoreNoLog(_ uint64, err error) error {
	if errors.Is(err, ErrNoLog) {
		return nil
	}
	return err
}

func (l *Log) report(what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		l.opt.Logger.Warn("audit: "+what+" failed", "tampered", errors.Is(err, ErrTampered))
	}
}

// SealAll seals the logs of all tenants that have something pending, for a process
// that serves many tenants: open returns the log of a tenant. It returns how many
// tenants it sealed; the error joins those of the others.
func SealAll(ctx context.Context, dir storage.Directory, open func(tenant string) (*Log, error)) (int, error) {
	n := 0
	var errs []error
	for tenant, err := range dir.Scopes(ctx, schema.AuditStage) {
		if err != nil {
			return n, errors.Join(append(errs, err)...)
		}
		l, err := open(tenant)
		if err == nil {
			_, err = l.Sealed(ctx)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		n++
	}
	return n, errors.Join(errs...)
}
