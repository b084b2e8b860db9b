package audittest

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
	"github.com/stretchr/testify/require"
)

// A twin is one of two tenants with equal subjects, keys and indices.
type twin struct {
	s        storage.Store
	l        *audit.Log
	receipts []audit.Receipt
}

const twinEntries = 300

func newTwin(t *testing.T, dir storage.Directory, name string) *twin {
	w := &twin{s: dir.Tenant(name)}
	w.l = newLog(t, w.s, signed(new(anchor)))
	events := make([]audit.Event, twinEntries)
	for i := range events {
		events[i] = audit.Event{
			Action: name + ".act", Subject: fmt.Sprint("c-", i%3), Actor: "emp-1",
			Attrs: []slog.Attr{gdpr.Clear("of", "only-"+name), slog.String("note", "sealed-"+name)},
		}
	}
	events[0].Key = "key"
	var err error
	w.receipts, err = w.l.Append(t.Context(), events...)
	require.NoError(t, err)
	_, err = w.l.Checkpoint(t.Context())
	require.NoError(t, err)
	return w
}

// says collects what a method answers.
type says struct{ bytes.Buffer }

func (s *says) add(v ...any) { fmt.Fprintf(s, "%+v\n", v) }

func each[T any](s *says, seq iter.Seq2[T, error]) {
	for v, err := range seq {
		s.add(v, err)
	}
}

// logProbes calls every exported method of a log with what another tenant's log knows.
var logProbes = map[string]func(ctx context.Context, s *says, l *audit.Log, other *twin){
	"Append": func(ctx context.Context, s *says, l *audit.Log, _ *twin) {
		r, err := l.Append(ctx, audit.Event{Action: "x", Subject: "c-1", Key: "key"})
		s.add(r, err)
	},
	"Checkpoint": func(ctx context.Context, s *says, l *audit.Log, _ *twin) { s.add(l.Checkpoint(ctx)) },
	"Entries": func(ctx context.Context, s *says, l *audit.Log, _ *twin) {
		for e, err := range l.Entries(ctx, audit.Filter{Subject: "c-1", Open: true}) {
			s.add(e.ID, e.Action, e.Attrs, e.Subjects, string(e.Leaf), err)
			for _, a := range e.Attrs {
				if p, ok := a.Value.Any().(gdpr.PersonalValue); ok {
					s.add(p.Reveal())
				}
			}
		}
	},
	"Export": func(ctx context.Context, s *says, l *audit.Log, _ *twin) {
		for b, err := range l.Export(ctx, "c-1") {
			s.add(string(b), err)
		}
	},
	"Forget": func(ctx context.Context, s *says, l *audit.Log, _ *twin) {
		erased, kept, err := l.Forget(ctx, "c-2", "erasure", time.Time{})
		s.add(erased, kept, err)
	},
	"Housekeep": func(ctx context.Context, s *says, l *audit.Log, _ *twin) { s.add(l.Housekeep(ctx)) },
	"Lint":      func(ctx context.Context, s *says, l *audit.Log, _ *twin) { s.add(l.Lint(ctx)) },
	"Open":      func(ctx context.Context, s *says, l *audit.Log, _ *twin) { s.add(l.Open(ctx)) },
	"Pending": func(ctx context.Context, s *says, l *audit.Log, _ *twin) {
		n, age, err := l.Pending(ctx)
		s.add(n, age, err)
	},
	"ProveConsistency": func(ctx context.Context, s *says, l *audit.Log, _ *twin) { s.add(l.ProveConsistency(ctx, 5, 200)) },
	"ProveInclusion": func(ctx context.Context, s *says, l *audit.Log, other *twin) {
		p, err := l.ProveInclusion(ctx, 1, 0)
		s.add(p, err)
		if err == nil && p.Hash == other.receipts[0].Hash {
			s.add("only-other")
		}
	},
	"Reconcile": func(ctx context.Context, s *says, l *audit.Log, other *twin) {
		n := 0
		for range l.Reconcile(ctx, seqOf(other.receipts[:5])) {
			n++
		}
		if n != 5 {
			s.add("only-other: a receipt of another tenant is borne out")
		}
	},
	"ReconcileKeys": func(ctx context.Context, s *says, l *audit.Log, _ *twin) {
		each(s, l.ReconcileKeys(ctx, seqOf([]string{"key"})))
	},
	"Record": func(ctx context.Context, s *says, l *audit.Log, _ *twin) { s.add(l.Record(ctx, "x", "c-1")) },
	"RecordBatch": func(ctx context.Context, s *says, l *audit.Log, _ *twin) {
		s.add(l.RecordBatch(ctx, "x", []string{"c-1"}, [][]slog.Attr{nil}))
	},
	"Redact":    func(ctx context.Context, s *says, l *audit.Log, _ *twin) { s.add(l.Redact(ctx, 290, "test")) },
	"RedactDue": func(ctx context.Context, s *says, l *audit.Log, _ *twin) { s.add(l.RedactDue(ctx, 10)) },
	"RedactIn":  func(ctx context.Context, s *says, l *audit.Log, _ *twin) { s.add(l.RedactIn(ctx, 1, 289, "test")) },
	"RedactSubject": func(ctx context.Context, s *says, l *audit.Log, _ *twin) {
		s.add(l.RedactSubject(ctx, "c-3", "test"))
	},
	"Run": func(ctx context.Context, s *says, l *audit.Log, _ *twin) {
		ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		s.add(l.Run(ctx))
	},
	"Sealed": func(ctx context.Context, s *says, l *audit.Log, _ *twin) { s.add(l.Sealed(ctx)) },
	"Stage": func(ctx context.Context, s *says, l *audit.Log, _ *twin) {
		_, _, err := l.Stage(ctx, "x", "c-1")
		s.add(err)
	},
	"VerifierKeys": func(ctx context.Context, s *says, l *audit.Log, _ *twin) { s.add(l.VerifierKeys(ctx)) },
	"Verify":       func(ctx context.Context, s *says, l *audit.Log, _ *twin) { s.add(l.Verify(ctx)) },
	"WriteBundle": func(ctx context.Context, s *says, l *audit.Log, _ *twin) {
		for _, b := range []audit.Bundle{{Kind: audit.KindLog}, {Kind: audit.KindSubject, Subject: "c-1"}} {
			_, err := l.WriteBundle(ctx, s, b)
			s.add(err)
		}
	},
	// Those that change the log for the others come last, in this order.
	"PruneIn": func(ctx context.Context, s *says, l *audit.Log, _ *twin) { s.add(l.PruneIn(ctx, 1, 256, "policy")) },
	"Prune":   func(ctx context.Context, s *says, l *audit.Log, _ *twin) { s.add(l.Prune(ctx, 256, "policy")) },
	"Rotate":  func(ctx context.Context, s *says, l *audit.Log, _ *twin) { s.add(l.Rotate(ctx, Key("b"))) },
	"Reopen":  func(ctx context.Context, s *says, l *audit.Log, _ *twin) { s.add(l.Reopen(ctx, "test")) },
}

