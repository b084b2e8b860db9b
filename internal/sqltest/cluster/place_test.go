package cluster

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit"
	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/internal/dsartest"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/pseudonym/keyring"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// place is where a worker's statements go: a node, or what a DSN of several hosts
// makes of them. Each has the whole library on a pool of its own, as a process of
// the host would.
type place struct {
	pool *sql.DB
	db   *sqlstore.DB
	kit  *gdprkit.Kit
}

const (
	tenant  = "acme"
	purpose = "news"
	channel = "email"
)

// sweepSchedule erases rows of the host that were last touched ten years ago.
const sweepSchedule = `{"version":"1","country":"NL","timeZone":"Europe/Amsterdam","rules":[
 {"id":"use","category":"row","kind":"maximum","period":"P2Y","start":{"events":["contact"]},"ground":"GDPR art. 6(1)(b)"},
 {"id":"person","category":"contact","kind":"maximum","period":"P2Y","start":{"events":["contact"]},"ground":"GDPR art. 6(1)(b)"}]}`

// newRing makes the keyring that all places share.
func newRing(t testing.TB) pseudonym.KeyWrapper {
	t.Helper()
	secret, err := keyring.RawKey(make([]byte, 32))
	require.NoError(t, err)
	ring, err := keyring.Create(filepath.Join(t.TempDir(), "ring"), secret, nil)
	require.NoError(t, err)
	return ring
}

func newPlace(t testing.TB, driver, dsn string, d sqlstore.Dialect) *place {
	t.Helper()
	pool, err := openPool(driver, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { pool.Close() })
	pool.SetConnMaxIdleTime(5 * time.Second)
	db, err := sqlstore.New(pool, d, &sqlstore.Options{Retries: 8})
	require.NoError(t, err)
	return &place{pool: pool, db: db}
}

// prepare makes the tables of the host and of the library, and opens the library in
// each place.
func prepare(t testing.TB, places []*place) {
	t.Helper()
	ctx := t.Context()
	first := places[0]
	require.NoError(t, first.db.Migrate(ctx))
	for _, text := range hostTables {
		_, err := first.pool.ExecContext(ctx, text)
		require.NoError(t, err)
	}
	ring := newRing(t)
	for _, p := range places {
		require.NoError(t, p.db.Check(ctx))
		p.open(t, ring)
	}
	require.NoError(t, first.kit.Log.Open(ctx))
}

// open opens the library; a second call is a process that was started afresh.
func (p *place) open(t testing.TB, ring pseudonym.KeyWrapper) {
	t.Helper()
	catalogue, err := consent.NewCatalogue(consent.Purpose{ID: purpose, Version: 1, Basis: consent.Consent, Marketing: true, Channels: []string{channel},
		Texts: []consent.Text{{Language: "en", Statement: "Send me news.", Notice: consent.Notice{
			Controller: "Acme", Purpose: "news", Data: "address", Withdrawal: "any time", Transfers: "none", Automated: "none"}}}})
	require.NoError(t, err)
	schedule, err := retention.ParseSchedule([]byte(sweepSchedule))
	require.NoError(t, err)
	controller := dsartest.Controller()
	h := &crm{p}
	p.kit, err = gdprkit.Open(t.Context(), p.db, tenant, ring, &gdprkit.Options{
		Controller: &controller, Catalogue: catalogue, Schedule: schedule,
		Sources: []dsar.Source{dsar.FromFuncs("host", "contact", h.export, h.forget)},
		Sweeps:  []retention.Source{h},
		Adjust: gdprkit.Adjust{
			Retention: func(o *retention.Options) { o.SelfApproval, o.Lease, o.BatchRows = true, 3*time.Second, 20 },
			DSAR:      func(o *dsar.Options) { o.SelfApproval = true },
		},
	})
	require.NoError(t, err)
}

// exec writes in the transaction of ctx, with markers "?".
func (p *place) exec(ctx context.Context, query string, args ...any) error {
	_, err := p.db.Tx(ctx).ExecContext(ctx, p.bind(query), args...)
	return err
}
