package audittest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"math/bits"
	"testing"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
	"github.com/stretchr/testify/require"
)

// victim is a log of about 200 entries with something in every table.
type victim struct {
	t testing.TB
	s storage.Store
	l *audit.Log
	a *anchor
	n int // entries

	tried, refused int // alterations, and those that the store itself refused
}

func newVictim(t *testing.T, s storage.Store, a *anchor, sign bool, n int) *victim {
	o := &audit.Options{Secret: secret, Sealer: newVault()}
	if a != nil {
		o.Anchor = a
	}
	if sign {
		o.Signer = Key("a")
	}
	v := &victim{t: t, s: s, l: newLog(t, s, o), a: a}
	v.add(n / 2)
	if sign {
		v.checkpoint()
	}
	require.NoError(t, v.l.Redact(t.Context(), 7, "test"))
	v.add(n - n/2 - 6)
	if sign {
		v.checkpoint()
		v.add(3)
	}
	v.n = int(intact(t, v.l).Size)
	return v
}

func (v *victim) add(n int) {
	events := make([]audit.Event, n)
	for i := range events {
		events[i] = audit.Event{
			Action: "deal.changed", Subject: fmt.Sprintf("c-%d", i%7), Actor: "emp-1",
			Attrs: []slog.Attr{slog.Int("i", i), gdpr.Clear("why", "test"), slog.String("note", "secret")},
		}
		if i%10 == 3 {
			events[i].Subjects = []string{"c-8", "c-9"}
		}
	}
	events[0].Key = fmt.Sprint("key", v.n, n)
	_, err := v.l.Append(v.t.Context(), events...)
	require.NoError(v.t, err)
	_, err = v.l.Sealed(v.t.Context())
	require.NoError(v.t, err)
}

func (v *victim) checkpoint() {
	_, err := v.l.Checkpoint(v.t.Context())
	require.NoError(v.t, err)
}

func (v *victim) isFound(what string) {
	v.t.Helper()
	_, err := v.l.Verify(v.t.Context())
	require.ErrorIs(v.t, err, audit.ErrTampered, what)
}

func (v *victim) isNotFound(what string) {
	v.t.Helper()
	_, err := v.l.Verify(v.t.Context())
	if what == "emptied" { // as if it had never been opened
		require.ErrorIs(v.t, err, audit.ErrNoLog)
		err = nil
	}
	require.NoError(v.t, err, what)
}

// Detectable runs the table "what is found" of package audit cell by cell.
func Detectable(t *testing.T, open func(t *testing.T) storage.Directory) {
	t.Run("Flip", func(t *testing.T) { flip(t, open(t)) })
	t.Run("FlipTiles", func(t *testing.T) { flipTiles(t, open(t)) })
	for i, sign := range []bool{false, true, true} {
		var a *anchor
		if i == 2 {
			a = new(anchor)
		}
		name := []string{"NothingOutside", "SignedInside", "Outside"}[i]
		t.Run(name, func(t *testing.T) { attacks(t, open(t), sign, a) })
	}
}

// flip changes every byte of every column of every table in turn; without
// GDPRKIT_LONG every byte of some rows and a byte of every column of the others.
func flip(t *testing.T, dir storage.Directory) {
	v := newVictim(t, dir.Tenant("acme"), nil, true, 200)
	every := 67
	if !v.s.Traits().SealInside || v.s.Traits().Durable {
		every = 199 // each Verify costs round trips
	}
	for _, table := range auditTables {
		r := rawTable(t, v.s, table)
		for i, x := range r.rows() {
			some := i%every == 1 || len(r.table.Columns) > 10 || table == schema.AuditHead
			if every == 199 && !some && i%25 != 0 {
				continue
			}
			for c := range x {
				v.flipColumn(r, x, c, Long() || some && every == 67, i)
			}
		}
	}
	t.Logf("%d alterations, %d refused by the store, the others found", v.tried, v.refused)
	require.Greater(t, v.tried, 150)
	require.Less(t, v.refused, v.tried/4)
	v.isNotFound("after all")
}

