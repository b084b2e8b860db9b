package audittest

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"os"
	"sync"
	"testing"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/stretchr/testify/require"
)

// Open returns an empty directory of tenants, closed when the test ends.
type Open func(t *testing.T) storage.Directory

// Run runs every scenario and every attack.
func Run(t *testing.T, open func(t *testing.T) storage.Directory) {
	Features(t, open)
	t.Run("Detectable", func(t *testing.T) { Detectable(t, open) })
	t.Run("Hostile", func(t *testing.T) { Hostile(t, open) })
}

// Features runs the scenarios without the attacks.
func Features(t *testing.T, open func(t *testing.T) storage.Directory) {
	t.Run("Attributes", func(t *testing.T) { attributes(t, open(t)) })
	t.Run("Canary", func(t *testing.T) { canary(t, open(t)) })
	t.Run("BadInput", func(t *testing.T) { badInput(t, open(t)) })
	t.Run("Refused", func(t *testing.T) { refused(t, open(t)) })
	t.Run("Idempotency", func(t *testing.T) { idempotency(t, open(t)) })
	t.Run("Rollback", func(t *testing.T) { rollback(t, open(t)) })
	t.Run("Tenants", func(t *testing.T) { tenants(t, open(t)) })
	t.Run("TenantsEveryMethod", func(t *testing.T) { everyMethod(t, open(t)) })
	t.Run("Writers", func(t *testing.T) { writers(t, open(t)) })
	t.Run("Entries", func(t *testing.T) { entries(t, open(t)) })
	t.Run("Tiles", func(t *testing.T) { tiles(t, open(t)) })
	t.Run("Checkpoints", func(t *testing.T) { checkpoints(t, open(t)) })
	t.Run("Rotate", func(t *testing.T) { rotate(t, open(t)) })
	t.Run("Redact", func(t *testing.T) { redact(t, open(t)) })
	t.Run("Prune", func(t *testing.T) { prune(t, open(t)) })
	t.Run("Combined", func(t *testing.T) { combined(t, open(t)) })
	t.Run("Racing", func(t *testing.T) { racing(t, open(t)) })
	t.Run("Bundles", func(t *testing.T) { bundles(t, open(t)) })
	t.Run("HiddenInBundle", func(t *testing.T) { hidden(t, open(t)) })
	t.Run("DroppedAfterCheckpoint", func(t *testing.T) { lateDrop(t, open(t)) })
	t.Run("ClosedReached", func(t *testing.T) { closedReached(t, open(t)) })
	t.Run("ClosedRedacted", func(t *testing.T) { closedRedacted(t, open(t)) })
	t.Run("ClosedPruned", func(t *testing.T) { closedPruned(t, open(t)) })
	t.Run("ClosedBundle", func(t *testing.T) { closedBundle(t, open(t)) })
	t.Run("Source", func(t *testing.T) { source(t, open(t)) })
	t.Run("Reconcile", func(t *testing.T) { reconcile(t, open(t)) })
	t.Run("Staged", func(t *testing.T) { staged(t, open(t)) })
}

// Long reports whether the slow variants run.
func Long() bool { return os.Getenv("GDPRKIT_LONG") != "" }

var secret = gdpr.NewSecret([]byte("0123456789abcdef0123456789abcdef"))

// Key returns the Ed25519 key of a seed.
func Key(seed string) ed25519.PrivateKey {
	sum := sha256.Sum256([]byte(seed))
	return ed25519.NewKeyFromSeed(sum[:])
}

// anchor keeps checkpoints in memory, outside of any store.
type anchor struct {
	mu sync.Mutex
	m  map[string][]byte
}

func (a *anchor) Load(_ context.Context, name string) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.m[name], nil
}

func (a *anchor) Save(_ context.Context, name string, checkpoint []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.m == nil {
		a.m = map[string][]byte{}
	}
	a.m[name] = checkpoint
	return nil
}

func (a *anchor) only() []byte {
	for _, c := range a.m {
		return c
	}
	return nil
}

func newLog(t testing.TB, s storage.Store, o *audit.Options) *audit.Log {
	t.Helper()
	l, err := audit.New(s, o)
	require.NoError(t, err)
	return l
}

func signed(a audit.Anchor) *audit.Options {
	return &audit.Options{Secret: secret, Signer: Key("a"), Anchor: a, Sealer: newVault()}
}

// intact verifies after sealing what is pending.
func intact(t testing.TB, l *audit.Log) *audit.Report {
	t.Helper()
	_, err := l.Sealed(t.Context())
	require.NoError(t, err)
	r, err := l.Verify(t.Context())
	require.NoError(t, err)
	require.Zero(t, r.Pending)
	return r
}
