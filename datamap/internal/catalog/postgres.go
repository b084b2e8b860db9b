package catalog

import "strings"

const pgFilter = ` AND n.nspname = COALESCE(NULLIF($1, ''), current_schema())`

func (r *reader) postgres() {
	args := []any{r.schema}
	var table, name, typ, element, generated, collation string
	var width int
	var notNull bool
	r.each(`SELECT c.relname, a.attname, format_type(a.atttypid, NULL), a.attnotnull,
		CASE WHEN a.atttypmod > 4 AND t.typname IN ('varchar', 'bpchar') THEN a.atttypmod - 4 ELSE 0 END,
		CASE WHEN t.typcategory = 'A' THEN format_type(t.typelem, NULL) ELSE '' END,
		CAST(a.attgenerated AS text) || CAST(a.attidentity AS text), COALESCE(l.collname, '')
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_collation l ON l.oid = a.attcollation
	WHERE c.relkind IN ('r', 'p')`+pgFilter+` ORDER BY c.relname, a.attnum`, args, func() {
		if own(table) {
			return
		}
		t := r.s.Tables[table]
		if t == nil {
			t = &Table{Name: table}
			r.s.Tables[table] = t
		}
		c := &Column{Name: name, Type: typ, Width: width, Null: !notNull, Element: element,
			Generated: strings.HasPrefix(generated, "s"), Exact: collation == "" || collation == "C" || collation == "POSIX"}
		if c.Class = pgClass(typ); element != "" {
			c.Class = Array
		}
		t.Columns = append(t.Columns, c)
	}, &table, &name, &typ, &notNull, &width, &element, &generated, &collation)
	r.pgIndexes(args)
	r.pgFKs(args)
	r.each(`SELECT c.relname, g.tgname FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
	JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT g.tgisinternal`+pgFilter+` ORDER BY 1, 2`, args, func() {
		if t := r.s.Tables[table]; t != nil {
			t.Triggers = append(t.Triggers, name)
		}
	}, &table, &name)
}

func (r *reader) pgIndexes(args []any) {
	var table, name, column string
	var unique, primary bool
	var x indexed
	r.each(`SELECT c.relname, i.relname, x.indisunique AND x.indpred IS NULL, x.indisprimary, COALESCE(a.attname, '')
	FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
	JOIN pg_namespace n ON n.oid = c.relnamespace
	CROSS JOIN LATERAL unnest(x.indkey) WITH ORDINALITY k(attnum, ord)
	LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
	WHERE c.relkind IN ('r', 'p')`+pgFilter+` ORDER BY c.relname, i.relname, k.ord`, args, func() {
		t := r.s.Tables[table]
		if t == nil {
			return
		}
		x.next(t, name, unique && !primary, column)
		if primary {
			t.Key = append(t.Key, column)
		}
	}, &table, &name, &unique, &primary, &column)
	x.flush()
}

func (r *reader) pgFKs(args []any) {
	var id, table, column, ref, refColumn, onDelete string
	actions := map[string]string{"c": "CASCADE", "n": "SET NULL", "a": "NO ACTION", "r": "RESTRICT", "d": "SET DEFAULT"}
	r.each(`SELECT CAST(k.oid AS text), c.relname, a.attname, f.relname, b.attname, CAST(k.confdeltype AS text)
	FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
	JOIN pg_class f ON f.oid = k.confrelid
	CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY u(col, ref, ord)
	JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.col
	JOIN pg_attribute b ON b.attrelid = f.oid AND b.attnum = u.ref
	WHERE k.contype = 'f'`+pgFilter+` ORDER BY k.oid, u.ord`, args, func() {
		r.fkRow(id, table, column, ref, refColumn, actions[onDelete])
	}, &id, &table, &column, &ref, &refColumn, &onDelete)
}

func pgClass(typ string) Class {
	switch typ {
	case "smallint", "integer", "bigint":
		return Int
	case "numeric", "real", "double precision", "money":
		return Number
	case "text", "character varying", "character", "citext", "name":
		return Text
	case "date":
		return Date
	case "timestamp without time zone", "timestamp with time zone":
		return DateTime
	case "boolean":
		return Bool
	case "uuid":
		return UUID
	case "json", "jsonb":
		return JSON
	case "bytea":
		return Binary
	}
	return Other
}
