package sqlstore

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// tenantSize is the limit of a tenant's name in bytes.
const tenantSize = 191

var tenantColumn = storage.Column{Name: "tenant", Kind: storage.Text, Size: tenantSize}

// versionTable holds a row per migration: state 0 while it runs, 1 when it is done.
const versionTable = "gdpr_schema_version"

// catalogue is what a migration is made from: package schema, or less or more in
// a test of migrations.
type catalogue struct {
	version int
	tables  []*storage.Table
	views   []storage.View
}

func current() catalogue { return catalogue{schema.Version, schema.Tables(), schema.Views()} }

// A Migration is one step of the schema. Version n has the same meaning in every
// dialect.
type Migration struct {
	Version    int
	Statements []string // to be executed in order, each on its own
}

// String returns the statements as a script for a command-line client. MySQL's
// triggers are set between DELIMITER lines.
func (m Migration) String() string {
	var b strings.Builder
	for _, s := range m.Statements {
		if strings.HasPrefix(s, "CREATE TRIGGER `") && strings.Contains(s, ";") {
			b.WriteString("DELIMITER //\n" + s + "//\nDELIMITER ;\n\n")
			continue
		}
		b.WriteString(s + ";\n\n")
	}
	return b.String()
}

// Migrations returns all migrations of a dialect in order, for the host's own
// migration tool. Each ends with the row of table gdpr_schema_version that
// [DB.Check] looks for. It returns nil for an unknown dialect.
func Migrations(d Dialect) []Migration {
	if !d.known() {
		return nil
	}
	return current().migrations(dialects[d], "")
}

func (c catalogue) migrations(d *dialect, schema string) []Migration {
	var ms []Migration
	for v := 1; v <= c.version; v++ {
		m := Migration{Version: v, Statements: c.statements(d, schema, v)}
		if v == 1 {
			m.Statements = slices.Insert(m.Statements, 0, createVersions(d, schema))
		}
		m.Statements = append(m.Statements, "INSERT INTO "+d.table(schema, versionTable)+
			" (version, state) VALUES ("+strconv.Itoa(v)+", 1)")
		ms = append(ms, m)
	}
	return ms
}

func createVersions(d *dialect, schema string) string {
	return "CREATE TABLE IF NOT EXISTS " + d.table(schema, versionTable) +
		" (version " + d.columns[storage.Int].free + " NOT NULL PRIMARY KEY, state " +
		d.columns[storage.Int].free + " NOT NULL)"
}

// statements returns what version v adds.
func (c catalogue) statements(d *dialect, schema string, v int) []string {
	var all []string
	for _, t := range c.tables {
		switch since := max(t.Since, 1); {
		case since == v:
			all = append(all, d.createTable(schema, t, v)...)
		case since < v:
			all = append(all, d.addColumns(schema, t, v)...)
		}
	}
	if v == 1 {
		for _, g := range d.guard {
			all = append(all, strings.ReplaceAll(g, "{schema}", d.prefix(schema)))
		}
	}
	for _, t := range c.tables {
		if max(t.Since, 1) == v && t.AppendOnly {
			all = append(all, d.protect(schema, t)...)
		}
	}
	for _, w := range c.views {
		if max(w.Since, 1) == v {
			all = append(all, d.createView(schema, w)...)
		}
	}
	return all
}

func (d *dialect) prefix(schema string) string {
	if schema == "" {
		return ""
	}
	return d.id(schema) + "."
}

