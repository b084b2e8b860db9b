package sqltest_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

func run(t testing.TB, pool *sql.DB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		_, err := pool.ExecContext(t.Context(), text)
		require.NoError(t, err, text)
	}
}

func findings(t testing.TB, err error) (codes []string) {
	t.Helper()
	var c *sqlstore.CheckError
	require.ErrorAs(t, err, &c)
	for _, f := range c.Findings {
		require.NotEmpty(t, f.What)
		require.NotEmpty(t, f.Do)
		codes = append(codes, f.Code)
	}
	return codes
}

func TestMigrate(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		pool := e.SQL(t, e.DSN(t))
		db := e.New(t, pool, nil)
		_, err := db.Tenant("x").Apply(t.Context(), newLease.With("a", "1", 0, 0))
		require.ErrorIs(t, err, storage.ErrSchema)
		err = db.Check(t.Context())
		require.ErrorIs(t, err, storage.ErrSchema)
		require.Equal(t, []string{"schema"}, findings(t, err))

		require.NoError(t, db.Migrate(t.Context()))
		require.NoError(t, db.Migrate(t.Context()))
		require.NoError(t, db.Check(t.Context()))
		lease(t, t.Context(), db.Tenant("x"), "a", "1")
		require.ErrorIs(t, db.InTx(t.Context(), db.Migrate), storage.ErrInTx)
	})
}

// The host's own tool applies the exported statements.
func TestMigrationsByHost(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		pool := e.SQL(t, e.DSN(t))
		for _, m := range sqlstore.Migrations(e.Dialect) {
			run(t, pool, m.Statements...)
			for _, s := range m.Statements {
				require.Contains(t, m.String(), s)
			}
		}
		db := e.New(t, pool, nil)
		require.NoError(t, db.Check(t.Context()))
		require.NoError(t, db.Migrate(t.Context()))
	})
}

func TestMigrateTwoProcesses(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		dsn := e.DSN(t)
		var ps []*sqltest.Process
		for range 3 {
			ps = append(ps, e.Spawn(t, "migrate", dsn))
		}
		for _, p := range ps {
			require.NoError(t, p.Wait())
		}
		require.NoError(t, e.New(t, e.SQL(t, dsn), nil).Check(t.Context()))
	})
}

var _ = sqltest.Child("migrate", func(c *sqltest.ChildProcess) error { return c.DB.Migrate(c) })

// A migration that broke off is seen, refused, and completed.
func TestMigrateHalf(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		pool := e.SQL(t, e.DSN(t))
		db := e.DB(t, pool, nil)
		run(t, pool, fmt.Sprintf("UPDATE gdpr_schema_version SET state = 0 WHERE version = %d", schema.Version))
		if e.Dialect == sqlstore.MySQL && schema.Version == 1 {
			run(t, pool, "DROP TABLE gdpr_lease")
		}
		fresh := e.New(t, pool, nil)
		_, err := fresh.Tenant("x").Apply(t.Context(), newLease.With("a", "1", 0, 0))
		require.ErrorIs(t, err, storage.ErrSchema)
		require.ErrorContains(t, err, "run Migrate again")
		require.ErrorIs(t, fresh.InTx(t.Context(), func(context.Context) error { return nil }), storage.ErrSchema)
		require.Equal(t, []string{"schema"}, findings(t, db.Check(t.Context())))
		if e.Dialect != sqlstore.MySQL { // cannot come about where DDL is transactional; a row set by hand is refused
			return
		}
		require.NoError(t, fresh.Migrate(t.Context()))
		require.NoError(t, fresh.Check(t.Context()))
		lease(t, t.Context(), fresh.Tenant("x"), "a", "1")
	})
}

// A library works with a schema that is one version newer than it knows, and
// refuses older and much newer ones.
func TestMigrateVersions(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		pool := e.SQL(t, e.DSN(t))
		e.DB(t, pool, nil)
		next := schema.Version + 1
		integer := map[sqlstore.Dialect]string{sqlstore.SQLite: "INTEGER"}[e.Dialect]
		if integer == "" {
			integer = "BIGINT"
		}
		run(t, pool, "ALTER TABLE gdpr_lease ADD COLUMN later "+integer+" NOT NULL DEFAULT 0",
			fmt.Sprintf("INSERT INTO gdpr_schema_version (version, state) VALUES (%d, 1)", next))
		db := e.New(t, pool, nil)
		require.NoError(t, db.Check(t.Context()))
		require.NoError(t, db.Migrate(t.Context()))
		lease(t, t.Context(), db.Tenant("x"), "a", "1")
		require.Equal(t, "1", owner(t, t.Context(), db.Tenant("x"), "a"))

		run(t, pool, fmt.Sprintf("INSERT INTO gdpr_schema_version (version, state) VALUES (%d, 1)", next+1))
		err := e.New(t, pool, nil).Check(t.Context())
		require.ErrorIs(t, err, storage.ErrSchema)
		require.ErrorContains(t, err, "upgrade the library")
		run(t, pool, fmt.Sprintf("DELETE FROM gdpr_schema_version WHERE version >= %d", schema.Version))
		err = e.New(t, pool, nil).Check(t.Context())
		require.ErrorIs(t, err, storage.ErrSchema)
		require.ErrorContains(t, err, "Migrate")
	})
}

