package audittest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
	"github.com/stretchr/testify/require"
)

// reopened is a log whose first two incarnations have 600 and 300 entries.
func reopened(t *testing.T, s storage.Store) *audit.Log {
	l := newLog(t, s, signed(new(anchor)))
	for _, size := range []uint64{600, 300} {
		upTo(t, l, size)
		require.NoError(t, l.Reopen(t.Context(), "restored"))
	}
	require.NoError(t, l.Record(t.Context(), "x", "c-1"))
	require.Equal(t, uint64(900), intact(t, l).Closed)
	return l
}

// rowsOf counts the rows of a log in each table.
func rowsOf(t *testing.T, s storage.Store, log int64) map[string]int {
	n := map[string]int{}
	for _, table := range auditTables {
		r := rawTable(t, s, table)
		if i := r.index("log"); i >= 0 {
			for _, x := range r.rows() {
				if x[i].(int64) == log {
					n[table.Name]++
				}
			}
		}
	}
	return n
}

// closedPruned: history is dropped from its oldest entry on, over closed logs too.
func closedPruned(t *testing.T, dir storage.Directory) {
	ctx := t.Context()
	s := dir.Tenant("acme")
	l := reopened(t, s)
	require.NoError(t, l.RedactIn(ctx, 1, 7, "test"))
	require.NoError(t, l.RedactIn(ctx, 1, 300, "test"))
	require.NoError(t, l.RedactIn(ctx, 2, 7, "test"))
	_, err := l.Prune(ctx, 1<<40, "policy")
	require.ErrorIs(t, err, audit.ErrNoAnchor)
	require.Equal(t, uint64(900), intact(t, l).Closed, "refused as a whole")
	n, err := l.PruneIn(ctx, 1, 300, "policy")
	require.NoError(t, err)
	require.Equal(t, uint64(256), n)
	require.Equal(t, uint64(900-256), intact(t, l).Closed)
	n, err = l.PruneIn(ctx, 1, 256, "policy")
	require.NoError(t, err)
	require.Equal(t, uint64(256), n, "nothing more")
	first := func() *audit.Entry {
		for e, err := range l.Entries(ctx, audit.Filter{}) {
			require.NoError(t, err)
			return e
		}
		return nil
	}
	e := first()
	require.Equal(t, []int{1, 256}, []int{e.Log, int(e.Index)})
	require.ErrorIs(t, l.RedactIn(ctx, 1, 7, "test"), audit.ErrNotFound)
	n, err = l.PruneIn(ctx, 1, 512, "policy")
	require.NoError(t, err)
	require.Equal(t, uint64(512), n)
	require.NoError(t, l.Reopen(ctx, "restored"), "what tells of it is closed now")
	require.Equal(t, uint64(88+300+7), intact(t, l).Closed)

	n, err = l.PruneIn(ctx, 1, 1<<40, "policy")
	require.NoError(t, err)
	require.Equal(t, uint64(600), n)
	require.Equal(t, map[string]int{"gdpr_audit_head": 1}, rowsOf(t, s, 1))
	require.Equal(t, uint64(300+7), intact(t, l).Closed)
	n, err = l.PruneIn(ctx, 2, 256, "policy")
	require.NoError(t, err)
	require.Equal(t, uint64(256), n)
	require.Empty(t, rowsOf(t, s, 1))
	_, err = l.PruneIn(ctx, 1, 1, "policy")
	require.ErrorIs(t, err, audit.ErrNotFound)
	e = first()
	require.Equal(t, []int{2, 256}, []int{e.Log, int(e.Index)})
	require.Equal(t, uint64(44+7), intact(t, l).Closed)

	_, err = l.Prune(ctx, 0, "policy")
	require.NoError(t, err)
	require.Equal(t, uint64(44+7), intact(t, l).Closed, "nothing was to be dropped")
	old := dump(t, s)
	n, err = l.Prune(ctx, 1, "policy")
	require.NoError(t, err)
	require.Zero(t, n)
	r := intact(t, l)
	require.Zero(t, r.Closed)
	require.Empty(t, rowsOf(t, s, 2))
	require.Equal(t, 4, first().Log)
	// Interrupted before the rows were deleted: they are no longer part of the log.
	e1, e2 := rawTable(t, s, schema.AuditEntry), rawTable(t, s, schema.AuditTile)
	for _, r := range []*raw{e1, e2} {
		for _, x := range old[r.table] {
			if x[0].(int64) < 4 {
				require.NoError(t, r.swap(nil, []row{x}))
			}
		}
	}
	require.Equal(t, 4, first().Log)
	intact(t, l)
	require.NoError(t, l.Housekeep(ctx))
	require.Empty(t, rowsOf(t, s, 2))
	require.Equal(t, map[string]int{"gdpr_audit_head": 1}, rowsOf(t, s, 3))
	upTo(t, l, 300)
	_, err = l.Prune(ctx, 256, "policy")
	require.NoError(t, err)
	require.Empty(t, rowsOf(t, s, 3))
	intact(t, l)

	bare := newLog(t, dir.Tenant("bare"), &audit.Options{Secret: secret})
	require.NoError(t, bare.Record(ctx, "x", ""))
	require.NoError(t, bare.Reopen(ctx, "test"))
	_, err = bare.PruneIn(ctx, 1, 2, "policy")
	require.ErrorIs(t, err, audit.ErrNoAnchor)
}

