package bridgetest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/pseudonymtest"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// What the parts seal lies in the compartment that an erasure keeps: a table whose
// columns are sealed evidence or the file of a request must not lose its key with
// the person's ordinary data.
func TestSealedTablesHaveTheirCompartment(t *testing.T) {
	ctx := t.Context()
	vault, err := pseudonym.New(memstore.New(nil).Tenant("acme"), pseudonymtest.NewKMS(), nil)
	require.NoError(t, err)
	kept := 0
	for _, table := range schema.Tables() {
		if !strings.HasPrefix(table.Name, "gdpr_consent") && !strings.HasPrefix(table.Name, "gdpr_request") {
			continue
		}
		for _, c := range table.Columns {
			if c.Kind != storage.Bytes || !strings.HasPrefix(c.Category, "sealed") {
				continue
			}
			kept++
			subject, place := table.Name+"-"+c.Name, pseudonym.Place(table.Name, c.Name, "1")
			sealed, err := vault.Seal(ctx, subject, place, []byte("x"))
			require.NoError(t, err)
			require.NoError(t, vault.Shred(ctx, subject, pseudonym.Proof, pseudonym.Request))
			_, err = vault.Open(ctx, subject, place, sealed)
			require.NoError(t, err, "%s.%s was shredded with the ordinary data", table.Name, c.Name)
		}
	}
	require.GreaterOrEqual(t, kept, 5, "the tables of evidence, requests, events, letters, challenges")
}