func TestCheckFindings(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		pool := e.SQL(t, e.DSN(t))
		db := e.DB(t, pool, nil)
		for _, d := range []sqlstore.Dialect{sqlstore.SQLite, sqlstore.Postgres, sqlstore.MySQL} {
			if d != e.Dialect {
				wrong, err := sqlstore.New(pool, d, nil)
				require.NoError(t, err)
				require.Equal(t, []string{"dialect"}, findings(t, wrong.Check(t.Context())), d.String())
			}
		}
		run(t, pool, dropTriggers(e)...)
		run(t, pool, "ALTER TABLE gdpr_lease DROP COLUMN turn")
		require.ElementsMatch(t, []string{"schema", "trigger"}, findings(t, db.Check(t.Context())))
	})
}

// dropTriggers returns statements that drop a trigger of each append-only table.
func dropTriggers(e *sqltest.Engine) (texts []string) {
	for _, table := range schema.Tables() {
		if table.AppendOnly {
			text := "DROP TRIGGER " + table.Name + "_keep"
			if e.Dialect == sqlstore.Postgres {
				text += " ON " + table.Name
			}
			texts = append(texts, text)
		}
	}
	return texts
}

func TestCheckSettings(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		e := sqltest.Engines()[0]
		db := e.DB(t, e.SQL(t, t.TempDir()+"/plain.db"), nil)
		err := db.Check(t.Context())
		require.Equal(t, []string{"setting", "setting", "setting"}, findings(t, err))
		require.ErrorContains(t, err, "SQLiteDSN")
	})
	sqltest.For(t, sqlstore.Postgres, func(t *testing.T, e *sqltest.Engine) {
		dsn := e.DSN(t)
		e.DB(t, e.SQL(t, dsn), nil)
		read := e.New(t, e.SQL(t, dsn+"&default_transaction_read_only=on"), nil)
		require.Contains(t, findings(t, read.Check(t.Context())), "setting")
		role := "gdprkit_" + strings.ReplaceAll(e.Name, "-", "_")
		pool := e.SQL(t, dsn)
		pool.SetMaxOpenConns(1)
		run(t, pool, "CREATE ROLE "+role, "GRANT SELECT ON ALL TABLES IN SCHEMA "+schemaOf(dsn)+" TO "+role,
			"GRANT USAGE ON SCHEMA "+schemaOf(dsn)+" TO "+role, "SET ROLE "+role)
		err := e.New(t, pool, nil).Check(t.Context())
		require.Contains(t, findings(t, err), "rights")
		require.ErrorContains(t, err, "GRANT INSERT ON gdpr_lease")
		run(t, pool, "RESET ROLE", "DROP OWNED BY "+role, "DROP ROLE "+role)
	})
}

func schemaOf(dsn string) string {
	_, name, _ := strings.Cut(dsn, "search_path=")
	name, _, _ = strings.Cut(name, "&")
	return name
}

// With Options.Schema the tables need not be in the search_path.
func TestSchemaOption(t *testing.T) {
	sqltest.For(t, sqlstore.Postgres, func(t *testing.T, e *sqltest.Engine) {
		dsn := e.DSN(t)
		name := schemaOf(dsn)
		pool := e.SQL(t, strings.Replace(dsn, "search_path="+name, "search_path=pg_catalog", 1))
		for _, noPrepare := range []bool{false, true} {
			db := e.DB(t, pool, &sqlstore.Options{Schema: name, NoPrepare: noPrepare})
			require.NoError(t, db.Check(t.Context()))
			s := db.Tenant(fmt.Sprint(noPrepare))
			for range 3 {
				require.NoError(t, db.InTx(t.Context(), func(ctx context.Context) error { return work(ctx, s) }))
			}
		}
	})
}
