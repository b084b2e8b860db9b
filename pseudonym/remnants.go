package pseudonym

import (
	"context"
	"errors"

	"github.com/gdprkit/gdprkit/storage"
)

// scrubber is a store that can tell whether deleted rows still stand in its files.
type scrubber interface {
	// Scrub tries to remove what deleted rows left in the files of the database. It
	// returns errors.ErrUnsupported where the engine offers no such thing.
	Scrub(ctx context.Context) (clean bool, err error)
}

// scrub cleans the files after a shred, and reports what is left. Busy files are
// tried again by Work and Report.
func (v *Vault) scrub(ctx context.Context) (string, error) {
	s, ok := v.keys.(scrubber)
	switch {
	case !v.keys.Traits().Durable:
		return RemnantsNone, nil
	case !ok:
		return RemnantsEngine, nil
	case v.data.State(ctx) != storage.Outside || v.keys.State(ctx) != storage.Outside:
		return RemnantsPending, nil
	}
	k, err := readHead(ctx, v.keys, headKeys)
	if err != nil {
		return "", unavailable("read the key store", err)
	}
	if k.remnants == 0 {
		return RemnantsClean, nil
	}
	switch clean, err := s.Scrub(ctx); {
	case errors.Is(err, errors.ErrUnsupported):
		return RemnantsEngine, nil
	case err != nil:
		return "", unavailable("clean the files", err)
	case !clean:
		return RemnantsPending, nil
	}
	_, err = v.keys.Apply(ctx, updRemnants.With(0, headKeys, k.remnants))
	return RemnantsClean, unavailableIf("note the clean files", err)
}