func (d *dialect) createTable(schema string, t *storage.Table, v int) []string {
	var b strings.Builder
	b.WriteString("CREATE TABLE IF NOT EXISTS " + d.table(schema, t.Name) + " (\n  " + d.column(t, &tenantColumn))
	narrow := true
	for i := range t.Columns {
		c := &t.Columns[i]
		if max(c.Since, v) > v {
			continue
		}
		b.WriteString(",\n  " + d.column(t, c))
		narrow = narrow && (c.Kind == storage.Int || c.Size > 0)
	}
	b.WriteString(",\n  PRIMARY KEY (" + d.ids(withTenant(t.Key)) + ")")
	for i, u := range t.Unique {
		b.WriteString(",\n  CONSTRAINT " + d.id(indexName(t, "u", i)) + " UNIQUE (" + d.ids(withTenant(u)) + ")")
	}
	var all []string
	for i, x := range t.Index {
		name, columns := d.id(indexName(t, "i", i)), " ("+d.ids(withTenant(x))+")"
		if d.inline {
			b.WriteString(",\n  INDEX " + name + columns)
		} else {
			all = append(all, "CREATE INDEX IF NOT EXISTS "+name+" ON "+d.table(schema, t.Name)+columns+d.only(t, x[0]))
		}
	}
	b.WriteString("\n)")
	if narrow {
		b.WriteString(d.narrow)
	} else {
		b.WriteString(d.wide)
	}
	return slices.Insert(all, 0, b.String())
}

// only returns the condition of an index that begins with the column.
func (d *dialect) only(t *storage.Table, column string) string {
	if c := t.Column(column); !d.partial || c == nil || !c.Sparse {
		return ""
	}
	return " WHERE " + d.id(column) + " <> 0"
}

func (d *dialect) addColumns(schema string, t *storage.Table, v int) []string {
	var all []string
	for i := range t.Columns {
		if c := &t.Columns[i]; c.Since == v {
			all = append(all, "ALTER TABLE "+d.table(schema, t.Name)+" ADD COLUMN "+d.column(t, c))
		}
	}
	return all
}

// column returns the definition of a column. Each has a default, so that a
// library one version older, which does not know a later column, can insert.
func (d *dialect) column(t *storage.Table, c *storage.Column) string {
	def := d.id(c.Name) + " " + d.columnType(c, indexed(t, c.Name))
	if c.Null {
		return def
	}
	return def + " NOT NULL DEFAULT " + d.columns[c.Kind].zero
}

func (d *dialect) protect(schema string, t *storage.Table) []string {
	all := slices.Clone(d.noUpdate)
	if t.Column("subject") != nil {
		all = append(all, d.onePermit...)
	} else {
		all = append(all, d.noDelete...)
	}
	r := strings.NewReplacer("{name}", t.Name, "{table}", d.table(schema, t.Name), "{schema}", d.prefix(schema))
	for i := range all {
		all[i] = r.Replace(all[i])
	}
	return all
}

// ownName is the name of a table in a view's query, in braces or not.
var ownName = regexp.MustCompile(`\{?\b(gdpr_[a-z0-9_]+)\}?`)

func (d *dialect) createView(schema string, w storage.View) []string {
	name := d.table(schema, w.Name)
	query := strings.ReplaceAll(w.Query, "{now}", d.now)
	query = ownName.ReplaceAllString(query, d.prefix(schema)+d.id("$1"))
	return []string{strings.ReplaceAll(d.dropView, "{view}", name), "CREATE VIEW " + name + " AS " + query}
}

func withTenant(columns []string) []string { return append([]string{"tenant"}, columns...) }

func indexName(t *storage.Table, kind string, i int) string {
	return t.Name + "_" + kind + strconv.Itoa(i+1)
}

// indexed reports whether a column is part of a key or index.
func indexed(t *storage.Table, column string) bool {
	return column == "tenant" || slices.Contains(t.Key, column) ||
		slices.ContainsFunc(slices.Concat(t.Unique, t.Index), func(cs []string) bool { return slices.Contains(cs, column) })
}

// CreateTable returns the statements that create one table in a dialect, with its
// indexes and triggers: for tables beside those of package schema, in tests of
// parts. The triggers need what the first migration creates.
func CreateTable(d Dialect, t *storage.Table) []string {
	if !d.known() {
		return nil
	}
	all := dialects[d].createTable("", t, max(t.Since, 1))
	if t.AppendOnly {
		all = append(all, dialects[d].protect("", t)...)
	}
	return all
}
