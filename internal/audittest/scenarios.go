package audittest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// attributes: an untouched log never fails, whatever was recorded, and gives back
// what it was given.
func attributes(t *testing.T, dir storage.Directory) {
	l := newLog(t, dir.Tenant("acme"), &audit.Options{Sealer: newVault()})
	ctx := audit.WithActor(t.Context(), "emp-1")
	want := []slog.Attr{
		slog.Time("ns", time.Unix(1, 1)), slog.Time("zero", time.Time{}), slog.Time("far", time.Unix(1<<40, 999999999)),
		slog.Uint64("big", 1<<63), slog.Uint64("max", math.MaxUint64), slog.Int64("min", math.MinInt64),
		slog.Float64("nan", math.NaN()), slog.Float64("-0", math.Copysign(0, -1)), slog.Float64("inf", math.Inf(-1)),
		gdpr.Clear("nul", "a\x00b\x1f\"\\\u2028<é>"), gdpr.Clear("bad", "\xff\xfe"), gdpr.Clear("empty", ""),
		slog.Any("nil", nil), slog.Any("nilBytes", []byte(nil)), slog.Bool("yes", true), slog.Duration("d", -1),
		slog.Group("g", slog.Int("a", 1), slog.Group("h", slog.Bool("b", false))), {},
	}
	require.NoError(t, l.Record(ctx, "x.y", "c-1", append(want, slog.Any("emptyBytes", []byte{}), slog.String("s", "\x00\xff"))...))
	require.Equal(t, uint64(2), intact(t, l).Size)
	for e, err := range l.Entries(ctx, audit.Filter{Subject: "c-1", Open: true}) {
		require.NoError(t, err)
		got := map[string]slog.Value{}
		for _, a := range e.Attrs {
			got[a.Key] = a.Value
		}
		require.True(t, got["ns"].Time().Equal(time.Unix(1, 1)))
		require.True(t, got["zero"].Time().IsZero())
		require.Equal(t, uint64(1<<63), got["big"].Uint64())
		require.Equal(t, int64(math.MinInt64), got["min"].Int64())
		require.True(t, math.IsNaN(got["nan"].Float64()))
		require.Equal(t, gdpr.ClearValue("\xff\xfe"), got["bad"].Any())
		require.Equal(t, gdpr.ClearValue("a\x00b\x1f\"\\\u2028<é>"), got["nul"].Any())
		require.Nil(t, got["nilBytes"].Any())
		require.Empty(t, got["emptyBytes"].Any().(gdpr.PersonalValue).Reveal())
		require.Equal(t, "\x00\xff", got["s"].Any().(gdpr.PersonalValue).Reveal())
		require.Equal(t, int64(1), got["g.a"].Int64())
		require.False(t, got["g.h.b"].Bool())
	}
	n := uint64(2)
	rapid.Check(t, func(r *rapid.T) {
		if n > 60 { // the store is the same for all draws
			return
		}
		var attrs []slog.Attr
		for i := range rapid.IntRange(0, 6).Draw(r, "n") {
			key := fmt.Sprint("k", i)
			switch rapid.IntRange(0, 5).Draw(r, "kind") {
			case 0:
				attrs = append(attrs, gdpr.Clear(key, string(rapid.SliceOf(rapid.Byte()).Draw(r, "b"))))
			case 1:
				attrs = append(attrs, slog.Uint64(key, rapid.Uint64().Draw(r, "u")))
			case 2:
				attrs = append(attrs, slog.Float64(key, rapid.Float64().Draw(r, "f")))
			case 3:
				attrs = append(attrs, slog.Time(key, time.Unix(rapid.Int64Range(-1<<40, 1<<40).Draw(r, "s"), rapid.Int64Range(0, 999999999).Draw(r, "ns"))))
			case 4:
				attrs = append(attrs, slog.Any(key, rapid.SliceOf(rapid.Byte()).Draw(r, "p")))
			default:
				attrs = append(attrs, gdpr.Personal(key, "c-2", rapid.String().Draw(r, "s")))
			}
		}
		require.NoError(r, l.Record(ctx, "x.y", "c-1", attrs...))
		n++
	})
	require.Equal(t, n, intact(t, l).Size)
}

