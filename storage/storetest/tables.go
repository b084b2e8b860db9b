package storetest

import "github.com/gdprkit/gdprkit/storage"

func column(name string, kind storage.Kind, size int) storage.Column {
	return storage.Column{Name: name, Kind: kind, Size: size, Category: "test", Erase: "none", Lifetime: "test"}
}

func nullable(c storage.Column) storage.Column { c.Null = true; return c }

var (
	// rows has a column of every kind, a key of two columns and an index.
	rows = &storage.Table{
		Name: "gdpr_test_row",
		Columns: []storage.Column{
			column("part", storage.Text, 64),
			column("id", storage.Text, 64),
			column("num", storage.Int, 0),
			column("txt", storage.Text, 0),
			nullable(column("bin", storage.Bytes, 0)),
			column("raw", storage.Bytes, 0),
		},
		Key:   []string{"part", "id"},
		Index: [][]string{{"part", "num"}},
	}
	// uniques has a second constraint.
	uniques = &storage.Table{
		Name: "gdpr_test_unique",
		Columns: []storage.Column{
			column("id", storage.Int, 0),
			column("name", storage.Text, 100),
			nullable(column("mark", storage.Bytes, 32)),
		},
		Key:    []string{"id"},
		Unique: [][]string{{"name"}, {"mark"}},
	}
	// blobs has bytes as its key.
	blobs = &storage.Table{
		Name: "gdpr_test_blob",
		Columns: []storage.Column{
			column("ref", storage.Bytes, 64),
			column("num", storage.Int, 0),
		},
		Key: []string{"ref"},
	}
	// entries can only be added to.
	entries = &storage.Table{
		Name: "gdpr_test_entry",
		Columns: []storage.Column{
			column("id", storage.Int, 0),
			column("subject", storage.Text, 191),
			column("note", storage.Text, 0),
		},
		Key:        []string{"id"},
		AppendOnly: true,
	}
)

// Tables returns the tables that the suite needs beside those of package schema.
// Their names start with "gdpr_test_".
func Tables() []*storage.Table { return []*storage.Table{rows, uniques, blobs, entries} }
