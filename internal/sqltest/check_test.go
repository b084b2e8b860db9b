package sqltest_test

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// found is the finding of a code, of which there must be at least one.
func found(t testing.TB, err error, code string) (all string) {
	t.Helper()
	var c *sqlstore.CheckError
	require.ErrorAs(t, err, &c)
	for _, f := range c.Findings {
		if f.Code == code {
			all += f.What + ": " + f.Do + "\n"
		}
	}
	require.NotEmpty(t, all, "no finding %q in %v", code, err)
	return all
}

// What Check finds in a database that is otherwise in order, and what it says to do.
func TestCheckFaults(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		dsn := e.DSN(t)
		e.DB(t, e.SQL(t, dsn), nil)
		for name, f := range map[string]func(*testing.T, *sqltest.Engine, string){
			"roles": checkRoles, "versions": checkVersion, "clocks": checkClock, "session": checkSession, "server": checkServer,
		} {
			if e.Name == "postgres-pq" && name != "roles" {
				continue // what is asked does not depend on the driver
			}
			t.Run(name, func(t *testing.T) { f(t, e, dsn) })
		}
	})
}

// Check names the wrong dialect.
func TestCheckDialect(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		pool := e.SQL(t, e.DSN(t))
		for _, d := range []sqlstore.Dialect{sqlstore.SQLite, sqlstore.Postgres, sqlstore.MySQL} {
			if d == e.Dialect {
				continue
			}
			wrong, err := sqlstore.New(pool, d, nil)
			require.NoError(t, err)
			err = wrong.Check(t.Context())
			require.Equal(t, []string{"dialect"}, findings(t, err))
			require.Contains(t, found(t, err, "dialect"), "does not understand "+d.String()+": give New the dialect of the pool's driver")
		}
	})
}

// Servers that are too old are not at hand: the driver tells another version.
func checkVersion(t *testing.T, e *sqltest.Engine, dsn string) {
	old := map[sqlstore.Dialect]map[string]string{
		sqlstore.SQLite:   {"3.36.0": "upgrade to 3.37.0 or later", "3.37.0": "", "4.0.0": ""},
		sqlstore.Postgres: {"11.22": "upgrade to 12.0.0 or later", "9.6.24": "upgrade to 12.0.0 or later", "12.1 (Debian 12.1-1)": "", "18beta1": ""},
		sqlstore.MySQL: {"5.7.44-log": "upgrade to 8.0.13 or later", "8.0.12": "upgrade to 8.0.13 or later", "8.0.13": "", "8.4.3": "",
			"10.4.34-MariaDB-1:10.4.34": "upgrade to 10.5 or later", "5.5.5-10.3.39-MariaDB": "upgrade to 10.5 or later", "10.5.1-MariaDB": "", "11.4.2-MariaDB-log": ""},
	}
	for version, want := range old[e.Dialect] {
		pool := e.Faulty(t, dsn, &sqltest.Fault{Answer: func(query string) (string, bool) {
			return version, strings.Contains(strings.ToLower(query), "version") && !strings.Contains(query, "gdpr_")
		}})
		err := e.New(t, pool, nil).Check(t.Context())
		if want == "" {
			require.NoError(t, err, version)
			continue
		}
		text := found(t, err, "version")
		require.Contains(t, text, version)
		require.Contains(t, text, want)
	}
}

// A clock that is off is found; one within seconds is not.
func checkClock(t *testing.T, e *sqltest.Engine, dsn string) {
	for _, off := range []time.Duration{-time.Hour, -7 * time.Second, -2 * time.Second, 2 * time.Second, 90 * time.Second} {
		pool := e.Faulty(t, dsn, &sqltest.Fault{Answer: func(query string) (string, bool) {
			return strconv.FormatInt(storage.Micros(time.Now().Add(off)), 10), strings.HasPrefix(query, "SELECT (CAST(")
		}})
		err := e.New(t, pool, nil).Check(t.Context())
		if off.Abs() < 5*time.Second {
			require.NoError(t, err, off)
			continue
		}
		text := found(t, err, "clock")
		require.Contains(t, text, "the server's clock is "+off.String()+" off")
		require.Contains(t, text, "synchronise the clocks of both machines (NTP)")
	}
}

// Missing, old, new and half-made tables.
func TestCheckSchema(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		pool := e.SQL(t, e.DSN(t))
		says := func(want string) {
			t.Helper()
			err := e.New(t, pool, nil).Check(t.Context())
			require.ErrorIs(t, err, storage.ErrSchema)
			require.Contains(t, found(t, err, "schema"), want)
		}
		says("table gdpr_schema_version is missing: run Migrate, or apply Migrations with the host's own tool")
		require.NoError(t, e.New(t, pool, nil).Migrate(t.Context()))
		run(t, pool, fmt.Sprintf("UPDATE gdpr_schema_version SET state = 0 WHERE version = %d", schema.Version))
		says(fmt.Sprintf("migration %d was begun and not finished: run Migrate again", schema.Version))
		run(t, pool, "UPDATE gdpr_schema_version SET state = 1")
		run(t, pool, "ALTER TABLE gdpr_lease DROP COLUMN turn")
		says("table gdpr_lease lacks a column or is missing: run Migrate; if it says that nothing is to do, restore the table")
		run(t, pool, "DROP TABLE gdpr_permit")
		says("table gdpr_permit lacks a column or is missing")
	})
}

