package gdprkit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit"
	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// A hold keeps the log whole while it stands, and not a day longer.
func TestHoldKeepsTheLogUntilItsRelease(t *testing.T) {
	ctx := t.Context()
	schedule, err := retention.ParseSchedule([]byte(`{"version": "1", "country": "DE", "timeZone": "Europe/Berlin", "rules": [
		{"id": "applicants", "category": "applicant", "kind": "maximum", "period": "P6M",
		 "start": {"events": ["rejected"]}, "ground": "AGG § 15(4)"}]}`))
	require.NoError(t, err)
	kit, err := gdprkit.Open(ctx, memstore.New(nil), "acme", newRing(t.TempDir()), &gdprkit.Options{Schedule: schedule})
	require.NoError(t, err)
	require.NoError(t, kit.Log.Open(ctx))
	prune := func() error {
		_, err := kit.Log.Prune(ctx, 0, "policy-1")
		return err
	}
	require.NoError(t, prune())

	h, err := kit.Engine.Hold(ctx, retention.Hold{Subject: "c-1", Ground: "ZPO § 142", Reason: "a claim is pending", Actor: "s-1"})
	require.NoError(t, err)
	require.ErrorIs(t, prune(), audit.ErrHeld)
	require.NoError(t, kit.Engine.Release(ctx, h.ID, "s-1", "the claim was settled"))
	require.NoError(t, prune())
}
