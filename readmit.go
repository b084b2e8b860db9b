package gdprkit

import (
	"context"
	"errors"

	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/pseudonym"
)

// Readmit lets a person who was erased be entered again, by an explicit decision:
// under keys of their own, which open nothing of before, with the stops that stand,
// and out of reach of a later replay of the erasure. Call it before the first row is
// entered. It must not run inside a transaction, and may be repeated after an error
// or a crash. By is who decides, as in dsar.Act; reason a code of 1 to 64 letters, digits,
// "_", "-" and ".".
func (k *Kit) Readmit(ctx context.Context, subject, by, reason string) error {
	if err := k.decided("Readmit", by, reason); err != nil {
		return err
	}
	if k.Desk != nil {
		// First: what is entered must be out of reach before it can be entered.
		err := k.Desk.Readmit(ctx, subject, reason, dsar.Act{By: by})
		if err != nil && !errors.Is(err, dsar.ErrCapability) { // no journal, no replay
			return err
		}
	}
	if err := k.Vault.Readmit(ctx, subject, reason); err != nil && !errors.Is(err, pseudonym.ErrNoKey) {
		return err
	}
	_, err := k.Ledger.Readmit(ctx, consent.Act{Subject: subject, At: k.now(), Author: by, Reference: reason})
	if errors.Is(err, consent.ErrNoRecord) { // never consented, or readmitted already
		return nil
	}
	return err
}
