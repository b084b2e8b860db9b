package sqlstore

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gdprkit/gdprkit/storage"
)

// Dialect names the SQL that a database speaks.
type Dialect uint8

// The dialects. MySQL is also MariaDB and Galera.
const (
	SQLite   Dialect = iota + 1 // 3.37 or later
	Postgres                    // 12 or later
	MySQL                       // MySQL 8.0.13, MariaDB 10.5 or later
)

// String returns "sqlite", "postgres" or "mysql".
func (d Dialect) String() string {
	if d.known() {
		return dialects[d].name
	}
	return "Dialect(" + strconv.Itoa(int(d)) + ")"
}

func (d Dialect) known() bool { return d >= SQLite && d <= MySQL }

// Limits of the text of one statement.
const (
	maxRows   = 500     // rows of a multi-row INSERT
	maxPacket = 1 << 20 // bytes of arguments in one; MySQL's max_allowed_packet is 16 MiB or more
)

// unlimited is the size from which a column of MySQL is kept outside the row,
// since the sizes of a row may not exceed 65 535 bytes together.
const unlimited = 2048

// dialect is everything in which a dialect differs from the others, as data.
type dialect struct {
	name    string
	quote   string // around identifiers
	number  string // before the number of a parameter, "" if they are just "?"
	again   string // parameter 1 named once more; "" if there is no way
	params  int    // most parameters of a statement
	now     string // microseconds since 1970 at the start of the statement or later
	traits  storage.Traits
	noEmpty bool // drivers return empty bytes as nil
	local   bool // a statement costs no round trip: a prepared one for fewer rows beats a new text for all
	joins   bool // one statement can carry out several writes
	anyKey  bool // a Put would also change the row that meets another unique constraint
	ddlInTx bool // a migration is one transaction
	wholly  bool // a COMMIT that the engine answers with an error is rolled back
	lingers bool // a transaction whose COMMIT or ROLLBACK is refused stays open on its connection
	steps   bool // a joined step is undone by SAVEPOINT; else the transaction is made to fail

	// arrays are the types of arrays. Without them keys are deleted one by one:
	// MariaDB may walk over all rows for several, and waits for those of open
	// transactions.
	arrays   map[storage.Kind]string
	columns  map[storage.Kind]columnType
	narrow   string // end of CREATE TABLE of rows without unlimited columns
	wide     string // end of CREATE TABLE of other rows
	orIgnore string // after INSERT, for InsertNew
	onIgnore string // after VALUES, for InsertNew
	onPut    string // after VALUES, for Put; {key} is the key; followed by assignments
	onPutSet bool   // the assignments follow the word SET
	putKey   string // instead of assignments when there is nothing but the key
	putValue string // the value that a Put wanted to insert into {c}
	onClaim  string // after VALUES, an insert that touches the row that is there, to be followed by RETURNING; {key}, {touch}
	onLock   string // after VALUES, an insert that locks the row that is there; {key}, {c}
	lock     string // after SELECT, locks the rows
	share    string // after SELECT, for a Current read inside a joined transaction
	tuples   bool   // (a, b) > (x, y) uses an index
	dropView string // before CREATE VIEW; {view}
	inline   bool   // indexes stand inside CREATE TABLE, so that it is one step
	partial  bool   // an index can leave rows out

	guard     []string // statements once per schema, for append-only tables
	noUpdate  []string // {table}: name in quotes, {name}: bare; refuse UPDATE
	noDelete  []string // refuse DELETE always
	onePermit []string // refuse DELETE without a permit
	begin     string   // first statement of an owned transaction that may read before it writes
	fail      string   // a statement that makes the transaction fail

	askVersion  string
	minVersion  int
	askTriggers string // number of ours; {schema} is a value
	settings    []setting
}

// setting is one that a promise hangs on.
type setting struct {
	name, query string
	good        func(value string) bool // in lower case
	do          string
}

func oneOf(values ...string) func(string) bool {
	return func(v string) bool { return slices.Contains(values, v) }
}

func atLeast(n int) func(string) bool {
	return func(v string) bool { have, err := strconv.Atoi(v); return err != nil || have >= n }
}

type columnType struct {
	sized, free string // {n} is the size
	zero        string // DEFAULT, so that a library one version older can still insert
}

const refusal = "gdprkit: table is append-only"

