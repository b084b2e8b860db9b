package main

import (
	"crypto/sha256"
	"database/sql"
	"sync"
	"sync/atomic"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/audit/merkle"
)

// large is a log of a million entries, filled once for all cases that read it.
type large struct {
	log    *audit.Log
	tenant string
	size   int
}

var million struct {
	sync.Once
	large
	err error
}

// millionLog fills with two writers: while one commits, the other makes its leaves.
func (e *Env) millionLog() (*large, error) {
	m := &million
	m.Do(func() {
		store := e.Tenant()
		m.tenant, m.size = store.Scope(), e.Rows(1_000_000)
		if m.log, m.err = audit.New(store, nil); m.err == nil {
			m.err = fillLog(m.log, m.size-1) // log.opened is the first
		}
	})
	return &m.large, m.err
}

func fillLog(l *audit.Log, n int) error {
	const batch = 20_000
	if err := l.Open(ctx); err != nil {
		return err
	}
	var next atomic.Int64
	return spread((n+batch-1)/batch, 2, func(int) error {
		first := int(next.Add(batch)) - batch
		events := make([]audit.Event, min(batch, n-first))
		for i := range events {
			events[i] = auditEvent(first + i)
		}
		_, err := l.Append(ctx, events...)
		return err
	})
}

// auditVerify: one operation is one pass over the log: its entries and its tiles.
func auditVerify(e *Env) (ours, base func(int) error, err error) {
	l, err := e.millionLog()
	if err != nil {
		return nil, nil, err
	}
	ours = func(n int) error {
		for range n {
			if _, err := l.log.Verify(ctx); err != nil {
				return err
			}
		}
		return nil
	}
	base = func(n int) error {
		for range n {
			if err := e.scanAndHash(l.tenant); err != nil {
				return err
			}
		}
		return nil
	}
	return ours, base, nil
}

func (e *Env) scanAndHash(tenant string) error {
	if err := e.scanTiles(tenant); err != nil {
		return err
	}
	rows, err := e.SQL.Query(e.auditBind("SELECT seq, id, at, actor, action, sub, leaf, hash, chain FROM gdpr_audit_entry WHERE tenant = ? AND log = 1 ORDER BY seq"), e.auditText(tenant))
	if err != nil {
		return err
	}
	defer rows.Close()
	var seq, at int64
	var actor, action, sub string
	var id, leaf, hash, chain []byte
	var h merkle.Hasher
	var tree merkle.Frontier
	var c [64]byte
	for rows.Next() {
		if err := rows.Scan(&seq, &id, &at, &actor, &action, &sub, &leaf, &hash, &chain); err != nil {
			return err
		}
		x := h.Leaf(leaf)
		copy(c[32:], x[:])
		sum := sha256.Sum256(c[:])
		copy(c[:], sum[:])
		tree.Append(x)
	}
	return rows.Err()
}

func (e *Env) scanTiles(tenant string) error {
	rows, err := e.SQL.Query(e.auditBind("SELECT level, idx, hashes FROM gdpr_audit_tile WHERE tenant = ? AND log = 1 ORDER BY level, idx"), e.auditText(tenant))
	if err != nil {
		return err
	}
	defer rows.Close()
	var level, index int64
	var hashes []byte
	for rows.Next() {
		if err := rows.Scan(&level, &index, &hashes); err != nil {
			return err
		}
	}
	return rows.Err()
}

// auditProof: the reads are the head and the tile that the leaf stands in. The
// library keeps the few tiles above in memory, and the edge stands in the head.
func auditProof(e *Env) (ours, base func(int) error, err error) {
	l, err := e.millionLog()
	if err != nil {
		return nil, nil, err
	}
	ours = func(n int) error {
		for i := range n {
			if _, err := l.log.ProveInclusion(ctx, uint64(i*7919%l.size), 0); err != nil {
				return err
			}
		}
		return nil
	}
	head, err := e.SQL.Prepare(e.auditBind("SELECT log, origin, size, root, frontier, chain, mark, pruned, base FROM gdpr_audit_head WHERE tenant = ? AND slot = ?"))
	if err != nil {
		return nil, nil, err
	}
	tile, err := e.SQL.Prepare(e.auditBind("SELECT hashes FROM gdpr_audit_tile WHERE tenant = ? AND log = ? AND level = ? AND idx = ?"))
	if err != nil {
		return nil, nil, err
	}
	base = func(n int) error {
		for i := range n {
			if err := e.pointReads(head, tile, l.tenant, i*7919%l.size/256); err != nil {
				return err
			}
		}
		return nil
	}
	return ours, base, nil
}

func (e *Env) pointReads(head, tile *sql.Stmt, tenant string, index int) error {
	var num, size, mark, pruned int64
	var origin string
	var root, frontier, chain, prev, hashes []byte
	if err := head.QueryRow(e.auditText(tenant), 0).Scan(&num, &origin, &size, &root, &frontier, &chain, &mark, &pruned, &prev); err != nil {
		return err
	}
	if int64(index) == size/256 { // the tile is not full: the frontier and the entries have it
		return nil
	}
	return tile.QueryRow(e.auditText(tenant), 1, 0, index).Scan(&hashes)
}
