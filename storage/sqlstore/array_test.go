package sqlstore

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/storage"
)

func TestArrays(t *testing.T) {
	require.Equal(t, []any{
		`{"a","","NULL","say \"no\"","\\","{b,c}","d\\\"\\","'$1"}`,
		`{0,-1,9223372036854775807,-9223372036854775808,4,5,6,7}`,
		`{"\\x","\\x00","\\x5c22","\\xff","\\x01","\\x02","\\x03","\\x04"}`,
	}, arrays(3, []any{
		"a", int64(0), []byte{},
		"", int64(-1), []byte{0},
		"NULL", int64(1<<63 - 1), []byte(`\"`),
		`say "no"`, int64(-1 << 63), []byte{0xff},
		`\`, int64(4), []byte{1},
		"{b,c}", int64(5), []byte{2},
		`d\"\`, int64(6), []byte{3},
		"'$1", int64(7), []byte{4},
	}))
}

// Any greater number of keys is one text, also joined with other writes.
func TestArrayText(t *testing.T) {
	db := open(t, Postgres)
	s := db.Tenant("t").(*store)
	remove := &storage.Write{Verb: storage.Delete, Table: note, Where: storage.By("a", "b")}
	other := &storage.Table{Name: "gdpr_other", Key: []string{"a"}, Columns: note.Columns[:1]}
	add := &storage.Write{Verb: storage.Insert, Table: other, Set: []string{"a"}}
	texts := func(n int, more ...storage.Op) *statement {
		for i := range n {
			more = append(more, remove.With("x", i))
		}
		parts, _, err := s.parts(more)
		require.NoError(t, err)
		batches := s.batches(parts)
		require.Len(t, batches, 1)
		require.Len(t, batches[0].statement.args("t", batches[0].args), 3+len(parts)-1)
		return batches[0].statement
	}
	require.Same(t, texts(maxCached+1), texts(900))
	require.Same(t, texts(maxCached+1, add.With("y")), texts(900, add.With("y")))
	require.Contains(t, texts(20, add.With("y")).text, `w1 AS (DELETE FROM "gdpr_note" USING (SELECT unnest($3::text[])`)
}
