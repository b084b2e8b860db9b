package dsartest

import (
	"context"
	"iter"
	"log/slog"
)

type faultyAudit struct {
	*Audit
	fault func(string) error
}

// Record fails before it records.
func (f faultyAudit) Record(ctx context.Context, action, subject string, attrs ...slog.Attr) error {
	if err := f.fault("audit"); err != nil {
		return err
	}
	return f.Audit.Record(ctx, action, subject, attrs...)
}

type faultyJournal struct {
	*Journal
	fault func(string) error
}

// Append fails before it appends.
func (f faultyJournal) Append(ctx context.Context, b []byte) error {
	if err := f.fault("journal"); err != nil {
		return err
	}
	return f.Journal.Append(ctx, b)
}

// Read passes through.
func (f faultyJournal) Read(ctx context.Context, from uint64) iter.Seq2[[]byte, error] {
	return f.Journal.Read(ctx, from)
}

type faultyShredder struct {
	*Sealer
	fault func(string) error
}

// Shred fails before it shreds.
func (f faultyShredder) Shred(ctx context.Context, subject string, keep ...string) error {
	if err := f.fault("shred"); err != nil {
		return err
	}
	return f.Sealer.Shred(ctx, subject, keep...)
}

type faultyRestricter struct {
	fault func(string) error
	w     *World
}

// RestrictSubject fails before it restricts.
func (f faultyRestricter) RestrictSubject(ctx context.Context, subject, scope, ground string) error {
	if err := f.fault("restrict"); err != nil {
		return err
	}
	return restricter{f.w}.RestrictSubject(ctx, subject, scope, ground)
}