func (v *victim) flipColumn(r *raw, x row, c int, all bool, i int) {
	n := 8
	switch y := x[c].(type) {
	case string:
		n = len(y)
	case []byte:
		n = len(y)
	case nil:
		n = 0
	}
	for k := range n {
		if !all && k != (i*7+c)%n {
			continue
		}
		y := x.clone()
		switch old := y[c].(type) {
		case int64:
			y[c] = old ^ 1<<(8*k)
		case string:
			b := []byte(old)
			b[k] ^= 1
			y[c] = string(b)
		case []byte:
			old[k] ^= 1
		}
		v.try(r, x, y, fmt.Sprintf("%s.%s row %d byte %d", r.table.Name, r.table.Columns[c].Name, i, k))
	}
	if b, ok := x[c].([]byte); ok && len(b) > 0 { // emptied, or dropped
		y := x.clone()
		y[c] = []byte{}
		v.try(r, x, y, r.table.Name+"."+r.table.Columns[c].Name+" emptied")
	}
}

// try replaces a row, demands that it is found, and puts it back.
func (v *victim) try(r *raw, old, new row, what string) {
	v.t.Helper()
	v.tried++
	if err := r.swap([]row{old}, []row{new}); err != nil {
		v.refused++
		return
	}
	v.isFound(what)
	require.NoError(v.t, r.swap([]row{new}, []row{old}))
}

func flipTiles(t *testing.T, dir storage.Directory) {
	v := newVictim(t, dir.Tenant("acme"), nil, false, 1100)
	r := rawTable(t, v.s, schema.AuditTile)
	rows := r.rows()
	require.Len(t, rows, 5) // four of level 0, the partial one of level 1
	for i, x := range rows {
		for c := range x {
			v.flipColumn(r, x, c, false, i)
		}
		require.NoError(t, r.swap([]row{x}, nil))
		v.isFound("tile removed")
		require.NoError(t, r.swap(nil, []row{x}))
		extra := x.clone()
		extra[r.index("idx")] = int64(9)
		require.NoError(t, r.swap(nil, []row{extra}))
		v.isFound("tile inserted")
		require.NoError(t, r.swap([]row{extra}, nil))
	}
	v.isNotFound("after all")
}

// attacks runs the other rows of the table in one of its columns.
func attacks(t *testing.T, dir storage.Directory, sign bool, a *anchor) {
	v := newVictim(t, dir.Tenant("acme"), a, sign, 200)
	e := rawTable(t, v.s, schema.AuditEntry)
	rows := e.rows()
	require.Len(t, rows, v.n)
	step := 1
	if v.s.Traits().Durable && !Long() {
		step = 13
	}
	for i := 0; i < len(rows); i += step {
		v.remove(e, rows[i:i+1], "removed")
	}
	v.remove(e, rows[:5], "head cut")
	v.remove(e, rows[len(rows)-5:], "tail cut")
	v.remove(e, rows[60:90], "middle cut")
	v.remove(e, rows, "emptied without the head")
	for _, i := range []int{0, 7, 60, len(rows) - 1} {
		for c := range rows[i] {
			v.flipColumn(e, rows[i], c, false, i)
		}
	}
	v.swapEntries(e, rows[10], rows[20])
	v.insertEntry(e, rows[10])
	for _, table := range []*storage.Table{schema.AuditSubject, schema.AuditCheckpoint, schema.AuditRedaction, schema.AuditHead} {
		r := rawTable(t, v.s, table)
		for _, x := range r.rows() {
			if table != schema.AuditCheckpoint {
				v.remove(r, []row{x}, table.Name+" removed")
			}
		}
	}
	v.recomputed(sign, a)
	v.setBack(a)
}

func (v *victim) remove(r *raw, rows []row, what string) {
	v.t.Helper()
	require.NoError(v.t, r.swap(rows, nil))
	v.isFound(what)
	require.NoError(v.t, r.swap(nil, rows))
}

// swapEntries exchanges everything but the index.
func (v *victim) swapEntries(r *raw, x, y row) {
	seq := r.index("seq")
	a, b := y.clone(), x.clone()
	a[seq], b[seq] = x[seq], y[seq]
	require.NoError(v.t, r.swap([]row{x, y}, []row{a, b}))
	v.isFound("swapped")
	require.NoError(v.t, r.swap([]row{a, b}, []row{x, y}))
}

// insertEntry adds a row behind the last one.
func (v *victim) insertEntry(r *raw, x row) {
	for _, seq := range []int64{int64(v.n), int64(v.n) + 5, -1} {
		y := x.clone()
		y[r.index("seq")] = seq
		id := y[r.index("id")].([]byte)
		id[15] ^= 1
		require.NoError(v.t, r.swap(nil, []row{y}))
		v.isFound(fmt.Sprint("inserted at ", seq))
		require.NoError(v.t, r.swap([]row{y}, nil))
	}
}

