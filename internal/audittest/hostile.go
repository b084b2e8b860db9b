package audittest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
	"github.com/stretchr/testify/require"
)

// Hostile plays an insider who can write the database and knows this code, but does
// not have the signing key and does not reach the anchor.
func Hostile(t *testing.T, open func(t *testing.T) storage.Directory) {
	t.Run("OldTiles", func(t *testing.T) { oldTiles(t, open(t)) })
	t.Run("ForgedPrune", func(t *testing.T) { forgedPrune(t, open(t)) })
	t.Run("ForgedReopen", func(t *testing.T) { forgedReopen(t, open(t)) })
	t.Run("ClosedLog", func(t *testing.T) { closedLog(t, open(t)) })
	t.Run("ForgedRedaction", func(t *testing.T) { forgedRedaction(t, open(t)) })
	t.Run("ClosedRedaction", func(t *testing.T) { closedRedaction(t, open(t)) })
	t.Run("ClosedPrune", func(t *testing.T) { closedPrune(t, open(t)) })
	t.Run("AliasesAreBelieved", func(t *testing.T) { aliasesAreBelieved(t, open(t)) })
	t.Run("KeyHolder", func(t *testing.T) { keyHolder(t, open(t)) })
	t.Run("ForgedWithoutSecret", func(t *testing.T) { forgedWithoutSecret(t, open(t)) })
}

// keyHolder: with the signing key all that lies inside is made anew; only what was
// taken outside contradicts it.
func keyHolder(t *testing.T, dir storage.Directory) {
	a := new(anchor)
	s := dir.Tenant("acme")
	v := newVictim(t, s, a, true, 60)
	v.recompute(20, v.n)
	c := rawTable(t, s, schema.AuditCheckpoint)
	require.NoError(t, c.swap(c.rows(), nil))
	o := signed(nil)
	o.Anchor = nil
	inside := newLog(t, s, o)
	_, err := inside.Checkpoint(t.Context())
	require.NoError(t, err)
	intact(t, inside)
	_, err = v.l.Verify(t.Context())
	require.ErrorIs(t, err, audit.ErrRolledBack)
}

// forgedWithoutSecret: without Options.Secret anybody can make a staged row.
func forgedWithoutSecret(t *testing.T, dir storage.Directory) {
	ctx := t.Context()
	s := dir.Tenant("acme")
	if s.Traits().SealInside {
		t.Skip("nothing is staged")
	}
	l := newLog(t, s, &audit.Options{SealEvery: time.Hour})
	require.NoError(t, l.Record(ctx, "x", ""))
	require.NoError(t, s.InTx(ctx, func(ctx context.Context) error { return l.Record(ctx, "y", "", slog.Int("i", 1)) }))
	st := rawTable(t, s, schema.AuditStage)
	old := st.rows()
	forged := old[0].clone()
	leaf := forged[st.index("leaf")].([]byte)
	forge(t, leaf)
	hash := merkle.Leaf(leaf)
	m := hmac.New(sha256.New, nil)
	m.Write([]byte("gdprkit/audit/stage/v1\x00"))
	m.Write(leaf[len(`{"v":1,"log":"`):][:32])
	m.Write(hash[:])
	forged[st.index("mac")] = m.Sum(nil)[:16]
	require.NoError(t, st.swap(old, []row{forged}))
	require.Zero(t, intact(t, l).SetAside)
}

// oldTiles: history is rewritten, but the tiles still prove the old one, so that the
// log's own next checkpoint would seem to extend the outside one.
func oldTiles(t *testing.T, dir storage.Directory) {
	a := new(anchor)
	v := newVictim(t, dir.Tenant("acme"), a, true, 300)
	kept := bytes.Clone(a.only())
	v.add(300)
	v.n = int(intact(t, v.l).Size)
	v.recompute(40, v.n)
	_, err := v.l.Checkpoint(t.Context())
	require.ErrorIs(t, err, audit.ErrRolledBack)
	require.Equal(t, kept, a.only())
	v.isFound("rewritten with the old tiles")
}