// closedBundle: a bundle is one of the present log and says so; what that says about
// closed logs does not confuse its reader.
func closedBundle(t *testing.T, dir storage.Directory) {
	ctx := t.Context()
	l := reopened(t, dir.Tenant("acme"))
	upTo(t, l, 300)
	require.NoError(t, l.RedactIn(ctx, 1, 7, "test"))
	require.NoError(t, l.Redact(ctx, 7, "test"))
	require.NoError(t, l.Redact(ctx, 290, "test"))
	require.NoError(t, l.RedactIn(ctx, 2, 290, "test"))
	c, err := l.Checkpoint(ctx)
	require.NoError(t, err)
	keys := []string{vkey(t, c.Origin, "a")}
	read := func(b audit.Bundle) *audit.BundleReport {
		var out bytes.Buffer
		c, err := l.WriteBundle(ctx, &out, b)
		require.NoError(t, err)
		r, err := audit.VerifyBundle(&out, keys, nil)
		require.NoError(t, err)
		require.Equal(t, c.Origin, r.Origin)
		return r
	}
	require.Equal(t, uint64(2), read(audit.Bundle{Kind: audit.KindLog}).Redacted)
	require.Equal(t, c.Size, read(audit.Bundle{Kind: audit.KindLog}).Count)
	present := uint64(0)
	for e, err := range l.Entries(ctx, audit.Filter{Subject: "c-1"}) {
		require.NoError(t, err)
		if !e.Closed {
			present++
		}
	}
	require.Equal(t, present, read(audit.Bundle{Kind: audit.KindSubject, Subject: "c-1"}).Count)
	_, err = l.PruneIn(ctx, 2, 1<<40, "policy")
	require.NoError(t, err)
	require.Equal(t, uint64(2), read(audit.Bundle{Kind: audit.KindLog}).Redacted)
	_, err = l.Prune(ctx, 256, "policy")
	require.NoError(t, err)
	require.Equal(t, uint64(1), read(audit.Bundle{Kind: audit.KindLog}).Redacted)
}

// named demands that Verify names a closed log, and the entry if that is not below 0.
func (v *victim) named(log, index int, what string) {
	v.t.Helper()
	_, err := v.l.Verify(v.t.Context())
	require.ErrorIs(v.t, err, audit.ErrTampered, what)
	var f *audit.Finding
	require.True(v.t, errors.As(err, &f))
	require.Equal(v.t, log, f.Log, "%s: %v", what, err)
	if index >= 0 {
		require.Equal(v.t, int64(index), f.Index, "%s: %v", what, err)
		require.Contains(v.t, err.Error(), fmt.Sprintf("closed log %d, entry %d", log, index))
	}
}