func badInput(t *testing.T, dir storage.Directory) {
	ctx := t.Context()
	s := dir.Tenant("acme")
	l := newLog(t, s, nil)
	long := make([]byte, 70000)
	for i := range long {
		long[i] = 'a'
	}
	cases := map[string]struct {
		e    audit.Event
		want error
	}{
		"empty action":      {audit.Event{}, gdpr.ErrInvalid},
		"upper case":        {audit.Event{Action: "X"}, gdpr.ErrInvalid},
		"reserved":          {audit.Event{Action: "log.pruned"}, gdpr.ErrInvalid},
		"e-mail as subject": {audit.Event{Action: "x", Subject: "a@b.c"}, gdpr.ErrInvalid},
		"e-mail as actor":   {audit.Event{Action: "x", Actor: "a@b.c"}, gdpr.ErrInvalid},
		"channel":           {audit.Event{Action: "x", Attrs: []slog.Attr{slog.Any("a", make(chan int))}}, gdpr.ErrInvalid},
		"error":             {audit.Event{Action: "x", Attrs: []slog.Attr{slog.Any("a", errors.New("x"))}}, gdpr.ErrInvalid},
		"secret":            {audit.Event{Action: "x", Attrs: []slog.Attr{slog.Any("a", secret)}}, gdpr.ErrInvalid},
		"bad key":           {audit.Event{Action: "x", Attrs: []slog.Attr{slog.Int("a b", 1)}}, gdpr.ErrInvalid},
		"twice":             {audit.Event{Action: "x", Attrs: []slog.Attr{slog.Int("a", 1), slog.Int("a", 1)}}, gdpr.ErrInvalid},
		"no subject":        {audit.Event{Action: "x", Attrs: []slog.Attr{slog.String("a", "x")}}, gdpr.ErrUnsealed},
		"no sealer":         {audit.Event{Action: "x", Subject: "c", Attrs: []slog.Attr{slog.String("a", "x")}}, gdpr.ErrUnsealed},
		"before 1970":       {audit.Event{Action: "x", At: time.Unix(-1, 0)}, gdpr.ErrInvalid},
		"too long":          {audit.Event{Action: "x", Attrs: []slog.Attr{gdpr.Clear("a", string(long))}}, gdpr.ErrInvalid},
	}
	for name, c := range cases {
		_, err := l.Append(ctx, audit.Event{Action: "fine"}, c.e)
		require.ErrorIs(t, err, c.want, name)
	}
	for e, err := range l.Entries(ctx, audit.Filter{Action: "fine"}) {
		t.Fatal("half written", e, err)
	}
	require.NoError(t, l.Record(ctx, "x", ""))
	_, err := l.Append(ctx, audit.Event{Action: "x", At: time.Now().Add(-6 * time.Minute)})
	require.ErrorIs(t, err, audit.ErrClock)
	require.ErrorIs(t, newLog(t, dir.Tenant(""), nil).Record(ctx, "x", ""), gdpr.ErrInvalid)
	_, err = audit.New(s, &audit.Options{Origin: "a b"})
	require.ErrorIs(t, err, gdpr.ErrInvalid)
	_, err = l.Checkpoint(ctx)
	require.ErrorIs(t, err, audit.ErrNoSigner)
	other := new(anchor) // the checkpoint of another log
	strange := newLog(t, dir.Tenant("other"), signed(other))
	_, err = strange.Checkpoint(ctx)
	require.NoError(t, err)
	b := &anchor{}
	mine := newLog(t, s, signed(b))
	_, err = mine.Checkpoint(ctx)
	require.NoError(t, err)
	for name := range b.m {
		b.m[name] = other.only()
	}
	_, err = mine.Verify(ctx)
	require.ErrorIs(t, err, audit.ErrRolledBack)
	_, err = mine.Checkpoint(ctx)
	require.ErrorIs(t, err, audit.ErrRolledBack)
}

func idempotency(t *testing.T, dir storage.Directory) {
	ctx := t.Context()
	l := newLog(t, dir.Tenant("acme"), &audit.Options{Secret: secret, Sealer: newVault()})
	e := audit.Event{Action: "x", Subject: "c-1", Key: "k1", Attrs: []slog.Attr{slog.String("s", "v")}}
	first, err := l.Append(ctx, e)
	require.NoError(t, err)
	again, err := l.Append(ctx, e, audit.Event{Action: "y", Key: "k2"}, audit.Event{Action: "z"})
	require.NoError(t, err)
	require.Equal(t, first[0], again[0])
	e.Action = "other"
	_, err = l.Append(ctx, e)
	require.ErrorIs(t, err, storage.ErrKeyReuse)
	require.Equal(t, uint64(4), intact(t, l).Size)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			r, err := l.Append(ctx, audit.Event{Action: "y", Key: "k2"})
			require.NoError(t, err)
			require.Equal(t, again[1], r[0])
		})
	}
	wg.Wait()
	require.Equal(t, uint64(4), intact(t, l).Size)
}

