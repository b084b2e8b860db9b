package dsar_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/internal/dsartest"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// brokenSealer fails at the last piece of a stored copy.
type brokenSealer struct{ *dsartest.Sealer }

var errBroken = errors.New("broken")

func (s brokenSealer) Seal(ctx context.Context, subject, place string, plain []byte) ([]byte, error) {
	if strings.HasSuffix(place, "/last") {
		return nil, errBroken
	}
	return s.Sealer.Seal(ctx, subject, place, plain)
}

// A copy of which the last piece could not be stored has not left.
func TestStoreBundleIsWholeOrNot(t *testing.T) {
	ctx := t.Context()
	w := dsartest.NewWorld(t, memstore.New(nil))
	o := w.Options
	o.Sealer = brokenSealer{w.Sealer}
	desk, err := dsar.New(w.Store, acme, &o)
	require.NoError(t, err)
	r := w.Prepare(dsar.Access)
	_, err = desk.Work(ctx, r.ID, dsar.Act{By: "emp1"})
	require.NoError(t, err)
	_, err = desk.StoreBundle(ctx, r.ID, dsar.Act{By: "emp1"})
	require.ErrorIs(t, err, errBroken)
	for e, err := range desk.History(ctx, r.ID) {
		require.NoError(t, err)
		require.NotEqual(t, dsar.EventBundle, e.Event)
	}
	require.Error(t, desk.Fetch(ctx, r.ID, new(dsartest.Discard)))
}