// closedRedaction: payloads of closed logs are gone with their log.redacted only.
func closedRedaction(t *testing.T, dir storage.Directory) {
	ctx := t.Context()
	s := dir.Tenant("acme")
	v := newVictim(t, s, new(anchor), true, 40)
	require.NoError(t, v.l.Reopen(ctx, "test"))
	v.add(10)
	for _, i := range []uint64{5, 10} {
		require.NoError(t, v.l.RedactIn(ctx, 1, i, "test"))
	}
	require.NoError(t, v.l.Redact(ctx, 3, "test"))
	r := intact(t, v.l)
	require.Equal(t, uint64(1), r.Redacted)
	old := dump(t, s)
	e, d, sub := rawTable(t, s, schema.AuditEntry), rawTable(t, s, schema.AuditRedaction), rawTable(t, s, schema.AuditSubject)
	drop := func(i int64) { // as RedactIn would, without its entry
		for _, x := range e.rows() {
			if x[0].(int64) == 1 && x[1].(int64) == i {
				y := x.clone()
				y[e.index("id")] = x[e.index("hash")].([]byte)[:16]
				y[e.index("at")], y[e.index("leaf")] = int64(0), nil
				y[e.index("actor")], y[e.index("action")], y[e.index("sub")] = "", "", ""
				require.NoError(t, e.swap([]row{x}, []row{y}))
			}
		}
		for _, x := range sub.rows() {
			if x[0].(int64) == 1 && x[1].(int64) == i {
				require.NoError(t, sub.swap([]row{x}, nil))
			}
		}
	}
	drop(12)
	v.named(1, 12, "without a word")
	for _, teller := range []int64{0, 1, 2, 3} {
		for entry := int64(-1); entry <= int64(r.Size); entry++ {
			forged := row{int64(1), int64(12), teller, entry}
			require.NoError(t, d.swap(nil, []row{forged}))
			v.named(1, 12, "with the word for another one")
			require.NoError(t, d.swap([]row{forged}, nil))
		}
	}
	restore(t, s, old)
	for i, x := range d.rows() {
		log := int(x[0].(int64))
		if log == 2 {
			log = 0
		}
		v.removed(d, x, log)
		for c := range x {
			v.flipColumn(d, x, c, false, i)
		}
	}
	for i, x := range e.rows() {
		if x[0].(int64) == 1 && (x[1].(int64) == 5 || x[1].(int64) == 10) {
			for c := range x {
				v.flipColumn(e, x, c, false, i)
			}
		}
	}
	v.isNotFound("restored")
}

// otherChain lets what is left of the first log begin with another value of the chain.
func (v *victim) otherChain(h, e *raw) {
	head := h.rows()[1]
	next := head.clone()
	chain := bytes.Repeat([]byte{1}, 32)
	next[h.index("base")] = bytes.Clone(chain)
	for _, x := range e.rows() {
		if x[0].(int64) == 1 {
			y := x.clone()
			sum := sha256.Sum256(append(chain, y[e.index("hash")].([]byte)...))
			chain = sum[:]
			y[e.index("chain")] = chain
			require.NoError(v.t, e.swap([]row{x}, []row{y}))
		}
	}
	next[h.index("chain")] = bytes.Clone(chain)
	require.NoError(v.t, h.swap([]row{head}, []row{next}))
	v.named(1, -1, "another chain")
}

// removed demands that the removal of a row is named.
func (v *victim) removed(r *raw, x row, log int) {
	v.t.Helper()
	require.NoError(v.t, r.swap([]row{x}, nil))
	if log > 0 {
		v.named(log, int(x[1].(int64)), "a row removed")
	} else {
		v.isFound("a row removed")
	}
	require.NoError(v.t, r.swap(nil, []row{x}))
}

// closedPrune: entries of closed logs are gone with their log.pruned only, and the
// heads that remain are those that it says.
func closedPrune(t *testing.T, dir storage.Directory) {
	ctx := t.Context()
	s := dir.Tenant("acme")
	v := &victim{t: t, s: s, l: reopened(t, s)}
	h, e := rawTable(t, s, schema.AuditHead), rawTable(t, s, schema.AuditEntry)
	before := dump(t, s)
	for _, upTo := range []uint64{300, 600} { // a part; the whole
		restore(t, s, before)
		n, err := v.l.PruneIn(ctx, 1, upTo, "policy")
		require.NoError(t, err)
		intact(t, v.l)
		after := dump(t, s)
		for i, x := range h.rows() {
			v.removed(h, x, 0)
			for c := range x {
				v.flipColumn(h, x, c, false, i)
			}
		}
		v.isNotFound("restored")
		v.otherChain(h, e)
		restore(t, s, after)
		// The same without its log.pruned.
		restore(t, s, before)
		pruned := after[schema.AuditHead][1]
		require.NoError(t, h.swap(h.rows()[1:2], []row{pruned}))
		v.named(1, int(n), "head moved without a word")
		restore(t, s, before)
		for _, x := range e.rows() {
			if x[0].(int64) == 1 && x[1].(int64) < int64(n) {
				require.NoError(t, e.swap([]row{x}, nil))
			}
		}
		v.named(1, 0, "rows deleted without a word")
	}
	restore(t, s, before)
	require.NoError(t, h.swap(h.rows()[1:2], nil))
	v.isFound("head of the oldest log removed")
	restore(t, s, before)
	extra := h.rows()[1].clone()
	extra[0] = int64(7)
	require.NoError(t, h.swap(nil, []row{extra}))
	v.isFound("head of no log")
}