// recomputed edits an entry below the signed sizes and recomputes every hash.
func (v *victim) recomputed(sign bool, a *anchor) {
	old := dump(v.t, v.s)
	v.recompute(40, v.n)
	switch {
	case a != nil:
		v.isFound("recomputed, outside checkpoint")
		_, err := v.l.Checkpoint(v.t.Context())
		require.ErrorIs(v.t, err, audit.ErrRolledBack)
	case sign:
		v.isFound("recomputed, signed inside")
	default:
		v.isNotFound("recomputed, nothing to compare with")
	}
	restore(v.t, v.s, old)
	if sign { // above the newest signed size nothing but the head speaks for it
		v.recompute(v.n-1, v.n)
		v.isNotFound("recomputed above the newest checkpoint")
		restore(v.t, v.s, old)
	}
	v.isNotFound("restored")
}

// setBack returns the database to an older checkpoint, then empties it.
func (v *victim) setBack(a *anchor) {
	old := dump(v.t, v.s)
	v.add(20)
	if a != nil {
		v.checkpoint()
	}
	restore(v.t, v.s, old)
	v.outsideOnly(a, "set back")
	restore(v.t, v.s, map[*storage.Table][]row{})
	v.outsideOnly(a, "emptied")
	if a == nil {
		return
	}
	fresh := newLog(v.t, v.s, signed(a)) // a process that starts on the emptied database
	require.ErrorIs(v.t, fresh.Record(v.t.Context(), "x", ""), audit.ErrRolledBack)
	require.NoError(v.t, fresh.Reopen(v.t.Context(), "restored"))
	require.NoError(v.t, fresh.Record(v.t.Context(), "x", ""))
	_, err := fresh.Checkpoint(v.t.Context())
	require.NoError(v.t, err)
	intact(v.t, fresh)
}

func (v *victim) outsideOnly(a *anchor, what string) {
	v.t.Helper()
	if a == nil {
		v.isNotFound(what)
		return
	}
	_, err := v.l.Verify(v.t.Context())
	require.ErrorIs(v.t, err, audit.ErrRolledBack, what)
	_, err = v.l.Checkpoint(v.t.Context())
	require.Error(v.t, err, what)
}

// recompute forges entry k and cuts the log at size n, as one who can write the
// database and reads this code would.
func (v *victim) recompute(k, n int) {
	r := rawTable(v.t, v.s, schema.AuditEntry)
	rows := r.rows()
	forged := make([]row, n)
	var tree merkle.Frontier
	var chain [32]byte
	for i := range n {
		x := rows[i].clone()
		hash := merkle.Hash(x[r.index("hash")].([]byte))
		if i == k {
			leaf := x[r.index("leaf")].([]byte)
			forge(v.t, leaf)
			hash = merkle.Leaf(leaf)
		}
		if i == 0 {
			chain = hash
		} else {
			chain = sha256.Sum256(append(chain[:], hash[:]...))
		}
		tree.Append(hash)
		c := chain
		x[r.index("hash")], x[r.index("chain")] = hash[:], c[:]
		forged[i] = x
	}
	require.NoError(v.t, r.swap(rows, forged))
	h := rawTable(v.t, v.s, schema.AuditHead)
	head := h.rows()[0]
	next := head.clone()
	root := tree.Root()
	next[h.index("root")], next[h.index("chain")] = root[:], chain[:]
	next[h.index("frontier")], next[h.index("size")] = tree.Bytes(), int64(n)
	require.Equal(v.t, bits.OnesCount64(uint64(n))*32, len(tree.Bytes()))
	require.NoError(v.t, h.swap([]row{head}, []row{next}))
}

// forge changes the value of attribute "i" in a leaf to another digit.
func forge(t testing.TB, leaf []byte) {
	const at = `["i","i","`
	for i := 0; i+len(at) < len(leaf); i++ {
		if string(leaf[i:i+len(at)]) == at {
			d := &leaf[i+len(at)]
			if *d++; *d > '9' {
				*d = '1'
			}
			return
		}
	}
	require.NoError(t, errors.New("no attribute to forge"))
}
