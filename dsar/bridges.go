package dsar

import (
	"context"
	"iter"
	"log/slog"
	"time"
)

// Auditor records each step of a request, inside its transaction. *audit.Log is one.
type Auditor interface {
	Record(ctx context.Context, action, subject string, attrs ...slog.Attr) error
}

// Sealer seals the desk's own files. *pseudonym.Vault is one. Without it, a
// request that carries personal data is refused with gdpr.ErrUnsealed.
type Sealer interface {
	Seal(ctx context.Context, subject, place string, plain []byte) ([]byte, error)
	Open(ctx context.Context, subject, place string, sealed []byte) ([]byte, error)
}

// Shredder destroys the keys of a subject after an erasure, except those of the
// compartments kept. *pseudonym.Vault is one.
type Shredder interface {
	Shred(ctx context.Context, subject string, keep ...string) error
}

// Keeper says whether a record must stay although its erasure was asked for.
// *retention.Engine is one. Kind is "must" for a duty, "claim" for a legal claim,
// "basis" when another ground of processing stands; the zero until means until
// released.
type Keeper interface {
	Keep(ctx context.Context, subject, category, record string, dates map[string]time.Time) (keep bool, until time.Time, kind, ground string, err error)
}

// Grounds says whether a purpose may still be pursued. *consent.Ledger is one.
type Grounds interface {
	Stands(ctx context.Context, subject, purpose string, at time.Time) (stands bool, code string, err error)
}

// Restricter restricts the processing of a subject (GDPR art. 18).
// *consent.Ledger is one.
type Restricter interface {
	RestrictSubject(ctx context.Context, subject, scope, ground string) error
}

// Blocker shields a record that is kept only for a duty. *retention.Engine is one.
type Blocker interface {
	Block(ctx context.Context, subject, category, record, rule string, until time.Time) error
}

// Unblocker is an optional capability of a [Blocker], which [Desk.Rest] uses: the
// erasure of a record that it shielded is completed, so the mark can go.
// *retention.Engine has it.
type Unblocker interface {
	Unblock(ctx context.Context, subject, category, record string) error
}

// Guard decides whether the caller may take a step; an error denies it. The
// actions are "request.approve", "request.break_glass", "request.bundle",
// "request.dossier", "request.lift", "request.readmit" and "request.release".
type Guard interface {
	Allow(ctx context.Context, action, subject string, attrs ...slog.Attr) error
}

// Journal keeps records outside the backup set. storage/journal has one.
type Journal interface {
	Append(ctx context.Context, record []byte) error
	Read(ctx context.Context, from uint64) iter.Seq2[[]byte, error]
}

// Notifier tells a recipient of data about a rectification, erasure or
// restriction (GDPR art. 19). The message is JSON of a [RecipientNotice]. A nil
// error means that it was handed over, not that the recipient acted on it.
type Notifier interface {
	Notify(ctx context.Context, recipient string, message []byte) error
}