// forgedPrune: everything below a forged log.pruned is replaced, beyond what the
// outside checkpoint covers.
func forgedPrune(t *testing.T, dir storage.Directory) {
	a := new(anchor)
	s := dir.Tenant("acme")
	v := newVictim(t, s, a, true, 300)
	v.add(300)
	v.n = int(intact(t, v.l).Size)
	const upTo = 512
	h, e, tl := rawTable(t, s, schema.AuditHead), rawTable(t, s, schema.AuditEntry), rawTable(t, s, schema.AuditTile)
	head := h.rows()[0]
	var tree merkle.Frontier
	roots := []byte{}
	for i := range byte(upTo / 256) {
		root := merkle.Leaf([]byte{i})
		tree.AppendNode(8, root)
		roots = append(roots, root[:]...)
	}
	prunedRoot, base := tree.Root(), merkle.Leaf([]byte("base"))
	for _, x := range tl.rows() {
		if x[tl.index("level")].(int64) == 0 {
			require.NoError(t, tl.swap([]row{x}, nil))
			continue
		}
		y := x.clone()
		y[tl.index("hashes")] = roots
		require.NoError(t, tl.swap([]row{x}, []row{y}))
	}
	rows := e.rows()
	chain := base
	add := func(x row, hash merkle.Hash) row {
		chain = sha256.Sum256(append(bytes.Clone(chain[:]), hash[:]...))
		tree.Append(hash)
		y, c := x.clone(), chain
		y[e.index("hash")], y[e.index("chain")] = hash[:], c[:]
		return y
	}
	var left []row
	for _, x := range rows[upTo:] {
		left = append(left, add(x, merkle.Hash(x[e.index("hash")].([]byte))))
	}
	x := rows[len(rows)-1].clone()
	at, id := x[e.index("at")].(int64), ids.New()
	b64 := base64.RawURLEncoding.EncodeToString
	origin := head[h.index("origin")].(string)
	leaf := fmt.Appendf(nil, `{"v":1,"log":"%s","id":"%s","salt":"%s","at":%d,"by":"","act":"log.pruned","sub":[],"attr":[["upTo","i","%d"],["root","r","%s"],["chain","r","%s"],["checkpoint","s","x"],["keys","s","%s"],["policy","s","p"]]}`,
		origin[strings.LastIndexByte(origin, '/')+1:], id, b64(make([]byte, 16)), at, upTo, b64(prunedRoot[:]), b64(base[:]),
		strings.ReplaceAll(head[h.index("keys")].(string), "\n", `\n`))
	x[e.index("seq")], x[e.index("id")], x[e.index("leaf")] = int64(len(rows)), id[:], leaf
	x[e.index("actor")], x[e.index("action")], x[e.index("sub")] = "", "log.pruned", ""
	left = append(left, add(x, merkle.Leaf(leaf)))
	require.NoError(t, e.swap(rows, left))
	for _, table := range []*storage.Table{schema.AuditCheckpoint, schema.AuditRedaction, schema.AuditSubject} {
		r := rawTable(t, s, table)
		var below []row
		for _, x := range r.rows() {
			if x[1].(int64) < upTo {
				below = append(below, x)
			}
		}
		require.NoError(t, r.swap(below, nil))
	}
	next := head.clone()
	root := tree.Root()
	next[h.index("size")], next[h.index("root")], next[h.index("frontier")] = int64(tree.Size()), root[:], tree.Bytes()
	next[h.index("chain")], next[h.index("pruned")], next[h.index("base")] = chain[:], int64(upTo), base[:]
	next[h.index("mark")] = int64(0)
	require.NoError(t, h.swap([]row{head}, []row{next}))

	blind := newLog(t, s, nil)
	_, err := blind.Verify(t.Context())
	require.NotErrorIs(t, err, audit.ErrRolledBack)
	require.ErrorContains(t, err, "idempotency key", "nothing else to compare with: the forgery is perfect")
	k := rawTable(t, s, schema.AuditKey)
	keys := k.rows()
	require.NoError(t, k.swap(keys, nil))
	_, err = blind.Verify(t.Context())
	require.NoError(t, err)
	require.NoError(t, k.swap(nil, keys))
	_, err = newLog(t, s, &audit.Options{Secret: secret}).Verify(t.Context())
	require.ErrorIs(t, err, audit.ErrTampered, "the secret tells")
	v.isFound("the secret tells")
	o := signed(a)
	o.Secret = gdpr.Secret{}
	_, err = newLog(t, s, o).Verify(t.Context())
	require.ErrorIs(t, err, audit.ErrRolledBack, "and so does the outside checkpoint")
	_, err = v.l.Checkpoint(t.Context())
	require.ErrorIs(t, err, audit.ErrRolledBack)
}

