package limitstest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/pseudonymtest"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// world is a host with everything switched on that guards it.
type world struct {
	t      *testing.T
	ctx    context.Context
	db     *memstore.DB
	kms    *pseudonymtest.KMS
	vault  *pseudonym.Vault
	log    *audit.Log
	ledger *consent.Ledger
}

var email = pseudonym.Place("contacts", "email", "7")

func newWorld(t *testing.T, o *memstore.Options) *world {
	return worldOn(t, memstore.New(o), pseudonymtest.NewKMS())
}

func worldOn(t *testing.T, db *memstore.DB, kms *pseudonymtest.KMS) *world {
	w := &world{t: t, ctx: t.Context(), db: db, kms: kms}
	s, key := db.Tenant("acme"), gdpr.NewSecret([]byte("0123456789abcdef0123456789abcdef"))
	var err error
	w.vault, err = pseudonym.New(s, kms, nil)
	require.NoError(t, err)
	seed := sha256.Sum256([]byte("signer"))
	w.log, err = audit.New(s, &audit.Options{Secret: key, Sealer: w.vault, Tokeniser: w.vault, Signer: ed25519.NewKeyFromSeed(seed[:])})
	require.NoError(t, err)
	w.vault.AuditTo(w.log)
	catalogue, err := consent.NewCatalogue(purposes()...)
	require.NoError(t, err)
	w.ledger, err = consent.New(s, catalogue, &consent.Options{Auditor: w.log, Sealer: w.vault, Secret: key})
	require.NoError(t, err)
	return w
}

func purposes() []consent.Purpose {
	words := []consent.Text{{Language: "en", Statement: "Send me news.", Notice: consent.Notice{
		Controller: "Acme BV", Purpose: "news", Data: "address", Withdrawal: "any time by link", Transfers: "none", Automated: "none",
	}}}
	return []consent.Purpose{
		{ID: "news", Version: 1, Basis: consent.Consent, Marketing: true, Channels: []string{"email"}, DoubleOptIn: true, Texts: words},
		{ID: "survey", Version: 1, Basis: consent.Consent, Texts: words},
		{ID: "scoring", Version: 1, Basis: consent.LegitimateInterest, ForAll: true, Assessment: "lia-1"},
	}
}

func (w *world) seal(subject, plain string) []byte {
	w.t.Helper()
	b, err := w.vault.Seal(w.ctx, subject, email, []byte(plain))
	require.NoError(w.t, err)
	return b
}

func (w *world) give(subject, purpose string, personal map[string]string) {
	w.t.Helper()
	_, err := w.ledger.Give(w.ctx, consent.Act{
		Subject: subject, Purpose: purpose, At: time.Now(), Language: "en",
		Evidence: &consent.Evidence{Method: consent.Checkbox, Form: "signup-7", Personal: personal},
	})
	require.NoError(w.t, err)
}

func (w *world) allowed(subject, purpose string) bool {
	w.t.Helper()
	d, err := w.ledger.Check(w.ctx, consent.Query{Subject: subject, Purpose: purpose})
	require.NoError(w.t, err)
	return d.Allowed
}

// rows reads a table as somebody with the database does.
func rows(t testing.TB, s storage.Store, table *storage.Table) (out [][]any) {
	t.Helper()
	sel := &storage.Select{From: table, Columns: names(table), Order: table.Key}
	for r, err := range s.Scan(context.Background(), sel, nil) {
		require.NoError(t, err)
		row := make([]any, len(table.Columns))
		for i, c := range table.Columns {
			row[i] = map[storage.Kind]any{storage.Int: new(int64), storage.Text: new(string), storage.Bytes: new([]byte)}[c.Kind]
		}
		require.NoError(t, r.Scan(row...))
		for i := range row {
			switch v := row[i].(type) {
			case *int64:
				row[i] = *v
			case *string:
				row[i] = *v
			case *[]byte:
				row[i] = *v
			}
		}
		out = append(out, row)
	}
	return out
}

func names(table *storage.Table) (out []string) {
	for _, c := range table.Columns {
		out = append(out, c.Name)
	}
	return out
}

func column(table *storage.Table, name string) int { return slices.Index(names(table), name) }

// insert writes a row as somebody with the database does.
func insert(t testing.TB, s storage.Store, table *storage.Table, row []any) {
	t.Helper()
	_, err := s.Apply(context.Background(), (&storage.Write{Verb: storage.Put, Table: table, Set: names(table)}).With(row...))
	require.NoError(t, err)
}

// copyOf is a backup of the whole database.
func copyOf(t testing.TB, db *memstore.DB) *memstore.DB {
	t.Helper()
	out := memstore.New(nil)
	for _, table := range schema.Tables() {
		for _, row := range rows(t, db.Tenant("acme"), table) {
			insert(t, out.Tenant("acme"), table, row)
		}
	}
	return out
}

// everything is all bytes that a tenant has stored.
func everything(t testing.TB, s storage.Store) string {
	t.Helper()
	var b bytes.Buffer
	for _, table := range schema.Tables() {
		for _, row := range rows(t, s, table) {
			for _, v := range row {
				fmt.Fprintf(&b, "%s|%v\n", v, v)
			}
		}
	}
	return b.String()
}
