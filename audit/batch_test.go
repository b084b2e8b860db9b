package audit_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

func TestRecordBatch(t *testing.T) {
	log, err := audit.New(memstore.New(nil).Tenant("acme"), nil)
	require.NoError(t, err)
	attrs := [][]slog.Attr{{slog.Int("n", 1)}, {slog.Int("n", 2)}, nil}
	require.NoError(t, log.RecordBatch(t.Context(), "row.erased", []string{"c-1", "c-2", ""}, attrs))
	require.NoError(t, log.RecordBatch(t.Context(), "row.erased", nil, nil))
	require.ErrorIs(t, log.RecordBatch(t.Context(), "row.erased", []string{"c-1"}, nil), gdpr.ErrInvalid)
	require.Error(t, log.RecordBatch(t.Context(), "row.erased", []string{"c-1", "c-2"}, [][]slog.Attr{nil, {slog.String("name", "clear text")}}), "one bad, none added")
	var got int
	for x, err := range log.Entries(t.Context(), audit.Filter{First: 1}) {
		require.NoError(t, err)
		require.Equal(t, "row.erased", x.Action)
		got++
	}
	require.Equal(t, 3, got)
}
