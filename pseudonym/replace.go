package pseudonym

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// AddSecret is the first half of the replacement of a secret that may have leaked.
// It makes a new one, which [Vault.Secrets] then returns behind the one in use, so
// that it is accepted. When every process of the host was started anew, so that it
// knows the new one, [Vault.UseSecret] takes it into use; after that the processes
// are started once more.
//
// Name is SecretLink or SecretSuppression. The old secret goes on being accepted:
// links in old mails must work, and an address that was suppressed under it can be
// recognised with nothing else. Who holds it can withdraw consent by links that he
// makes for link ids out of the database, and test guesses of the addresses that
// were suppressed under it.
//
// SecretStage and SecretCode are refused. What they protect in the log and in the
// journal is compared with it for as long as it is kept, and would look forged, or
// foreign, under another one. For the roots of blind indexes see
// [Vault.RotateIndex].
func (v *Vault) AddSecret(ctx context.Context, name string) error {
	list, err := v.replaceable(ctx, name)
	if err != nil {
		return err
	}
	newest := 0
	for _, s := range list {
		newest = max(newest, s.generation)
	}
	if newest != list[0].generation {
		return nil // one is there already
	}
	for tries := 0; ; tries++ {
		err := v.keys.InTx(ctx, func(ctx context.Context) error {
			if err := v.addSecret(ctx, name, newest+1, added); err != nil {
				return err
			}
			return v.record(ctx, "key.secret.added", "", gdpr.Clear("name", name), slog.Int("generation", newest+1))
		})
		if !errors.Is(err, errEpochMoved) || tries == 8 {
			v.secrets.drop(name)
			return unavailableIf("add the secret", err)
		}
	}
}

// UseSecret takes the secret that [Vault.AddSecret] made into use.
func (v *Vault) UseSecret(ctx context.Context, name string) error {
	list, err := v.replaceable(ctx, name)
	if err != nil {
		return err
	}
	newest := slices.MaxFunc(list, func(a, b secretValue) int { return a.generation - b.generation })
	if newest.generation == list[0].generation {
		return gdpr.Invalid("name", "has no secret that waits to be used; call AddSecret first")
	}
	err = v.keys.InTx(ctx, func(ctx context.Context) error {
		n, err := v.keys.Apply(ctx, useSecret.With(live, name, newest.generation, added))
		if err != nil || n[0] == 0 {
			return err
		}
		return v.record(ctx, "key.secret.used", "", gdpr.Clear("name", name), slog.Int("generation", newest.generation))
	})
	v.secrets.drop(name)
	return unavailableIf("use the secret", err)
}

func (v *Vault) replaceable(ctx context.Context, name string) ([]secretValue, error) {
	switch name {
	case SecretLink, SecretSuppression:
	case SecretStage, SecretCode:
		return nil, gdpr.Invalid("name", "must be link or suppression; what was made under the others could not be checked any more")
	default:
		return nil, gdpr.Invalid("name", "must be link or suppression")
	}
	if v.keys.State(ctx) != storage.Outside {
		return nil, storage.ErrInTx
	}
	v.secrets.drop(name)
	return v.secret(ctx, name)
}
