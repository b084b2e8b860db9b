package bridgetest

import (
	"context"
	"encoding/json"
	"iter"
	"testing"
	"time"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/journal"
	"github.com/gdprkit/gdprkit/storage/memstore"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// Declared in, satisfied by.
var (
	_ consent.Auditor   = (*audit.Log)(nil)
	_ retention.Auditor = (*audit.Log)(nil)
	_ dsar.Auditor      = (*audit.Log)(nil)
	_ pseudonym.Auditor = (*audit.Log)(nil)

	_ consent.Sealer = (*pseudonym.Vault)(nil)
	_ dsar.Sealer    = (*pseudonym.Vault)(nil)
	_ audit.Sealer   = (*pseudonym.Vault)(nil)

	_ dsar.Shredder      = (*pseudonym.Vault)(nil)
	_ retention.Shredder = (*pseudonym.Vault)(nil)

	_ audit.Tokeniser = (*pseudonym.Vault)(nil)

	_ dsar.Keeper       = (*retention.Engine)(nil)
	_ dsar.Blocker      = (*retention.Engine)(nil)
	_ dsar.Grounds      = (*consent.Ledger)(nil)
	_ retention.Grounds = (*consent.Ledger)(nil)
	_ dsar.Restricter   = (*consent.Ledger)(nil)
	_ dsar.Lifter       = (*consent.Ledger)(nil)

	_ pseudonym.Journal = (*journal.File)(nil)
	_ retention.Stopper = (*consent.Ledger)(nil)
	_ retention.Stopper = (*dsar.Desk)(nil)
	_ dsar.Journal      = (*journal.File)(nil)
	_ consent.Journal   = (*journal.File)(nil)

	_ storage.Directory = (*memstore.DB)(nil)
	_ storage.Directory = (*sqlstore.DB)(nil)
)

// A guard is one thing to all parts.
var (
	_ consent.Guard = retention.Guard(nil)
	_ consent.Guard = dsar.Guard(nil)
	_ consent.Guard = pseudonym.Guard(nil)
	_ consent.Guard = audit.Guard(nil)
)

// own is what makes a part a source of its own records: dsar.FromFuncs takes the
// two methods.
type own interface {
	Export(ctx context.Context, subject string) iter.Seq2[json.RawMessage, error]
	Forget(ctx context.Context, subject, ground string, until time.Time) (erased, kept int, err error)
}

var (
	_ own = (*audit.Log)(nil)
	_ own = (*consent.Ledger)(nil)
	_ own = (*dsar.Desk)(nil)
	_ own = (*retention.Engine)(nil)
)

// The declarations above are checked by the compiler.
func TestBridgesHold(*testing.T) {}
