package retentiontest

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage"
)

// shredder notes in the store whose keys it destroyed.
type shredder struct {
	store storage.Store
	kept  []string
	fail  bool
}

func (s *shredder) Shred(ctx context.Context, subject string, keep ...string) error {
	s.kept = keep
	_, err := s.store.Apply(ctx, insertEntry.With(subject, "shredder", subject, "", "", "", ""))
	if err == nil && s.fail {
		return errSabotaged
	}
	return err
}

// The keys of a person go with the last record, not before, and not while something
// stands in the way; a failure is made good by the next execution.
func shredded(t *testing.T, dir storage.Directory) {
	var sh *shredder
	var stop string
	f := open(t, dir, Schedule, func(o *retention.Options) {
		sh = &shredder{store: o.Sources[0].(*Host).Store}
		o.Shredder = sh
		o.Stoppers = []retention.Stopper{retention.StopFunc(func(_ context.Context, subject, _ string) (bool, string, error) {
			return subject == stop, "A18-1-c", nil
		})}
	})
	gone := func() (subjects []string) {
		for _, action := range []string{"shredder", "retention.shredded"} {
			seen, err := f.audit.Entries(f.ctx, action)
			require.NoError(t, err)
			var now []string
			for _, s := range seen {
				now = append(now, s.Subject)
			}
			slices.Sort(now)
			if action == "retention.shredded" {
				require.Equal(t, subjects, now, "one entry each")
			}
			subjects = now
		}
		return subjects
	}
	old := func(id, subject string) Row {
		return Row{ID: id, Subject: subject, Issued: years(12), LastContact: years(11), Name: "canary"}
	}
	active := func(id, subject string) Row {
		return Row{ID: id, Subject: subject, Issued: years(1), LastContact: years(1)}
	}
	f.insert(old("1", "anna"), old("2", "anna"), old("3", "bob"), active("4", "bob"), old("5", "carl"), old("6", ""),
		old("7", "dora"), Row{ID: "8", Subject: "dora", Issued: years(5), LastContact: years(4)})
	hold := f.hold(retention.Hold{Subject: "carl", Category: "invoice", Record: "99"})
	require.Equal(t, 7, f.run().Handled)
	require.Equal(t, []string{"anna"}, gone(), "bob is a customer, a claim of carl is pending, an invoice of dora is kept")
	require.Equal(t, []string{"proof", "request", "statutory"}, sh.kept)
	kinds := func(subject string) (out string) {
		for text, err := range f.Export(f.ctx, subject) {
			require.NoError(t, err)
			var v map[string]any
			require.NoError(t, json.Unmarshal(text, &v))
			out += v["kind"].(string) + " "
		}
		return out
	}
	require.Equal(t, "hold departed ", kinds("carl"))

	require.NoError(t, f.Release(f.ctx, hold, "u", "settled"))
	stop = "carl"
	f.run()
	require.Equal(t, []string{"anna"}, gone(), "restricted")
	stop = ""
	sh.fail = true
	p, _ := f.plan()
	require.NoError(t, f.Approve(f.ctx, p.ID, p.Hash, "approver"))
	_, err := f.Execute(f.ctx, p.ID, nil)
	require.ErrorIs(t, err, errSabotaged)
	require.Equal(t, []string{"anna"}, gone(), "no entry without the act")
	sh.fail = false
	_, err = f.Execute(f.ctx, p.ID, nil)
	require.NoError(t, err, "the plan is done, the keys were not")
	require.Equal(t, []string{"anna", "carl"}, gone())

	f.at(free.AddDate(12, 0, 0))
	require.Equal(t, 2, f.run().Handled)
	require.Equal(t, []string{"anna", "bob", "carl", "dora"}, gone())
	require.Equal(t, "hold ", kinds("carl"), "a released one")
}

// unlisted hides what a host can.
type unlisted struct{ retention.Source }

func shredderNeedsLists(t *testing.T, dir storage.Directory) {
	f := open(t, dir, Plain, nil)
	f.opt.Sources = []retention.Source{unlisted{f.host}}
	_, err := retention.New(f.store, f.Schedule(), &f.opt)
	require.NoError(t, err)
	f.opt.Shredder = &shredder{}
	_, err = retention.New(f.store, f.Schedule(), &f.opt)
	require.ErrorIs(t, err, gdpr.ErrInvalid)
	require.ErrorContains(t, err, "Shredder")
}
