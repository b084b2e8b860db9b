package datamap

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Describe writes the map as a page in Markdown: which data of whom, why, from
// where, and what an erasure does, for the record of processing (GDPR art. 30) and
// for people who review it. It holds no values of anybody.
func (l *Live) Describe(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString("# Data map\n\n## Subjects\n\n| kind | key | table |\n|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(l.m.Subjects)) {
		k := l.m.Subjects[name]
		fmt.Fprintf(&b, "| %s | `%s<%s>` | %s |\n", cellText(name), cellText(k.prefix(name)), cellText(k.Key), cellText(k.Table))
	}
	b.WriteString("\n## Purposes\n\n| purpose | ground |\n|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(l.m.Purposes)) {
		fmt.Fprintf(&b, "| %s | %s |\n", cellText(name), l.m.Purposes[name])
	}
	for _, t := range l.sorted() {
		l.describeTable(&b, t)
	}
	l.describeRest(&b)
	_, err := w.Write(b.Bytes())
	return err
}

func (l *Live) describeTable(b *bytes.Buffer, t *table) {
	fmt.Fprintf(b, "\n## %s\n\nCategory %s. ", cellText(t.name), cellText(t.category()))
	for _, k := range l.kinds {
		for _, way := range l.ways(t, k) {
			fmt.Fprintf(b, "Belongs to %s%s. ", cellText(k.name), wayText(way))
		}
	}
	fmt.Fprintf(b, "Rows: %s. Erased as number %d.\n", t.rows, t.rank+1)
	if k := t.keep; k != nil {
		end := "until " + k.Until
		if k.from != nil {
			end = fmt.Sprintf("%s from %s", k.period, k.from.name)
			if k.Round == "year" {
				end += ", counted from the end of that year"
			}
		}
		fmt.Fprintf(b, "\nKept under %s, %s: %s.\n", cellText(k.Ground), end, cellText(strings.Join(k.Fields, ", ")))
	}
	for _, d := range t.dates {
		fmt.Fprintf(b, "\nDate %s: %s\n", cellText(d.name), d.text(t))
	}
	if t.def.HistoryOf != "" {
		fmt.Fprintf(b, "\nHistory of %s.\n", cellText(t.def.HistoryOf))
	}
	b.WriteString("\n| column | category | purposes | origin | sensitivity | erasure |\n|---|---|---|---|---|---|\n")
	for _, c := range t.cols {
		for _, p := range c.parts {
			name := c.Name
			if p.JSON != "" {
				name += " " + p.JSON
			}
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", cellText(name), cellText(p.category), cellText(strings.Join(p.purposes, ", ")),
				p.origin, p.Sensitivity, cellText(eraseText(p.do, p.Erase)))
		}
	}
}

func wayText(way []*link) string {
	var b strings.Builder
	for i, link := range way {
		b.WriteString([]string{", then ", " by "}[b2i(i == 0)] + cellText(link.from.name+"."+link.on.Name+" = "+link.to.name+"."+link.toCol.Name))
	}
	return b.String()
}

func (d *date) text(t *table) string {
	switch {
	case d.over != nil:
		return "latest " + cellText(d.over.from.name+"."+d.col.Name) + "."
	case d.up != nil:
		return cellText(d.up.to.name+"."+d.col.Name) + "."
	}
	return cellText(t.name+"."+d.col.Name) + "."
}

func eraseText(do Strategy, e Erase) string {
	switch do {
	case Fixed:
		return "fixed: " + e.Value
	case Prefix:
		return fmt.Sprintf("prefix of %d", e.Length)
	case Keep:
		if e.Ground != "" {
			return "kept: " + e.Ground
		}
		return "stays with the row"
	case Callback:
		return "callback " + e.Call
	}
	return string(do)
}

func (l *Live) describeRest(b *bytes.Buffer) {
	if len(l.m.Locations) > 0 {
		b.WriteString("\n## Outside the database\n\n| location | holds | lifetime | reached by an erasure |\n|---|---|---|---|\n")
		for _, loc := range l.m.Locations {
			fmt.Fprintf(b, "| %s | %s | %s | %s |\n", cellText(loc.Name), cellText(loc.Holds), cellText(loc.Lifetime), []string{"no", "yes"}[b2i(loc.Call != "")])
		}
	}
	if len(l.m.Waivers) > 0 {
		b.WriteString("\n## Waivers\n\n| tables | columns | reason |\n|---|---|---|\n")
		for _, w := range l.m.Waivers {
			fmt.Fprintf(b, "| %s | %s | %s |\n", cellText(strings.Join(w.Tables, ", ")), cellText(strings.Join(w.Columns, ", ")), cellText(w.Reason))
		}
	}
}

// cellText keeps a text inside its cell of a table.
func cellText(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(s)
}