var dialects = [...]*dialect{
	SQLite: {
		name: "sqlite", quote: `"`, again: "?1", params: 32766, noEmpty: true, local: true, ddlInTx: true, wholly: true, steps: true, partial: true,
		now:    "(CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER))",
		traits: storage.Traits{SealInside: true, Snapshot: true, Durable: true},
		columns: map[storage.Kind]columnType{
			storage.Int:   {"INTEGER", "INTEGER", "0"},
			storage.Text:  {"TEXT", "TEXT", "''"},
			storage.Bytes: {"BLOB", "BLOB", "x''"},
		},
		narrow: " STRICT, WITHOUT ROWID", wide: " STRICT",
		onIgnore: " ON CONFLICT DO NOTHING",
		onPut:    " ON CONFLICT ({key}) DO ", onPutSet: true, putKey: "NOTHING", putValue: "excluded.{c}",
		onClaim:  " ON CONFLICT ({key}) DO UPDATE SET {touch} = {touch}",
		onLock:   " ON CONFLICT ({key}) DO NOTHING",
		tuples:   true,
		dropView: "DROP VIEW IF EXISTS {view}",
		noUpdate: []string{`CREATE TRIGGER IF NOT EXISTS "{name}_keep" BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, '` + refusal + `'); END`},
		noDelete: []string{`CREATE TRIGGER IF NOT EXISTS "{name}_hold" BEFORE DELETE ON {table}
BEGIN SELECT RAISE(ABORT, '` + refusal + `'); END`},
		onePermit: []string{`CREATE TRIGGER IF NOT EXISTS "{name}_hold" BEFORE DELETE ON {table}
WHEN NOT EXISTS (SELECT 1 FROM "gdpr_permit" p WHERE p.tenant = OLD.tenant AND p.subject = OLD.subject)
BEGIN SELECT RAISE(ABORT, '` + refusal + `'); END`},
		begin:      `UPDATE "gdpr_schema_version" SET state = state WHERE version < 0`,
		askVersion: "SELECT sqlite_version()", minVersion: version(3, 37, 0),
		askTriggers: `SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND (name LIKE 'gdpr\_%\_keep' ESCAPE '\' OR name LIKE 'gdpr\_%\_hold' ESCAPE '\')`,
		settings: []setting{
			{"journal_mode", "PRAGMA journal_mode", oneOf("wal"), "set PRAGMA journal_mode(WAL) in the DSN, as SQLiteDSN does; otherwise readers block the writer"},
			{"synchronous", "PRAGMA synchronous", atLeast(2), "set PRAGMA synchronous(FULL) in the DSN, as SQLiteDSN does; otherwise a power cut loses acknowledged changes"},
			{"secure_delete", "PRAGMA secure_delete", oneOf("1", "2"), "set PRAGMA secure_delete(ON) in the DSN, as SQLiteDSN does; otherwise erased values stay in the file"},
			{"busy_timeout", "PRAGMA busy_timeout", atLeast(1000), "set PRAGMA busy_timeout(10000) in the DSN, as SQLiteDSN does; otherwise a second writer fails at once"},
		},
	},
	Postgres: {
		name: "postgres", quote: `"`, number: "$", again: "$1", params: 65535, joins: true, ddlInTx: true, wholly: true, partial: true,
		now:    "(CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT))",
		traits: storage.Traits{Snapshot: true, Durable: true, Whole: true},
		columns: map[storage.Kind]columnType{
			storage.Int:   {"BIGINT", "BIGINT", "0"},
			storage.Text:  {`TEXT COLLATE "C"`, `TEXT COLLATE "C"`, "''"},
			storage.Bytes: {"BYTEA", "BYTEA", "''"},
		},
		arrays:   map[storage.Kind]string{storage.Int: "bigint[]", storage.Text: "text[]", storage.Bytes: "bytea[]"},
		onIgnore: " ON CONFLICT DO NOTHING",
		onPut:    " ON CONFLICT ({key}) DO ", onPutSet: true, putKey: "NOTHING", putValue: "EXCLUDED.{c}",
		lock: " FOR UPDATE", tuples: true,
		dropView: "DROP VIEW IF EXISTS {view}",
		guard: []string{`CREATE OR REPLACE FUNCTION {schema}gdpr_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '` + refusal + `: %', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$`,
			`CREATE OR REPLACE FUNCTION {schema}gdpr_permitted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM {schema}gdpr_permit p WHERE p.tenant = OLD.tenant AND p.subject = OLD.subject) THEN RETURN OLD; END IF;
  RAISE EXCEPTION '` + refusal + `: %', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$`},
		noUpdate: []string{
			`CREATE TRIGGER "{name}_keep" BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {schema}gdpr_refuse()`,
			`CREATE TRIGGER "{name}_trunc" BEFORE TRUNCATE ON {table} EXECUTE FUNCTION {schema}gdpr_refuse()`},
		noDelete:   []string{`CREATE TRIGGER "{name}_hold" BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {schema}gdpr_refuse()`},
		onePermit:  []string{`CREATE TRIGGER "{name}_hold" BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {schema}gdpr_permitted()`},
		askVersion: "SELECT current_setting('server_version')", minVersion: version(12, 0, 0),
		askTriggers: `SELECT count(*) FROM pg_trigger g JOIN pg_class r ON r.oid = g.tgrelid JOIN pg_namespace n ON n.oid = r.relnamespace
WHERE n.nspname = {schema} AND g.tgenabled <> 'D' AND g.tgname ~ '^gdpr_.*_(keep|hold|trunc)$'`,
		settings: []setting{
			{"server_encoding", "SHOW server_encoding", oneOf("utf8"), "use a database with encoding UTF8"},
			{"fsync", "SHOW fsync", oneOf("on"), "set fsync = on; otherwise a crash loses acknowledged changes"},
			{"synchronous_commit", "SHOW synchronous_commit", func(v string) bool { return v != "off" }, "set synchronous_commit = on for the application's role; otherwise a crash loses acknowledged changes"},
			{"transaction_read_only", "SHOW transaction_read_only", oneOf("off"), "connect to the primary (target_session_attrs=read-write); a replica is for Options.Reader"},
		},
		fail: `DO $$ BEGIN RAISE EXCEPTION 'gdprkit: a step of this transaction failed, roll it back'; END $$`,
	},
	MySQL: {
		name: "mysql", quote: "`", params: 65535, anyKey: true, lingers: true, steps: true,
		now:    "(CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED))",
		traits: storage.Traits{Durable: true},
		columns: map[storage.Kind]columnType{
			storage.Int:   {"BIGINT", "BIGINT", "0"},
			storage.Text:  {"VARBINARY({n})", "LONGBLOB", "('')"},
			storage.Bytes: {"VARBINARY({n})", "LONGBLOB", "('')"},
		},
		narrow: " ENGINE=InnoDB", wide: " ENGINE=InnoDB",
		orIgnore: " IGNORE",
		onPut:    " ON DUPLICATE KEY ", putKey: "UPDATE {c} = {c}", putValue: "VALUES({c})",
		onLock: " ON DUPLICATE KEY UPDATE {c} = {c}",
		lock:   " FOR UPDATE", share: " LOCK IN SHARE MODE",
		dropView: "DROP VIEW IF EXISTS {view}", inline: true,
		noUpdate: []string{"CREATE TRIGGER `{name}_keep` BEFORE UPDATE ON {table} FOR EACH ROW " +
			"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '" + refusal + "'"},
		noDelete: []string{"CREATE TRIGGER `{name}_hold` BEFORE DELETE ON {table} FOR EACH ROW " +
			"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '" + refusal + "'"},
		onePermit: []string{"CREATE TRIGGER `{name}_hold` BEFORE DELETE ON {table} FOR EACH ROW\n" +
			"IF NOT EXISTS (SELECT 1 FROM gdpr_permit p WHERE p.tenant = OLD.tenant AND p.subject = OLD.subject) THEN " +
			"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '" + refusal + "'; END IF"},
		askVersion: "SELECT VERSION() FROM dual", minVersion: version(8, 0, 13),
		askTriggers: "SELECT count(*) FROM information_schema.triggers WHERE trigger_schema = DATABASE() AND trigger_name REGEXP '^gdpr_.*_(keep|hold)$'",
		settings: []setting{
			{"innodb_flush_log_at_trx_commit", "SELECT @@innodb_flush_log_at_trx_commit", oneOf("1"), "set it to 1; otherwise a crash loses acknowledged changes"},
			{"read_only", "SELECT @@read_only", oneOf("0", "off"), "connect to the primary; a replica is for Options.Reader"},
			{"max_allowed_packet", "SELECT @@max_allowed_packet", atLeast(4 << 20), "set it to 16M or more"},
		},
	},
}

// id quotes an identifier.
func (d *dialect) id(name string) string { return d.quote + name + d.quote }

// ids quotes identifiers and joins them with commas.
func (d *dialect) ids(names []string) string {
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = d.id(n)
	}
	return strings.Join(q, ", ")
}

// table returns the name of a table in the given schema ("": the default one).
func (d *dialect) table(schema, name string) string {
	if schema == "" {
		return d.id(name)
	}
	return d.id(schema) + "." + d.id(name)
}

// columnType returns the type of a column of the table. Text and Bytes are bytes
// on MySQL, so that they compare byte by byte and without padding.
func (d *dialect) columnType(c *storage.Column, key bool) string {
	t := d.columns[c.Kind]
	if c.Size > 0 && (key || c.Size <= unlimited) {
		return strings.ReplaceAll(t.sized, "{n}", strconv.Itoa(c.Size))
	}
	return t.free
}
