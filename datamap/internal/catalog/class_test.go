package catalog

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClasses(t *testing.T) {
	for typ, want := range map[string]Class{"NVARCHAR(40)": Text, "INTEGER": Int, "NUMERIC(10,2)": Number, "DATETIME": DateTime, "DATE": Date,
		"JSON": JSON, "BOOLEAN": Bool, "BLOB": Binary, "UUID": UUID, "double": Number} {
		got, _ := sqliteClass(typ)
		require.Equal(t, want, got, typ)
	}
	_, width := sqliteClass("NVARCHAR(40)")
	require.Equal(t, 40, width)
	require.Equal(t, JSON, pgClass("jsonb"))
	require.Equal(t, DateTime, pgClass("timestamp with time zone"))
	require.Equal(t, Bool, mysqlClass("tinyint", "tinyint(1)"))
	require.Equal(t, Int, mysqlClass("tinyint", "tinyint(4)"))
	require.Equal(t, Text, mysqlClass("enum", "enum('a','b')"))
}

func TestScale(t *testing.T) {
	for typ, want := range map[string]int{"NUMERIC(10,2)": 2, "decimal(5, 0)": 0, "NUMERIC": -1, "numeric(10)": -1} {
		require.Equal(t, want, (&Column{Type: typ, Class: Number}).Scale(), typ)
	}
	require.Equal(t, -1, (&Column{Type: "VARCHAR(1,2)", Class: Text}).Scale())
}