func rollback(t *testing.T, dir storage.Directory) {
	ctx := t.Context()
	s := dir.Tenant("acme")
	l := newLog(t, s, nil)
	boom := errors.New("boom")
	err := s.InTx(ctx, func(ctx context.Context) error {
		require.NoError(t, l.Record(ctx, "never", "c-1"))
		return boom
	})
	require.ErrorIs(t, err, boom)
	require.NoError(t, s.InTx(ctx, func(ctx context.Context) error {
		require.NoError(t, l.Record(ctx, "a", "c-1"))
		_, err := l.Append(ctx, audit.Event{Action: "b"}, audit.Event{Action: "c"})
		return err
	}))
	require.ErrorIs(t, s.InTx(ctx, func(ctx context.Context) error { _, err := l.Sealed(ctx); return err }), storage.ErrInTx)
	require.NoError(t, l.Record(ctx, "d", "c-1"))
	intact(t, l)
	var got []string
	for e, err := range l.Entries(ctx, audit.Filter{First: 1}) {
		require.NoError(t, err)
		got = append(got, e.Action)
	}
	require.Equal(t, []string{"a", "b", "c", "d"}, got)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	require.Error(t, l.Record(cancelled, "never", ""))
	require.Equal(t, uint64(5), intact(t, l).Size)
}

func tenants(t *testing.T, dir storage.Directory) {
	ctx := t.Context()
	a, b := newLog(t, dir.Tenant("tenant-a"), signed(new(anchor))), newLog(t, dir.Tenant("tenant-b"), signed(new(anchor)))
	for i := range 30 {
		require.NoError(t, a.Record(ctx, "x", "c-1", slog.Int("i", i)))
	}
	_, err := b.Verify(ctx)
	require.ErrorIs(t, err, audit.ErrNoLog)
	for e, err := range b.Entries(ctx, audit.Filter{Subject: "c-1"}) {
		t.Fatal("crossed", e, err)
	}
	require.NoError(t, b.Record(ctx, "y", "c-1"))
	_, err = b.Append(ctx, audit.Event{Action: "y", Key: "same"})
	require.NoError(t, err)
	_, err = a.Append(ctx, audit.Event{Action: "x", Key: "same"})
	require.NoError(t, err)
	ca, err := a.Checkpoint(ctx)
	require.NoError(t, err)
	cb, err := b.Checkpoint(ctx)
	require.NoError(t, err)
	require.NotEqual(t, ca.Origin, cb.Origin)
	require.NotContains(t, string(ca.Note), "tenant-a")
	n, kept, err := b.Forget(ctx, "c-1", "erasure", time.Time{})
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, 1, kept)
	count := 0
	for _, err := range a.Entries(ctx, audit.Filter{Subject: "c-1"}) {
		require.NoError(t, err)
		count++
	}
	require.Equal(t, 30, count)
	intact(t, a)
	intact(t, b)
}

// writers: concurrent appends inside and outside of transactions all arrive, each
// once.
func writers(t *testing.T, dir storage.Directory) {
	ctx := t.Context()
	s := dir.Tenant("acme")
	l, l2 := newLog(t, s, nil), newLog(t, s, nil) // two processes' worth of state
	require.NoError(t, l.Open(ctx))
	const writers, each = 16, 12
	var wg sync.WaitGroup
	for w := range writers {
		log := l
		if w%2 == 0 {
			log = l2
		}
		wg.Go(func() {
			for i := range each {
				err := error(nil)
				if i%3 == 0 {
					err = s.InTx(ctx, func(ctx context.Context) error { return log.Record(ctx, "in", "", slog.Int("w", w), slog.Int("i", i)) })
				} else {
					err = log.Record(ctx, "out", "", slog.Int("w", w), slog.Int("i", i))
				}
				require.NoError(t, err)
			}
		})
	}
	wg.Wait()
	r := intact(t, l)
	require.Equal(t, uint64(writers*each+1), r.Size)
	seen := map[[2]int64]bool{}
	last := map[int64]int64{}
	for e, err := range l.Entries(ctx, audit.Filter{First: 1}) {
		require.NoError(t, err)
		w, i := e.Attrs[0].Value.Int64(), e.Attrs[1].Value.Int64()
		require.False(t, seen[[2]int64{w, i}])
		seen[[2]int64{w, i}] = true
		require.GreaterOrEqual(t, i, last[w], "a writer's entries are in its order")
		last[w] = i
	}
	require.Len(t, seen, writers*each)
}

