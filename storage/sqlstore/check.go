package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/storage"
)

// A Finding is something that breaks a promise of the library, and its remedy.
type Finding struct {
	Code string // stable: "dialect", "version", "schema", "rights", "trigger", "setting", "causal", "clock"
	What string // what was found
	Do   string // what to do
}

// CheckError is returned by [DB.Check]. It wraps storage.ErrSchema if the tables do
// not fit.
type CheckError struct{ Findings []Finding }

// Error lists the findings, one a line.
func (e *CheckError) Error() string {
	var b strings.Builder
	b.WriteString("sqlstore: the database is not ready:")
	for _, f := range e.Findings {
		b.WriteString("\n- " + f.What + ": " + f.Do)
	}
	return b.String()
}

// Unwrap returns storage.ErrSchema if one of the findings is about the schema.
func (e *CheckError) Unwrap() error {
	for _, f := range e.Findings {
		if f.Code == "schema" {
			return storage.ErrSchema
		}
	}
	return nil
}

// Check looks at everything that the library relies on and returns a
// [*CheckError] with all findings, or nil: dialect and version of the server;
// version of the schema (this library's or the next) and each of its columns; the
// rights to read and write each table; the triggers of append-only tables; the
// settings that durability, secure deletion and concurrency hang on; and the
// server's clock, which views use. Call it when the program starts. It changes
// nothing and takes one statement per table and right.
//
// Settings are those of one connection of the pool; they follow from its DSN. With a
// pool on several hosts, or one pool per node, call it for each.
func (db *DB) Check(ctx context.Context) error {
	if db.current(ctx) != nil {
		return storage.ErrInTx
	}
	c := &checker{db: db, ctx: ctx}
	if !c.server() {
		return c.err()
	}
	c.settings()
	c.promises()
	c.clock()
	if c.schema() {
		c.tables()
		c.triggers()
	}
	return c.err()
}

type checker struct {
	db       *DB
	ctx      context.Context
	findings []Finding
	failed   error // of the connection; no finding
}

func (c *checker) err() error {
	switch {
	case c.failed != nil:
		return c.failed
	case len(c.findings) > 0:
		return &CheckError{c.findings}
	}
	return nil
}

func (c *checker) add(code, what, do string, args ...any) {
	c.findings = append(c.findings, Finding{code, what, fmt.Sprintf(do, args...)})
}

// ask reads one value as text.
func (c *checker) ask(query string) (string, error) {
	var v string
	err := c.db.sql.QueryRowContext(c.ctx, query).Scan(&v)
	return v, err
}

// server looks at dialect and version, and reports whether to go on.
func (c *checker) server() bool {
	if err := c.db.sql.PingContext(c.ctx); err != nil {
		c.failed = c.db.wrap(err, "connect")
		return false
	}
	d := c.db.d
	v, err := c.ask(d.askVersion)
	if err != nil {
		c.add("dialect", "the server does not understand "+d.name, "give New the dialect of the pool's driver")
		return false
	}
	switch have := versionOf(v); {
	case c.db.dialect == MySQL && strings.Contains(v, "MariaDB"):
		if have < version(10, 5, 0) {
			c.add("version", "MariaDB "+v, "upgrade to 10.5 or later")
		}
	case have < d.minVersion:
		c.add("version", d.name+" "+v, "upgrade to %d.%d.%d or later", d.minVersion/1e6, d.minVersion/1e3%1e3, d.minVersion%1e3)
	}
	return true
}

func version(major, minor, patch int) int { return major*1e6 + minor*1e3 + patch }

// versionOf reads "3.45.1", "15.3 (Debian ...)" or "10.11.6-MariaDB".
func versionOf(s string) int {
	var n [3]int
	for i, part := range strings.SplitN(s, ".", 3) {
		end := strings.IndexFunc(part, func(r rune) bool { return r < '0' || r > '9' })
		if end < 0 {
			end = len(part)
		}
		n[i], _ = strconv.Atoi(part[:end])
		if end < len(part) {
			break
		}
	}
	return version(n[0], n[1], n[2])
}

