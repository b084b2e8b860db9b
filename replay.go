package gdprkit

import (
	"context"
	"errors"
	"fmt"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/pseudonym"
)

// Replayed says what [Kit.Replay] did.
type Replayed struct {
	Reopened bool          // the log had lost entries and began a new incarnation
	Keys     int           // keys that had come back and were destroyed again
	Erasures dsar.Replayed // persons and records that were erased again
	Stops    int           // withdrawals, objections and restrictions that had been lost
}

// Replay brings a database that was restored from a backup up to what was erased and
// stopped since, by Options.Journal and Options.Anchor: the log begins a new
// incarnation, keys are destroyed and persons erased again, stops come back, and only
// then is processing allowed again. It may be called when nothing was restored, and
// again after a crash or an error; it must not run inside a transaction.
//
// By is who decides, as in dsar.Act; reason a code of 1 to 64 letters, digits, "_", "-"
// and ".", such as the number of the incident.
// That a backup came back shows by itself: the ledger denies with consent.Restored,
// Checkpoint returns audit.ErrRolledBack, and the vault, if the keys were restored
// too, pseudonym.ErrRestored.
func (k *Kit) Replay(ctx context.Context, by, reason string) (*Replayed, error) {
	out := new(Replayed)
	if err := k.decided("Replay", by, reason); err != nil {
		return out, err
	}
	for _, step := range []struct {
		name string
		do   func(ctx context.Context, out *Replayed, by, reason string) error
	}{
		{"log", k.replayLog}, {"keys", k.replayKeys}, {"erasures", k.replayErasures}, {"stops", k.replayStops}, {"vault", k.acceptRestore},
	} {
		if err := step.do(ctx, out, by, reason); err != nil {
			return out, fmt.Errorf("gdprkit: replay of %s: %w", step.name, err)
		}
	}
	return out, nil
}

func (k *Kit) replayLog(ctx context.Context, out *Replayed, _, reason string) error {
	if !k.anchored {
		return nil
	}
	_, err := k.Log.Checkpoint(ctx)
	if errors.Is(err, audit.ErrNoSigner) { // another process signs
		if _, err = k.Log.Verify(ctx); errors.Is(err, audit.ErrNoLog) {
			return nil
		}
	}
	if !errors.Is(err, audit.ErrRolledBack) {
		return err
	}
	out.Reopened = true
	return k.Log.Reopen(ctx, reason)
}

func (k *Kit) replayKeys(ctx context.Context, out *Replayed, _, reason string) error {
	_, err := k.Vault.Restored(ctx)
	if !errors.Is(err, pseudonym.ErrRestored) && !errors.Is(err, pseudonym.ErrForked) {
		return err
	}
	r, err := k.Vault.Replay(ctx, reason)
	out.Keys = r.Destroyed
	return err
}

func (k *Kit) replayErasures(ctx context.Context, out *Replayed, by, _ string) error {
	if k.Desk == nil || !k.erasuresKept {
		return nil
	}
	r, err := k.Desk.Replay(ctx, dsar.Act{By: by})
	if r != nil {
		out.Erasures = *r
	}
	return err
}

func (k *Kit) replayStops(ctx context.Context, out *Replayed, _, reason string) (err error) {
	if k.stopsKept {
		out.Stops, err = k.Ledger.AcceptRestore(ctx, reason)
	}
	return err
}

func (k *Kit) acceptRestore(ctx context.Context, _ *Replayed, _, reason string) error {
	restored, err := k.Vault.Restored(ctx)
	if err != nil || !restored {
		return err
	}
	return k.Vault.AcceptRestore(ctx, reason)
}