// everyMethod: no method of one tenant's log answers with anything of another's or
// changes a row of it. A new method without a probe fails.
func everyMethod(t *testing.T, dir storage.Directory) {
	a, b := newTwin(t, dir, "aaa"), newTwin(t, dir, "bbb")
	method := reflect.TypeFor[*audit.Log]()
	late := []string{"Prune", "Rotate", "Reopen"}
	var order []string
	for i := range method.NumMethod() {
		name := method.Method(i).Name
		require.Contains(t, logProbes, name, "there is a probe for each method")
		if !contains(late, name) {
			order = append(order, name)
		}
	}
	require.Len(t, logProbes, method.NumMethod())
	keys, err := a.l.VerifierKeys(t.Context())
	require.NoError(t, err)
	secrets := append(keys, "aaa.act", "only-aaa", "sealed-aaa", "only-other", a.receipts[0].ID.String(), a.receipts[1].ID.String())
	before := everything(t, a.s)
	for _, name := range append(order, late...) {
		s := new(says)
		logProbes[name](t.Context(), s, b.l, a)
		for _, x := range secrets {
			require.False(t, strings.Contains(s.String(), x), "%s answers with %s of another tenant", name, x)
		}
		require.True(t, before == everything(t, a.s), "%s changed a row of another tenant", name)
	}
	intact(t, a.l)
	intact(t, b.l)
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// everything renders all rows of the log of a tenant.
func everything(t testing.TB, s storage.Store) string {
	var b bytes.Buffer
	for _, table := range append(auditTables, schema.AuditAlias) {
		for _, x := range rawTable(t, s, table).rows() {
			fmt.Fprintf(&b, "%s %x\n", table.Name, []any(x))
		}
	}
	return b.String()
}