// settings compares the settings of the dialect.
func (c *checker) settings() {
	for _, s := range c.db.d.settings {
		v, err := c.ask(s.query)
		if err == nil && !s.good(strings.ToLower(v)) {
			c.add("setting", s.name+" is "+v, "%s", s.do)
		}
	}
}

// clock compares the server's clock with that of this process.
func (c *checker) clock() {
	before := time.Now()
	v, err := c.ask("SELECT " + c.db.d.now)
	us, err2 := strconv.ParseInt(v, 10, 64)
	if err != nil || err2 != nil {
		return
	}
	const most = 5 * time.Second
	if at := storage.Time(us); at.Before(before.Add(-most)) || at.After(time.Now().Add(most)) {
		c.add("clock", "the server's clock is "+at.Sub(before).Round(time.Second).String()+" off", "synchronise the clocks of both machines (NTP)")
	}
}

// schema looks at the version, and reports whether to go on.
func (c *checker) schema() bool {
	c.db.ready.Store(false)
	err := c.db.fits(c.ctx, c.db.sql)
	if err == nil {
		return true
	}
	if !errors.Is(err, storage.ErrSchema) {
		c.failed = err
		return false
	}
	var e *engineError
	if errors.As(err, &e) {
		c.add("schema", "table "+versionTable+" is missing", "run Migrate, or apply Migrations with the host's own tool")
		return false
	}
	what, do, _ := strings.Cut(strings.TrimPrefix(err.Error(), storage.ErrSchema.Error()+": "), "; ")
	c.add("schema", what, "%s", do)
	return false
}

// tables tries each right on each table with statements that touch no row.
func (c *checker) tables() {
	for _, t := range c.db.known.tables {
		name := c.db.d.table(c.db.opts.Schema, t.Name)
		columns := []string{"tenant"}
		for i := range t.Columns {
			columns = append(columns, t.Columns[i].Name)
		}
		ids := c.db.d.ids(columns)
		none := " FROM " + name + " WHERE 1 = 0"
		tries := []struct{ right, text string }{
			{"SELECT", "SELECT " + ids + none},
			{"INSERT", "INSERT INTO " + name + " (" + ids + ") SELECT " + ids + none},
			{"DELETE", "DELETE" + none},
		}
		if !t.AppendOnly {
			id := c.db.d.id("tenant")
			tries = append(tries, struct{ right, text string }{"UPDATE", "UPDATE " + name + " SET " + id + " = " + id + " WHERE 1 = 0"})
		}
		for _, try := range tries {
			if !c.try(t.Name, try.right, try.text) {
				break
			}
		}
	}
}

func (c *checker) try(table, right, text string) bool {
	_, err := c.db.sql.ExecContext(c.ctx, text)
	if err == nil {
		return true
	}
	switch class, code := c.db.classify(err); {
	case class == Schema:
		c.add("schema", "table "+table+" lacks a column or is missing", "run Migrate; if it says that nothing is to do, restore the table")
		return false
	case code == "":
		c.failed = c.db.wrap(err, table)
		return false
	case c.db.dialect == SQLite:
		c.add("rights", right+" on "+table+" failed ("+code+")", "let the process write the file and its directory, and open it without mode=ro and immutable")
		return false
	default:
		c.add("rights", right+" on "+table+" failed ("+code+")", "GRANT %s ON %s to the application's role", right, table)
		return true
	}
}

// triggers counts those of append-only tables.
func (c *checker) triggers() {
	want := 0
	for _, t := range c.db.known.tables {
		if t.AppendOnly {
			want += len(c.db.d.noUpdate) + 1
		}
	}
	schema := "current_schema()"
	if s := c.db.opts.Schema; s != "" {
		schema = "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	v, err := c.ask(strings.ReplaceAll(c.db.d.askTriggers, "{schema}", schema))
	have, _ := strconv.Atoi(v)
	if have == 0 && !c.seesTriggers() {
		return
	}
	if err == nil && have < want {
		c.add("trigger", fmt.Sprintf("%d of %d triggers of append-only tables are there", have, want),
			"create them again from Migrations; the role that migrates needs the right TRIGGER (on MySQL with a binary log: log_bin_trust_function_creators)")
	}
}
