package consent

import (
	"bytes"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// No personal value reaches an error, a log line, an audit attribute or a row in
// clear.
func TestPersonalValuesStayInside(t *testing.T) {
	const canary = "canary-anna@example.org"
	var logged bytes.Buffer
	b := open(t, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&logged, nil)) })
	act := giving("c-1", "optin", "email", 1)
	act.Address = canary
	act.Evidence.Personal = map[string]string{"address": canary}
	act.Evidence.Guardian, act.Evidence.GuardianCheck, act.Evidence.By = canary, "card", ByGuardian
	p, err := b.Request(ctx, act)
	require.NoError(t, err)
	_, err = b.Confirm(ctx, string(p.Token.Reveal()), map[string]string{"ip": canary})
	require.NoError(t, err)
	_, err = b.Suppress(ctx, Act{Subject: "c-1", Address: canary, At: day(2)})
	require.NoError(t, err)

	for _, bad := range []Act{
		{Subject: canary, Purpose: "product-a", At: day(1), Evidence: ticked()},
		{Subject: "c-1", Purpose: canary, At: day(1), Evidence: ticked()},
		{Subject: "c-1", Purpose: "news", Channel: canary, At: day(1), Evidence: ticked()},
		{Subject: "c-1", Purpose: "product-a", Reference: canary, At: day(1), Evidence: ticked()},
		{Subject: "c-1", Purpose: "product-a", Language: canary, At: day(1), Evidence: ticked()},
		{Subject: "c-1", Purpose: "product-a", Audience: canary, At: day(1), Evidence: ticked()},
		{Subject: "c-1", Purpose: "product-a", At: day(1), Evidence: &Evidence{Method: canary}},
		{Subject: "c-1", Purpose: "product-a", At: day(1), Evidence: &Evidence{Method: Button, Form: canary}},
	} {
		_, err := b.Give(ctx, bad)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "canary")
	}
	require.NotContains(t, logged.String(), "canary")
	require.NotContains(t, fmt.Sprint(b.log.list), "canary")
	for _, table := range []*storage.Table{
		schema.ConsentState, schema.ConsentEvent, schema.ConsentProof, schema.ConsentToken, schema.Suppression, schema.ConsentRun,
	} {
		for i := range table.Columns {
			c := &table.Columns[i]
			all := &storage.Select{From: table, Columns: []string{c.Name}, Order: table.Key}
			for _, k := range table.Key {
				if k != c.Name {
					all.Columns = append(all.Columns, k)
				}
			}
			for r, err := range b.store.Scan(ctx, all, nil) {
				require.NoError(t, err)
				require.NotContains(t, cell(t, table, all.Columns, r), "canary", "%s.%s", table.Name, c.Name)
			}
		}
	}
}

// cell returns the first column of a row as text.
func cell(t *testing.T, table *storage.Table, columns []string, r storage.Row) string {
	dest := make([]any, len(columns))
	for i, name := range columns {
		switch table.Column(name).Kind {
		case storage.Int:
			dest[i] = new(int64)
		case storage.Text:
			dest[i] = new(string)
		default:
			dest[i] = new([]byte)
		}
	}
	require.NoError(t, r.Scan(dest...))
	switch d := dest[0].(type) {
	case *string:
		return *d
	case *[]byte:
		return string(*d)
	}
	return ""
}