// Triggers of append-only tables that are gone.
func TestCheckTriggers(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		pool := e.SQL(t, e.DSN(t))
		db := e.DB(t, pool, nil)
		run(t, pool, dropTriggers(e)...)
		err := db.Check(t.Context())
		require.Equal(t, []string{"trigger"}, findings(t, err))
		require.Contains(t, found(t, err, "trigger"), "create them again from Migrations; the role that migrates needs the right TRIGGER")
	})
}

// session is a DSN with settings for each connection, and what Check says to do.
type session struct{ set, code, what, do string }

func sessions(e *sqltest.Engine) []session {
	switch e.Dialect {
	case sqlstore.SQLite:
		return []session{
			{"journal_mode(DELETE)", "setting", "journal_mode is delete", "set PRAGMA journal_mode(WAL) in the DSN, as SQLiteDSN does"},
			{"synchronous(NORMAL)", "setting", "synchronous is 1", "set PRAGMA synchronous(FULL) in the DSN"},
			{"secure_delete(OFF)", "setting", "secure_delete is 0", "set PRAGMA secure_delete(ON) in the DSN"},
			{"busy_timeout(0)", "setting", "busy_timeout is 0", "set PRAGMA busy_timeout(10000) in the DSN"},
			{"read_uncommitted(1)", "setting", "read_uncommitted is 1", "leave PRAGMA read_uncommitted off"},
			{"query_only(1)", "setting", "query_only is 1", "give New the pool that writes"},
		}
	case sqlstore.Postgres:
		return []session{
			{"synchronous_commit=off", "setting", "synchronous_commit is off", "set synchronous_commit = on for the application's role"},
			{"default_transaction_read_only=on", "setting", "transaction_read_only is on", "connect to the primary (target_session_attrs=read-write)"},
		}
	}
	return []session{
		{"transaction_isolation='READ-UNCOMMITTED'", "setting", "transaction_isolation is READ-UNCOMMITTED", "set READ-COMMITTED or REPEATABLE-READ"},
		{"autocommit=0", "setting", "autocommit is 0", "set autocommit=1 in the DSN"},
	}
}

// with adds a setting of sessions to a DSN.
func (s session) with(t *testing.T, e *sqltest.Engine, dsn string) string {
	switch e.Dialect {
	case sqlstore.SQLite:
		name, _, _ := strings.Cut(s.set, "(")
		parts := strings.Split(dsn, "&")
		for i, p := range parts {
			if text, _ := url.QueryUnescape(p); strings.Contains(text, name+"(") {
				parts[i] = "x=1"
				if strings.Contains(p, "?") {
					parts[i] = p[:strings.Index(p, "?")] + "?x=1"
				}
			}
		}
		return strings.Join(parts, "&") + "&_pragma=" + s.set
	case sqlstore.Postgres:
		return dsn + "&" + s.set
	}
	cfg, err := mysql.ParseDSN(dsn)
	require.NoError(t, err)
	name, value, _ := strings.Cut(s.set, "=")
	if name == "transaction_isolation" {
		name = "tx_isolation" // of MariaDB 10
	}
	cfg.Params = map[string]string{name: value}
	return cfg.FormatDSN()
}

// Settings of a connection that break a promise.
func checkSession(t *testing.T, e *sqltest.Engine, dsn string) {
	for _, s := range sessions(e) {
		t.Run(s.what, func(t *testing.T) {
			if e.Dialect == sqlstore.SQLite { // a journal's mode is the file's
				dsn = e.DSN(t)
				pool := e.SQL(t, dsn)
				e.DB(t, pool, nil)
				pool.Close()
			}
			err := e.New(t, e.SQL(t, s.with(t, e, dsn)), nil).Check(t.Context())
			text := found(t, err, s.code)
			require.Contains(t, text, s.what+": ")
			require.Contains(t, text, s.do)
		})
	}
}

