// Package datamaptest holds a CRM invented for the tests of package datamap. Its
// shape is that of several well-known ones: e-mail addresses in a table of their
// own that persons share, polymorphic links, flags for deletion, side tables for
// custom fields, history tables, arrays of ids, and foreign keys of every kind.
package datamaptest

import (
	_ "embed"
	"fmt"
	"strings"
)

// Map is the map of the CRM, in YAML.
//
//go:embed suite.yaml
var Map string

//go:embed suite.sql
var script string

// Statements returns what makes the tables and rows, for a dialect: "sqlite",
// "postgres" or "mysql". Every value of Alice contains "ALICE", Bob's "BOB", and so on.
func Statements(dialect string) []string {
	types := map[string][]string{
		"sqlite":   {"{json}", "JSON", "{time}", "DATETIME", "{auto}", "INTEGER", "{end}", ""},
		"postgres": {"{json}", "JSONB", "{time}", "TIMESTAMP", "{auto}", "BIGINT", "{end}", ""},
		"mysql":    {"{json}", "JSON", "{time}", "DATETIME", "{auto}", "BIGINT", "{end}", " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"},
	}[dialect]
	var out []string
	for s := range strings.SplitSeq(strings.NewReplacer(types...).Replace(script), ";\n") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// Tables are the tables of the CRM.
var Tables = []string{"people", "people_extra", "people_audit", "prospects", "mail_addresses", "mail_links", "deals",
	"invoices", "invoice_lines", "quotes", "calls", "mail_stats", "staff", "visits", "countries"}

// UUID returns the n-th id of a kind of row.
func UUID(kind byte, n int) string { return fmt.Sprintf("%c0000000-0000-4000-8000-%012d", kind, n) }
