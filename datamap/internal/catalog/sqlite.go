package catalog

import (
	"database/sql"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

func (r *reader) sqlite() {
	var name string
	var names []string
	r.each(`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`, nil, func() {
		if !own(name) {
			names = append(names, name)
			r.s.Tables[name] = &Table{Name: name}
		}
	}, &name)
	for _, n := range names {
		r.sqliteColumns(r.s.Tables[n])
		r.sqliteIndexes(r.s.Tables[n])
	}
	for _, n := range names {
		r.sqliteFKs(r.s.Tables[n])
	}
	var table string
	r.each(`SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger' ORDER BY name`, nil, func() {
		if t := r.s.Tables[table]; t != nil {
			t.Triggers = append(t.Triggers, name)
		}
	}, &table, &name)
}

func (r *reader) sqliteColumns(t *Table) {
	var name, typ string
	var notNull, pk, hidden int
	key := make(map[int]string)
	r.each(`SELECT name, type, "notnull", pk, hidden FROM pragma_table_xinfo(?)`, []any{t.Name}, func() {
		c := &Column{Name: name, Type: typ, Null: notNull == 0 && pk == 0, Generated: hidden != 0, Exact: true}
		c.Class, c.Width = sqliteClass(typ)
		t.Columns = append(t.Columns, c)
		if pk > 0 {
			key[pk] = name
		}
	}, &name, &typ, &notNull, &pk, &hidden)
	for i := 1; i <= len(key); i++ {
		t.Key = append(t.Key, key[i])
	}
}

func (r *reader) sqliteIndexes(t *Table) {
	var x indexed
	var name string
	var column sql.NullString
	var unique, partial int
	r.each(`SELECT l.name, l."unique", l.partial, i.name FROM pragma_index_list(?) l, pragma_index_info(l.name) i ORDER BY l.name, i.seqno`, []any{t.Name}, func() {
		x.next(t, name, unique == 1 && partial == 0, column.String)
	}, &name, &unique, &partial, &column)
	x.flush()
	if len(t.Key) > 0 {
		t.Indexes = append(t.Indexes, t.Key)
	}
}

func (r *reader) sqliteFKs(t *Table) {
	var id, seq int
	var ref, from, onDelete string
	var to sql.NullString
	r.each(`SELECT id, seq, "table", "from", "to", on_delete FROM pragma_foreign_key_list(?) ORDER BY id, seq`, []any{t.Name}, func() {
		target := r.s.Table(ref)
		if target == nil {
			return
		}
		if !to.Valid && seq < len(target.Key) {
			to.String = target.Key[seq]
		}
		r.fkRow(fmt.Sprint(t.Name, "/", id), t.Name, from, target.Name, to.String, onDelete)
	}, &id, &seq, &ref, &from, &to, &onDelete)
}

var width = regexp.MustCompile(`\(\s*(\d+)`)

// sqliteClass follows the declared type, which SQLite itself only takes as advice.
func sqliteClass(typ string) (Class, int) {
	t := strings.ToUpper(typ)
	w := 0
	if m := width.FindStringSubmatch(t); m != nil {
		w, _ = strconv.Atoi(m[1])
	}
	has := func(words ...string) bool {
		for _, word := range words {
			if strings.Contains(t, word) {
				return true
			}
		}
		return false
	}
	switch {
	case has("BOOL"):
		return Bool, 0
	case has("DATETIME", "TIMESTAMP"):
		return DateTime, 0
	case has("DATE"):
		return Date, 0
	case has("JSON"):
		return JSON, 0
	case has("UUID"):
		return UUID, 0
	case has("CHAR", "CLOB", "TEXT"):
		return Text, w
	case has("INT"):
		return Int, 0
	case has("BLOB") || t == "":
		return Binary, 0
	case has("REAL", "FLOA", "DOUB", "NUM", "DEC"):
		return Number, 0
	}
	return Other, 0
}
