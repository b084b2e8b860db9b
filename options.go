package gdprkit

import (
	"context"
	"crypto"
	"iter"
	"log/slog"
	"time"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage"
)

// Guard decides who may do what: open a value, approve a plan, lift a restriction,
// read the log. An error denies. One guard serves all parts.
type Guard interface {
	Allow(ctx context.Context, action, subject string, attrs ...slog.Attr) error
}

// Journal keeps erasures and stops outside the backups of the database. Package
// storage/journal has one in a file. One journal serves all parts and tenants.
type Journal interface {
	Append(ctx context.Context, record []byte) error
	Read(ctx context.Context, from uint64) iter.Seq2[[]byte, error]
}

// Options of [Open]. Nil is legal: a vault, a log and a ledger that denies
// everything, and neither engine nor desk.
type Options struct {
	// Controller is who the tenant is. Default: none, and then there is no desk.
	Controller *gdpr.Controller
	// Catalogue holds the purposes. Default: none, and every processing is denied.
	Catalogue *consent.Catalogue
	// Schedule holds the retention rules. Default: none, and then there is no engine.
	Schedule *retention.Schedule

	// Sources are the places where the CRM holds personal data, for requests;
	// package datamap makes them of a map. Those of the library come by themselves.
	Sources []dsar.Source
	// Sweeps are the places that retention goes over; package datamap makes them too.
	Sweeps []retention.Source

	// Information is what an access answer tells beside the data (GDPR art. 15(1) and
	// (2)), by category of the sources. That of the library's own rows comes by itself.
	// Default: none, and access requests fail with a list of what is missing.
	Information dsar.Information
	// Addresses yields where the CRM reaches a person; the Identifiers of package
	// datamap find them by a map. One-time codes go to these addresses only, and an
	// erasure puts them on the block list, so that an import does not bring the person
	// back. Default: none, and there are no codes and no block list.
	Addresses func(ctx context.Context, subject string) iter.Seq2[Address, error]

	// ProofPeriod is how long proof of consent stays after an erasure, for claims (GDPR
	// art. 17(3)(e)): a calendar period of ISO 8601 such as "P3Y", counted from the
	// erasure in the controller's time zone; the ledger's Expire ends it. Default: none,
	// proof goes with the erasure.
	ProofPeriod string

	// Keys is a database for the keys alone, so that a backup of the data holds
	// none. Default: the keys lie beside the data.
	Keys storage.Directory
	// Journal makes a restored backup noticeable, and [Kit.Replay] possible. Default:
	// none.
	Journal Journal
	// Anchor keeps the newest checkpoint of the log outside the database. Default: none.
	Anchor audit.Anchor
	// Signer signs the log's checkpoints: any Ed25519 crypto.Signer. Default: none,
	// and then there are no checkpoints and no bundles.
	Signer crypto.Signer
	// Guard is asked before data is opened or exported, a plan approved, a hold or a
	// restriction ended, the log pruned; the Guard of each part names its actions. The
	// vault asks it also when another part opens what it has sealed. Default:
	// everything is allowed, and entries of powerful acts say that nobody guarded it.
	Guard Guard
	// Notifier tells recipients of data (GDPR art. 19). Default: none.
	Notifier dsar.Notifier

	// Adjust changes the options of the parts before they are made, after Open has
	// filled in what connects them. Default: nothing is changed.
	Adjust Adjust

	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Logger gets what goes wrong without failing a call. Default: discard.
	Logger *slog.Logger
}

// Address is an e-mail address or a number of a person.
type Address struct {
	Value string // as it stands in the CRM
	// Since is when the CRM got it: a code goes only to an address that was there before
	// the request. Zero: not known, and no code goes to it.
	Since time.Time
}

// Adjust holds a function per part, each of which may be nil.
type Adjust struct {
	Pseudonym func(*pseudonym.Options)
	Audit     func(*audit.Options)
	Consent   func(*consent.Options)
	Retention func(*retention.Options)
	DSAR      func(*dsar.Options)
}

func adjust[T any](o *T, f func(*T)) *T {
	if f != nil {
		f(o)
	}
	return o
}