// forgedRedaction: a payload below the outside checkpoint is dropped, and a log.redacted
// that says so forged above it. Only Options.Secret tells it from a real one.
func forgedRedaction(t *testing.T, dir storage.Directory) {
	for _, known := range []bool{true, false} {
		s := dir.Tenant(fmt.Sprint("secret-", known))
		o := signed(new(anchor))
		if !known {
			o.Secret = gdpr.Secret{}
		}
		v := &victim{t: t, s: s, l: newLog(t, s, o)}
		upTo(t, v.l, 40)
		e, d := rawTable(t, s, schema.AuditEntry), rawTable(t, s, schema.AuditRedaction)
		rows := e.rows()
		x := rows[12].clone()
		hash := x[e.index("hash")].([]byte)
		x[e.index("id")], x[e.index("at")], x[e.index("leaf")] = bytes.Clone(hash[:16]), int64(0), nil
		x[e.index("actor")], x[e.index("action")], x[e.index("sub")] = "", "", ""
		require.NoError(t, e.swap(rows[12:13], []row{x}))
		require.NoError(t, d.swap(nil, []row{{int64(1), int64(12), int64(1), int64(40)}}))
		sub := rawTable(t, s, schema.AuditSubject)
		for _, x := range sub.rows() {
			if x[1].(int64) == 12 {
				require.NoError(t, sub.swap([]row{x}, nil))
			}
		}
		v.isFound("without its entry")
		v.append(fmt.Sprintf(`"log.redacted","sub":[],"attr":[["seq","i","12"],["leafHash","r","%s"],["ground","s","test"],["unguarded","b",true]]}`,
			base64.RawURLEncoding.EncodeToString(hash)))
		if known {
			v.isFound("with a forged one")
		} else {
			v.isNotFound("with a forged one, without a secret")
		}
	}
}

// append forges an entry at the end of the log, from its action on.
func (v *victim) append(rest string) {
	e, h := rawTable(v.t, v.s, schema.AuditEntry), rawTable(v.t, v.s, schema.AuditHead)
	rows, heads := e.rows(), h.rows()
	last, next := rows[len(rows)-1].clone(), heads[0].clone()
	origin := next[h.index("origin")].(string)
	id := ids.New()
	leaf := fmt.Appendf(nil, `{"v":1,"log":"%s","id":"%s","salt":"%s","at":%d,"by":"","act":%s`,
		origin[len(origin)-32:], id, base64.RawURLEncoding.EncodeToString(make([]byte, 16)), last[e.index("at")], rest)
	hash := merkle.Leaf(leaf)
	chain := sha256.Sum256(append(last[e.index("chain")].([]byte), hash[:]...))
	tree, ok := merkle.ParseFrontier(uint64(len(rows)), next[h.index("frontier")].([]byte))
	require.True(v.t, ok)
	tree.Append(hash)
	root := tree.Root()
	act, _, _ := strings.Cut(rest[1:], `"`)
	last[e.index("seq")], last[e.index("id")], last[e.index("leaf")] = int64(len(rows)), id[:], leaf
	last[e.index("actor")], last[e.index("action")], last[e.index("sub")] = "", act, ""
	last[e.index("hash")], last[e.index("chain")] = hash[:], bytes.Clone(chain[:])
	require.NoError(v.t, e.swap(nil, []row{last}))
	next[h.index("size")], next[h.index("root")], next[h.index("chain")] = int64(tree.Size()), root[:], chain[:]
	next[h.index("frontier")] = tree.Bytes()
	require.NoError(v.t, h.swap(heads[:1], []row{next}))
}