// forgedReopen: a new log takes the place of the old one and says that this was a
// Reopen. Only a checkpoint by the key, in the anchor, would make it one.
func forgedReopen(t *testing.T, dir storage.Directory) {
	ctx := t.Context()
	a := new(anchor)
	s := dir.Tenant("acme")
	v := newVictim(t, s, a, true, 40)
	copied := &anchor{m: map[string][]byte{}}
	for name, c := range a.m {
		copied.m[name] = bytes.Clone(c)
	}
	keyless := newLog(t, s, &audit.Options{Secret: secret, Anchor: copied})
	require.ErrorIs(t, keyless.Reopen(ctx, "restored"), audit.ErrNoSigner)
	restore(t, s, map[*storage.Table][]row{})
	evil := newLog(t, s, &audit.Options{Secret: secret, Signer: Key("evil"), Anchor: copied})
	require.NoError(t, evil.Reopen(ctx, "restored"))
	intact(t, evil)
	for _, l := range []*audit.Log{v.l, newLog(t, s, signed(a))} {
		_, err := l.Verify(ctx)
		require.ErrorIs(t, err, audit.ErrRolledBack)
		_, err = l.Checkpoint(ctx)
		require.ErrorIs(t, err, audit.ErrRolledBack)
	}
}

// closedLog: what Reopen closed is still watched.
func closedLog(t *testing.T, dir storage.Directory) {
	s := dir.Tenant("acme")
	v := newVictim(t, s, nil, true, 60)
	require.NoError(t, v.l.Reopen(t.Context(), "test"))
	require.NoError(t, v.l.Record(t.Context(), "x", ""))
	require.Equal(t, uint64(v.n), intact(t, v.l).Closed)
	e, h := rawTable(t, s, schema.AuditEntry), rawTable(t, s, schema.AuditHead)
	old := dump(t, s)
	rows := e.rows()
	for _, i := range []int{0, 9, v.n - 1} {
		v.remove(e, rows[i:i+1], "closed entry removed")
		for c := range rows[i] {
			v.flipColumn(e, rows[i], c, false, i)
		}
	}
	heads := h.rows()
	require.Len(t, heads, 2)
	v.remove(h, heads[1:], "head of the closed log removed")
	// All of it recomputed: its root no longer is the one that the next log names.
	forged := make([]row, v.n)
	var tree merkle.Frontier
	var chain merkle.Hash
	for i, x := range rows[:v.n] {
		y := x.clone()
		hash := merkle.Hash(y[e.index("hash")].([]byte))
		if i == v.n-2 { // above the newest checkpoint
			leaf := y[e.index("leaf")].([]byte)
			forge(t, leaf)
			hash = merkle.Leaf(leaf)
		}
		tree.Append(hash)
		if chain = hash; i > 0 {
			prev := forged[i-1][e.index("chain")].([]byte)
			chain = sha256.Sum256(append(bytes.Clone(prev), hash[:]...))
		}
		c := chain
		y[e.index("hash")], y[e.index("chain")] = hash[:], c[:]
		forged[i] = y
	}
	require.NoError(t, e.swap(rows[:v.n], forged))
	next := heads[1].clone()
	root := tree.Root()
	next[h.index("root")], next[h.index("chain")], next[h.index("frontier")] = root[:], chain[:], tree.Bytes()
	require.NoError(t, h.swap(heads[1:], []row{next}))
	v.isFound("closed log recomputed")
	restore(t, s, old)
	v.isNotFound("restored")
}

// racing: a payload that is dropped while Verify reads is no finding.
func racing(t *testing.T, dir storage.Directory) {
	ctx, cancel := context.WithCancel(t.Context())
	l := newLog(t, dir.Tenant("acme"), nil)
	_, err := l.Append(ctx, batch(400)...)
	require.NoError(t, err)
	intact(t, l)
	done := make(chan error, 1)
	go func() {
		for i := 1; i <= 400; i++ {
			if ctx.Err() != nil {
				break
			}
			if err := l.Redact(t.Context(), uint64(i), "test"); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for range 5 {
		_, err := l.Verify(t.Context())
		require.NoError(t, err)
	}
	cancel()
	require.NoError(t, <-done)
	intact(t, l)
}

// aliasesAreBelieved: without a Tokeniser, whose entries are whose stands in a table
// that no hash covers.
func aliasesAreBelieved(t *testing.T, dir storage.Directory) {
	s := dir.Tenant("acme")
	l := newLog(t, s, nil)
	require.NoError(t, l.Record(t.Context(), "x", "c-1"))
	r := rawTable(t, s, schema.AuditAlias)
	require.NoError(t, r.swap(r.rows(), nil))
	intact(t, l)
	for e, err := range newLog(t, s, nil).Entries(t.Context(), audit.Filter{Subject: "c-1"}) {
		t.Fatal("found without its alias", e, err)
	}
}
