package catalog

import (
	"strings"
)

func (r *reader) mysql() {
	var table, name, typ, full, null, extra, collation string
	var width int
	r.each(`SELECT c.TABLE_NAME, c.COLUMN_NAME, c.DATA_TYPE, c.COLUMN_TYPE, c.IS_NULLABLE, c.EXTRA,
		CAST(LEAST(COALESCE(c.CHARACTER_MAXIMUM_LENGTH, 0), 1000000) AS SIGNED), COALESCE(c.COLLATION_NAME, '')
	FROM information_schema.COLUMNS c JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME
	WHERE c.TABLE_SCHEMA = DATABASE() AND t.TABLE_TYPE = 'BASE TABLE' ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION`, nil, func() {
		if own(table) {
			return
		}
		t := r.s.Tables[table]
		if t == nil {
			t = &Table{Name: table}
			r.s.Tables[table] = t
		}
		c := &Column{Name: name, Type: full, Class: mysqlClass(strings.ToLower(typ), strings.ToLower(full)), Null: null == "YES",
			Unsigned: strings.Contains(full, "unsigned"), Generated: strings.Contains(strings.ToUpper(extra), "GENERATED") && !strings.Contains(strings.ToUpper(extra), "DEFAULT_GENERATED"),
			Exact: collation == "" || strings.HasSuffix(collation, "_bin")}
		if strings.Contains(strings.ToLower(typ), "char") {
			c.Width = width
		}
		t.Columns = append(t.Columns, c)
	}, &table, &name, &typ, &full, &null, &extra, &width, &collation)
	r.mysqlJSON()
	r.mysqlIndexes()
	r.mysqlFKs()
	r.each(`SELECT EVENT_OBJECT_TABLE, TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE() ORDER BY 1, 2`, nil, func() {
		if t := r.s.Tables[table]; t != nil {
			t.Triggers = append(t.Triggers, name)
		}
	}, &table, &name)
}

// mysqlJSON finds the columns of type JSON on MariaDB, where it is LONGTEXT with a
// check.
func (r *reader) mysqlJSON() {
	for _, t := range r.s.Tables {
		for _, c := range t.Columns {
			if c.Class != Text || !strings.EqualFold(c.Type, "longtext") || r.err != nil {
				continue
			}
			var n int
			r.each(`SELECT COUNT(*) FROM information_schema.CHECK_CONSTRAINTS
			WHERE CONSTRAINT_SCHEMA = DATABASE() AND CHECK_CLAUSE = ?`, []any{"json_valid(`" + c.Name + "`)"}, func() {}, &n)
			if n > 0 {
				c.Class = JSON
			}
		}
	}
}

func (r *reader) mysqlIndexes() {
	var table, name, column string
	var nonUnique int
	var x indexed
	r.each(`SELECT TABLE_NAME, INDEX_NAME, NON_UNIQUE, COALESCE(COLUMN_NAME, '') FROM information_schema.STATISTICS
	WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX`, nil, func() {
		t := r.s.Tables[table]
		if t == nil {
			return
		}
		x.next(t, name, nonUnique == 0 && name != "PRIMARY", column)
		if name == "PRIMARY" {
			t.Key = append(t.Key, column)
		}
	}, &table, &name, &nonUnique, &column)
	x.flush()
}

func (r *reader) mysqlFKs() {
	var id, table, column, ref, refColumn, onDelete string
	r.each(`SELECT CONCAT(k.TABLE_NAME, '/', k.CONSTRAINT_NAME), k.TABLE_NAME, k.COLUMN_NAME, k.REFERENCED_TABLE_NAME, k.REFERENCED_COLUMN_NAME, c.DELETE_RULE
	FROM information_schema.KEY_COLUMN_USAGE k JOIN information_schema.REFERENTIAL_CONSTRAINTS c
	ON c.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND c.CONSTRAINT_NAME = k.CONSTRAINT_NAME AND c.TABLE_NAME = k.TABLE_NAME
	WHERE k.TABLE_SCHEMA = DATABASE() AND k.REFERENCED_TABLE_NAME IS NOT NULL ORDER BY 1, k.ORDINAL_POSITION`, nil, func() {
		r.fkRow(id, table, column, ref, refColumn, onDelete)
	}, &id, &table, &column, &ref, &refColumn, &onDelete)
}

func mysqlClass(typ, full string) Class {
	switch typ {
	case "tinyint":
		if strings.HasPrefix(full, "tinyint(1)") {
			return Bool
		}
		return Int
	case "smallint", "mediumint", "int", "bigint", "year":
		return Int
	case "decimal", "float", "double":
		return Number
	case "char", "varchar", "text", "tinytext", "mediumtext", "longtext", "enum", "set":
		return Text
	case "date":
		return Date
	case "datetime", "timestamp":
		return DateTime
	case "uuid":
		return UUID
	case "json":
		return JSON
	case "binary", "varbinary", "blob", "tinyblob", "mediumblob", "longblob":
		return Binary
	}
	return Other
}
