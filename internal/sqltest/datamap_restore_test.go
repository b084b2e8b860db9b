package sqltest

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit"
	"github.com/gdprkit/gdprkit/dsar"
	suite "github.com/gdprkit/gdprkit/internal/datamaptest"
	"github.com/gdprkit/gdprkit/internal/dsartest"
	"github.com/gdprkit/gdprkit/pseudonym/keyring"
	"github.com/gdprkit/gdprkit/storage/journal"
)

// parents are the tables in an order in which rows can be inserted.
var parents = []string{"staff", "countries", "people", "people_extra", "people_audit", "prospects", "mail_addresses", "mail_links", "deals",
	"invoices", "invoice_lines", "quotes", "calls", "mail_stats", "visits"}

// A restored dump brings an erased person back; Replay erases them again.
func TestDatamapRestoreAndReplay(t *testing.T) {
	Each(t, func(t *testing.T, e *Engine) {
		if e.Name == "postgres-pq" {
			return // pgx covers PostgreSQL
		}
		c := openCRM(t, e)
		c.open(suite.Map, time.Date(2033, 1, 1, 0, 0, 0, 0, time.UTC)) // no duty runs any more
		for _, name := range parents {
			c.exec("CREATE TABLE bak_" + name + " AS SELECT * FROM " + name)
		}
		secret, err := keyring.RawKey(make([]byte, 32))
		require.NoError(t, err)
		ring, err := keyring.Create(filepath.Join(t.TempDir(), "keyring"), secret, nil)
		require.NoError(t, err)
		j, err := journal.Create(filepath.Join(t.TempDir(), "journal"))
		require.NoError(t, err)
		defer j.Close()
		controller := dsartest.Controller()
		now := time.Date(2033, 1, 1, 9, 0, 0, 0, time.UTC)
		kit, err := gdprkit.Open(t.Context(), c.db, "acme", ring, &gdprkit.Options{Controller: &controller, Sources: c.live.Sources(), Journal: j, Now: func() time.Time { return now }})
		require.NoError(t, err)
		before := c.others()
		(&requests{t, c.db, c.live, kit}).handle(dsar.Intake{Kind: dsar.Erasure, Ground: "A17-1-b", Subjects: []string{alice}})
		require.Empty(t, only(c.holds("ALICE"), "prospects"))
		after := c.rows()

		c.exec("UPDATE people SET referred_by = NULL")
		for _, name := range slices.Backward(parents) {
			c.exec("DELETE FROM " + name)
		}
		for _, name := range parents {
			c.exec("INSERT INTO " + name + " SELECT * FROM bak_" + name)
		}
		require.NotEmpty(t, only(c.holds("ALICE"), "prospects"), "the backup brought her back")

		r, err := kit.Desk.Replay(context.Background(), dsar.Act{By: "operator"})
		require.NoError(t, err)
		require.Equal(t, 1, r.Subjects)
		require.Empty(t, only(c.holds("ALICE"), "prospects"))
		c.unchanged(before)
		require.Len(t, c.rows(), len(after), "the end state is that of before the restore")
	})
}