func entries(t *testing.T, dir storage.Directory) {
	ctx := t.Context()
	now := time.UnixMicro(1_790_000_000_000_000).UTC()
	l := newLog(t, dir.Tenant("acme"), &audit.Options{Now: func() time.Time { return now }, Sealer: newVault()})
	for i := range 40 {
		now = now.Add(time.Minute)
		e := audit.Event{Action: []string{"a", "b"}[i%2], Subject: fmt.Sprint("c-", i%3), Actor: fmt.Sprint("emp-", i%2)}
		if i%5 == 0 {
			e.Subjects = []string{"c-9"}
		}
		_, err := l.Append(ctx, e)
		require.NoError(t, err)
	}
	intact(t, l)
	count := func(f audit.Filter) (n int, idx []uint64) {
		for e, err := range l.Entries(ctx, f) {
			require.NoError(t, err)
			n++
			idx = append(idx, e.Index)
		}
		return n, idx
	}
	for _, c := range []struct {
		f    audit.Filter
		want int
	}{
		{audit.Filter{}, 41}, {audit.Filter{Action: "a"}, 20}, {audit.Filter{Subject: "c-1"}, 13},
		{audit.Filter{Subject: "c-9"}, 8}, {audit.Filter{Actor: "emp-1"}, 20}, {audit.Filter{Actor: "nobody"}, 0},
		{audit.Filter{Subject: "c-9", Action: "a"}, 4}, {audit.Filter{From: now.Add(-time.Minute)}, 2},
		{audit.Filter{To: now, Limit: 5, Newest: true}, 5}, {audit.Filter{First: 40}, 1}, {audit.Filter{Subject: "none"}, 0},
	} {
		n, _ := count(c.f)
		require.Equal(t, c.want, n, "%+v", c.f)
	}
	_, idx := count(audit.Filter{Subject: "c-9", Newest: true, Limit: 3})
	require.Equal(t, []uint64{36, 31, 26}, idx)
	denied := newLog(t, dir.Tenant("acme"), &audit.Options{Guard: deny{}})
	for _, err := range denied.Entries(ctx, audit.Filter{}) {
		require.ErrorIs(t, err, gdpr.ErrDenied)
	}
	_, err := denied.Verify(ctx)
	require.ErrorIs(t, err, gdpr.ErrDenied)
}

type deny struct{}

func (deny) Allow(context.Context, string, string, ...slog.Attr) error { return errors.New("not you") }

// staged: a forged row is refused, kept for inspection and told of; a dropped one
// is found by Reconcile only.
func staged(t *testing.T, dir storage.Directory) {
	ctx := t.Context()
	s := dir.Tenant("acme")
	l := newLog(t, s, &audit.Options{Secret: secret, SealEvery: time.Hour})
	require.NoError(t, l.Record(ctx, "x", ""))
	if s.Traits().SealInside {
		n, _, err := l.Pending(ctx)
		require.NoError(t, err)
		require.Zero(t, n)
		return
	}
	var receipts []audit.Receipt
	for range 4 {
		require.NoError(t, s.InTx(ctx, func(ctx context.Context) error {
			r, err := l.Append(ctx, audit.Event{Action: "y"})
			receipts = append(receipts, r...)
			return err
		}))
	}
	n, _, err := l.Pending(ctx)
	require.NoError(t, err)
	require.Equal(t, 4, n)
	r, err := l.Verify(ctx)
	require.NoError(t, err)
	require.Equal(t, 4, r.Pending)
	st := rawTable(t, s, schema.AuditStage)
	rows := st.rows()
	forged := rows[1].clone()
	leaf := forged[st.index("leaf")].([]byte)
	leaf[len(leaf)-50] ^= 1
	require.NoError(t, st.swap([]row{rows[1], rows[3]}, []row{forged}))
	_, err = l.Verify(ctx)
	require.ErrorIs(t, err, audit.ErrTampered)
	r = intact(t, l)
	require.Equal(t, 1, r.SetAside)
	require.Equal(t, uint64(2+2+1), r.Size) // opened, x; two of y; log.row_rejected
	var rules []string
	for d, err := range l.Reconcile(ctx, seqOf(receipts)) {
		require.NoError(t, err)
		rules = append(rules, d.Rule)
	}
	require.ElementsMatch(t, []string{"another entry has this id", "missing"}, rules) // forged, dropped
	// A row that is in the log already comes back.
	require.NoError(t, st.swap(nil, []row{rows[0]}))
	require.NoError(t, l.Record(ctx, "z", ""))
	require.Equal(t, uint64(6), intact(t, l).Size)
}
