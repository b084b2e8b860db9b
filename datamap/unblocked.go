package datamap

import (
	"strconv"
	"strings"

	"github.com/gdprkit/gdprkit/datamap/internal/catalog"
	"github.com/gdprkit/gdprkit/gdpr"
)

// Unblocked returns the condition that leaves blocked rows of a table out: an
// anti-join with the view gdpr_blocked_records by its key. Tenant is that of the
// retention engine, table a name of the map, alias that of the table in the query.
// It takes no parameters, so that a view can be made of it once:
//
//	where, err := live.Unblocked("acme", "Invoice", "i")
//	_, err = db.ExecContext(ctx, "CREATE VIEW invoices_in_use AS SELECT i.* FROM Invoice i WHERE "+where)
//
// It concerns rows that are blocked in the category of the table. Of one that is
// blocked in the category of some columns these were emptied, and the row stays in
// use. On PostgreSQL the schema of gdprkit's tables must stand on the search path.
func (l *Live) Unblocked(tenant, table, alias string) (string, error) {
	t := l.tables[table]
	switch {
	case t == nil:
		return "", gdpr.Invalid("Unblocked.table", "is not a table of the map")
	case alias == "":
		return "", gdpr.Invalid("Unblocked.alias", "is empty")
	case tenant == "":
		return "", gdpr.Invalid("Unblocked.tenant", "is empty")
	}
	st := l.statement()
	parts := []string{st.quoted(l.recordPrefix(t))}
	for i, c := range t.key {
		text := st.keyPart(st.column(st.name(alias), c), c)
		if len(t.key) > 1 {
			if text = "REPLACE(REPLACE(" + text + ", '%', '%25'), ',', '%2C')"; i > 0 {
				parts = append(parts, "','")
			}
		}
		parts = append(parts, text)
	}
	return "NOT EXISTS (SELECT 1 FROM " + st.name("gdpr_blocked_records") + " g WHERE g.tenant = " + st.quoted(tenant) +
		" AND g.category = " + st.quoted(t.category()) + " AND g.record = " + st.joined(parts) + ")", nil
}

// keyPart is the text of a key column as keyText writes it.
func (s *statement) keyPart(expr string, c *catalog.Column) string {
	switch {
	case c.Class == catalog.Binary && s.dialect == "postgres":
		return "encode(" + expr + ", 'hex')"
	case c.Class == catalog.Binary:
		return "LOWER(HEX(" + expr + "))"
	case c.Type == "character" && s.dialect == "postgres": // padded, which its cast is not
		return "rpad(" + s.text(expr) + ", " + strconv.Itoa(c.Width) + ")"
	}
	return s.text(expr)
}

// joined joins texts to one that is compared byte by byte.
func (s *statement) joined(parts []string) string {
	if s.dialect == "mysql" {
		return "CAST(CONVERT(CONCAT(" + strings.Join(parts, ", ") + ") USING utf8mb4) AS BINARY)"
	}
	text := strings.Join(parts, " || ")
	if s.dialect == "postgres" {
		return "(" + text + `) COLLATE "C"`
	}
	return text
}

// quoted is a text as a literal of any of the dialects.
func (s *statement) quoted(v string) string {
	v = strings.ReplaceAll(v, "'", "''")
	if s.dialect == "mysql" {
		v = strings.ReplaceAll(v, `\`, `\\`)
	}
	return "'" + v + "'"
}
