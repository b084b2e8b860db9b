package audittest

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/stretchr/testify/require"
)

// canary: what is personal never appears in a row, a bundle, an error or a log.
func canary(t *testing.T, dir storage.Directory) {
	const bird = "CANARY-7f3a"
	ctx := audit.WithActor(t.Context(), "emp-"+bird)
	var logged bytes.Buffer
	o := signed(new(anchor))
	o.Tokeniser = tokens{"k"}
	o.Logger = slog.New(slog.NewTextHandler(&logged, nil))
	s := dir.Tenant("acme")
	l := newLog(t, s, o)
	var errs []string
	try := func(err error) {
		if err != nil {
			errs = append(errs, err.Error())
		}
	}
	for _, attrs := range [][]slog.Attr{
		{slog.String("a", bird)}, {slog.Any("b", []byte(bird))}, {gdpr.Personal("c", "s-"+bird, bird)},
		{slog.Any("d", named(bird))}, {slog.Group("e", slog.String("f", bird))},
		{slog.Any("g", fmt.Errorf("x %s", bird))}, {slog.Any("h", &struct{ S string }{bird})}, {slog.Any("i", []string{bird})},
		{slog.Any("j", gdpr.NewSecret([]byte(bird)))}, {slog.String("bad "+bird, "x")},
	} {
		try(l.Record(ctx, "x.y", "c-"+bird, attrs...))
		try(newLog(t, s, nil).Record(ctx, "x.y", "c-1", attrs...)) // no sealer
	}
	try(l.Record(ctx, "Bad "+bird, "c-1"))
	try(l.Record(ctx, "x", "a@"+bird))
	_, err := l.Append(ctx, audit.Event{Action: "x", Key: bird, Subject: "c-" + bird})
	require.NoError(t, err)
	_, err = l.Append(ctx, audit.Event{Action: "y", Key: bird})
	try(err)
	try(l.Redact(ctx, 1, bird+" is\na friend"))
	require.NotEmpty(t, errs)
	var bundle bytes.Buffer
	for _, b := range []audit.Bundle{{Kind: audit.KindLog}, {Kind: audit.KindSubject, Subject: "c-" + bird}} {
		_, err = l.WriteBundle(ctx, &bundle, b)
		require.NoError(t, err)
	}
	everything := bundle.String() + logged.String() + strings.Join(errs, "\n")
	for table, rows := range dump(t, s) {
		for _, x := range rows {
			everything += table.Name
			for _, c := range x {
				everything += fmt.Sprintf(" %s", c)
			}
		}
	}
	require.False(t, strings.Contains(everything, bird), "a canary is out")
	require.False(t, strings.Contains(everything, fmt.Sprintf("%x", bird)), "a canary is out")
	for e, err := range l.Entries(ctx, audit.Filter{Subject: "c-" + bird}) {
		require.NoError(t, err)
		require.NotContains(t, fmt.Sprint(e.Attrs), bird)
	}
}

type named string