// Settings of a whole server: the driver tells another value than it has.
func checkServer(t *testing.T, e *sqltest.Engine, dsn string) {
	all := map[sqlstore.Dialect][]struct{ query, value, what, do string }{
		sqlstore.Postgres: {
			{"SHOW server_encoding", "SQL_ASCII", "server_encoding is SQL_ASCII", "use a database with encoding UTF8"},
			{"SHOW fsync", "off", "fsync is off", "set fsync = on"},
		},
		sqlstore.MySQL: {
			{"SELECT @@innodb_flush_log_at_trx_commit", "2", "innodb_flush_log_at_trx_commit is 2", "set it to 1; otherwise a crash loses acknowledged changes"},
			{"SELECT @@read_only", "1", "read_only is 1", "connect to the primary; a replica is for Options.Reader"},
			{"SELECT @@max_allowed_packet", "1048576", "max_allowed_packet is 1048576", "set it to 16M or more"},
		},
	}
	for _, c := range all[e.Dialect] {
		pool := e.Faulty(t, dsn, &sqltest.Fault{Answer: func(query string) (string, bool) { return c.value, query == c.query }})
		text := found(t, e.New(t, pool, nil).Check(t.Context()), "setting")
		require.Contains(t, text, c.what)
		require.Contains(t, text, c.do)
	}
	if e.Dialect == sqlstore.Postgres {
		pool := e.Faulty(t, dsn, &sqltest.Fault{Answer: func(query string) (string, bool) {
			v, ok := map[string]string{"SHOW synchronous_standby_names": "ANY 1 (s1)", "SHOW synchronous_commit": "local"}[query]
			return v, ok
		}})
		require.Contains(t, found(t, e.New(t, pool, nil).Check(t.Context()), "setting"), "otherwise a fail-over loses acknowledged changes")
	}
	if e.Dialect == sqlstore.MySQL {
		pool := e.Faulty(t, dsn, &sqltest.Fault{Answer: func(query string) (string, bool) {
			v, ok := map[string]string{"SELECT @@log_bin": "1", "SELECT @@binlog_format": "STATEMENT"}[query]
			return v, ok
		}})
		require.Contains(t, found(t, e.New(t, pool, nil).Check(t.Context()), "setting"), "binlog_format is STATEMENT: set binlog_format=ROW")
	}
}

// A role that may only read; one that may work but not migrate; and one that may
// do both.
func checkRoles(t *testing.T, e *sqltest.Engine, dsn string) {
	if e.Dialect == sqlstore.SQLite {
		checkReadOnlyFile(t, e)
		return
	}
	owner := e.SQL(t, dsn)
	read := roleDSN(t, e, owner, dsn, "r", "SELECT")
	text := found(t, e.New(t, e.SQL(t, read), nil).Check(t.Context()), "rights")
	for _, right := range []string{"INSERT", "UPDATE", "DELETE"} {
		require.Contains(t, text, "GRANT "+right+" ON gdpr_lease to the application's role")
	}
	require.NotContains(t, text, "UPDATE ON gdpr_consent_event", "nobody needs that right")

	work := e.New(t, e.SQL(t, roleDSN(t, e, owner, dsn, "w", "SELECT, INSERT, UPDATE, DELETE")), nil)
	require.NoError(t, work.Check(t.Context()), "no DDL rights are needed for work")
	lease(t, t.Context(), work.Tenant("x"), "a", "1")
	require.Error(t, work.Migrate(t.Context()))
}

func checkReadOnlyFile(t *testing.T, e *sqltest.Engine) {
	dsn := e.DSN(t)
	pool := e.SQL(t, dsn)
	e.DB(t, pool, nil)
	require.NoError(t, pool.Close())
	err := e.New(t, e.SQL(t, strings.Replace(dsn, "?", "?mode=ro&", 1)), nil).Check(t.Context())
	require.Contains(t, found(t, err, "rights"), "INSERT on gdpr_lease failed (8): let the process write the file and its directory")
}

// roleDSN makes a role with rights on each table, and returns a DSN for it.
func roleDSN(t *testing.T, e *sqltest.Engine, owner *sql.DB, dsn, name, rights string) string {
	name = fmt.Sprintf("g%d_%s_%s", os.Getpid(), strings.ReplaceAll(e.Name[max(0, len(e.Name)-3):], "-", ""), name)
	if e.Dialect == sqlstore.Postgres {
		in := schemaOf(dsn)
		run(t, owner, "CREATE ROLE "+name+" LOGIN", "GRANT "+rights+" ON ALL TABLES IN SCHEMA "+in+" TO "+name, "GRANT USAGE ON SCHEMA "+in+" TO "+name)
		t.Cleanup(func() { owner.Exec("DROP OWNED BY " + name); owner.Exec("DROP ROLE " + name) })
		u, err := url.Parse(dsn)
		require.NoError(t, err)
		u.User = url.User(name)
		return u.String()
	}
	cfg, err := mysql.ParseDSN(dsn)
	require.NoError(t, err)
	run(t, owner, "CREATE USER "+name+"@'127.0.0.1'", "GRANT "+rights+" ON "+cfg.DBName+".* TO "+name+"@'127.0.0.1'")
	t.Cleanup(func() { owner.Exec("DROP USER " + name + "@'127.0.0.1'") })
	cfg.User = name
	return cfg.FormatDSN()
}
