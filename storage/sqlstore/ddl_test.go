package sqlstore

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

var update = flag.Bool("update", false, "write the migrations of released versions to testdata")

// released is the highest schema version of a tagged release. Its migrations are
// kept in testdata and never change.
const released = 0

func TestReleasedMigrationsNeverChange(t *testing.T) {
	for _, d := range []Dialect{SQLite, Postgres, MySQL} {
		if *update {
			require.NoError(t, keepReleased("testdata", d, Migrations(d), released))
		}
		require.NoError(t, sameAsReleased("testdata", d, Migrations(d), released))
	}
}

// A migration that was changed after its release does not pass, nor one without its file.
func TestChangedMigrationIsFound(t *testing.T) {
	for _, d := range []Dialect{SQLite, Postgres, MySQL} {
		dir, ms := t.TempDir(), Migrations(d)
		require.Error(t, sameAsReleased(dir, d, ms, schema.Version), "no file yet")
		require.NoError(t, keepReleased(dir, d, ms, schema.Version))
		require.NoError(t, sameAsReleased(dir, d, ms, schema.Version))

		tables := schema.Tables()
		changed := *tables[0]
		changed.Columns = append(slices.Clone(changed.Columns), storage.Column{Name: "late", Kind: storage.Int})
		c := catalogue{schema.Version, append([]*storage.Table{&changed}, tables[1:]...), schema.Views()}
		ms = c.migrations(dialects[d], "")
		require.ErrorContains(t, sameAsReleased(dir, d, ms, schema.Version), "was changed after its release")
		require.NoError(t, sameAsReleased(dir, d, ms, 0), "not released")
	}
}

func releasedFile(dir string, d Dialect, version int) string {
	return filepath.Join(dir, fmt.Sprintf("%s-%04d.sql", d, version))
}

func keepReleased(dir string, d Dialect, ms []Migration, released int) error {
	for _, m := range ms[:min(released, len(ms))] {
		if err := os.WriteFile(releasedFile(dir, d, m.Version), []byte(m.String()), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func sameAsReleased(dir string, d Dialect, ms []Migration, released int) error {
	for _, m := range ms[:min(released, len(ms))] {
		want, err := os.ReadFile(releasedFile(dir, d, m.Version))
		if err != nil {
			return err
		}
		if string(want) != m.String() {
			return fmt.Errorf("migration %d of %s was changed after its release", m.Version, d)
		}
	}
	return nil
}

// Every dialect has every column of package schema, under the same number.
func TestMigrationsHaveEveryColumn(t *testing.T) {
	for _, d := range []Dialect{SQLite, Postgres, MySQL} {
		ms := Migrations(d)
		require.Len(t, ms, schema.Version)
		var all strings.Builder
		for _, m := range ms {
			all.WriteString(m.String())
		}
		for _, table := range schema.Tables() {
			name := dialects[d].id(table.Name)
			require.Contains(t, all.String(), "CREATE TABLE IF NOT EXISTS "+name)
			for _, c := range table.Columns {
				require.Contains(t, all.String(), dialects[d].column(table, &c), "%s.%s", table.Name, c.Name)
				require.LessOrEqual(t, len(c.Name), 63)
			}
			require.LessOrEqual(t, len(table.Name)+len("_trunc"), 63, "identifiers of PostgreSQL")
		}
		require.NotContains(t, all.String(), "{")
	}
	require.Nil(t, Migrations(0))
}

// A key or index of MySQL has at most 3072 bytes, a row of inline columns 65 535.
func TestKeysFitMySQL(t *testing.T) {
	for _, table := range schema.Tables() {
		sets := append(append([][]string{table.Key}, table.Unique...), table.Index...)
		for _, columns := range sets {
			size := tenantSize
			for _, name := range columns {
				c := table.Column(name)
				require.NotNil(t, c, "%s.%s", table.Name, name)
				require.True(t, c.Kind == storage.Int || c.Size > 0, "%s.%s is in a key and needs a size", table.Name, name)
				size += max(c.Size, 8)
			}
			require.LessOrEqual(t, size, 3072, "%s %v", table.Name, columns)
		}
		row := tenantSize
		for i := range table.Columns {
			if c := &table.Columns[i]; strings.HasPrefix(dialects[MySQL].columnType(c, indexed(table, c.Name)), "VARBINARY") {
				row += c.Size + 2
			}
		}
		require.Less(t, row, 65535, table.Name)
	}
}

// What a later version adds follows from Since.
func TestMigrationOfLaterVersion(t *testing.T) {
	old := &storage.Table{Name: "gdpr_old", Key: []string{"id"}, Columns: []storage.Column{
		{Name: "id", Kind: storage.Int}, {Name: "note", Kind: storage.Text, Size: 20, Since: 2}}}
	later := &storage.Table{Name: "gdpr_later", Since: 2, Key: []string{"id"}, Columns: []storage.Column{{Name: "id", Kind: storage.Int}}, AppendOnly: true}
	c := catalogue{version: 2, tables: []*storage.Table{old, later}, views: []storage.View{{Name: "gdpr_seen", Since: 2, Query: "SELECT id, {now} AS at FROM {gdpr_old}"}}}
	ms := c.migrations(dialects[Postgres], "crm")
	require.Len(t, ms, 2)
	require.NotContains(t, ms[0].String(), "note")
	require.NotContains(t, ms[0].String(), "gdpr_later")
	second := ms[1].String()
	for _, want := range []string{
		`ALTER TABLE "crm"."gdpr_old" ADD COLUMN "note" TEXT COLLATE "C" NOT NULL DEFAULT ''`,
		`CREATE TABLE IF NOT EXISTS "crm"."gdpr_later"`,
		`CREATE TRIGGER "gdpr_later_keep" BEFORE UPDATE ON "crm"."gdpr_later"`,
		`CREATE TRIGGER "gdpr_later_hold" BEFORE DELETE ON "crm"."gdpr_later" FOR EACH ROW EXECUTE FUNCTION "crm".gdpr_refuse()`,
		`FROM "crm"."gdpr_old"`,
		`INSERT INTO "crm"."gdpr_schema_version" (version, state) VALUES (2, 1)`,
	} {
		require.Contains(t, second, want)
	}
	require.NotContains(t, second, "CREATE OR REPLACE FUNCTION")
	require.Contains(t, catalogue{1, []*storage.Table{{Name: "gdpr_a", Key: []string{"subject"}, AppendOnly: true,
		Columns: []storage.Column{{Name: "subject", Kind: storage.Text, Size: 191}}}}, nil}.migrations(dialects[MySQL], "")[0].String(), "DELIMITER //")
}
