package main

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/gdpr"
)

// auditCases measures package audit.
func auditCases() []Case {
	return []Case{
		{Op: "audit: verify 256 B (leaf, chain, tree)", Baseline: "bare SHA-256 chain", Goal: 2.5, Setup: auditHash},
		{Op: "audit: append 1000, per entry", Baseline: "raw multi-row INSERT, same columns and indexes", Rate: true, Wall: true, Goal: 0.7, Setup: auditBatch},
		{Op: "audit: append, 1 writer", Baseline: "the same SQL by hand", Rate: true, Wall: true, Goal: 0.85, Setup: auditByHand},
		{Op: "audit: append, 1 writer", Baseline: "raw single-row INSERT", Rate: true, Wall: true, Goal: 0.5, Setup: auditOne},
		{Op: "audit: append, 32 writers", Baseline: "raw single-row INSERT, 1 writer", Rate: true, Wall: true, Goal: 4, Setup: auditMany(1), N: crowdRound},
		{Op: "audit: append, 32 writers", Baseline: "raw single-row INSERT, 32 writers", Rate: true, Wall: true, Goal: 0.7, Setup: auditMany(32), N: crowdRound},
		{Op: "audit: append, 32 writers", Baseline: "chain by a locked head row, 32 writers", Rate: true, Wall: true, Goal: 10, Setup: auditHeadLock, N: crowdRound},
		{Op: "audit: verify 1 M from store", Baseline: "raw scan of the rows, hashed", Goal: 1.2, Setup: auditVerify, N: 1},
		{Op: "audit: proof of inclusion in 1 M", Baseline: "its point reads", Goal: 1.3, Setup: auditProof},
	}
}

func auditEvent(i int) audit.Event {
	return audit.Event{
		Action: "contact.viewed", Subject: fmt.Sprint("c-", i%1000), Actor: "emp-1",
		Attrs: []slog.Attr{slog.Int("fields", i), gdpr.Clear("screen", "overview"), gdpr.Clear("why", "call from customer")},
	}
}

func auditLog(e *Env, n int) (*audit.Log, error) {
	l, err := audit.New(e.Tenant(), nil)
	if err != nil {
		return nil, err
	}
	for done := 0; done < n; done += 1000 {
		batch := make([]audit.Event, min(1000, n-done))
		for i := range batch {
			batch[i] = auditEvent(done + i)
		}
		if _, err := l.Append(ctx, batch...); err != nil {
			return nil, err
		}
	}
	return l, l.Open(ctx)
}

func auditHash(*Env) (ours, base func(int) error, err error) {
	leaf := make([]byte, 256)
	var sink merkle.Hash
	ours = func(n int) error {
		var h merkle.Hasher
		var tree merkle.Frontier
		var chain [64]byte
		for range n {
			x := h.Leaf(leaf)
			copy(chain[32:], x[:])
			sink = sha256.Sum256(chain[:])
			copy(chain[:], sink[:])
			tree.Append(x)
		}
		sink = tree.Root()
		return nil
	}
	base = func(n int) error {
		var b [32 + 256]byte
		copy(b[32:], leaf)
		for range n {
			sink = sha256.Sum256(b[:])
			copy(b[:], sink[:])
		}
		return nil
	}
	return ours, base, nil
}

// auditBind writes the parameters as the driver wants them.
func (e *Env) auditBind(q string) string {
	if e.Engine != "postgres" {
		return q
	}
	var b strings.Builder
	n := 0
	for _, c := range q {
		if c == '?' {
			n++
			fmt.Fprintf(&b, "$%d", n)
			continue
		}
		b.WriteRune(c)
	}
	return b.String()
}

func (e *Env) auditText(s string) any {
	if e.Engine == "mysql" {
		return []byte(s)
	}
	return s
}

var auditTables atomic.Int64

// rawTable makes a table like gdpr_audit_entry by hand and returns its name.
func (e *Env) rawTable() (string, error) {
	name := fmt.Sprintf("raw_audit_%d", auditTables.Add(1))
	blob, text := "BLOB", "TEXT"
	switch e.Engine {
	case "postgres":
		blob = "BYTEA"
	case "mysql":
		blob, text = "VARBINARY(2000)", "VARBINARY(191)"
	}
	id := blob
	if e.Engine == "mysql" {
		id = "VARBINARY(16)"
	}
	for _, q := range []string{
		"DROP TABLE IF EXISTS " + name,
		fmt.Sprintf(`CREATE TABLE %s (tenant %s NOT NULL, log BIGINT NOT NULL, seq BIGINT NOT NULL, id %s NOT NULL, at BIGINT NOT NULL, actor %s NOT NULL,
			action %s NOT NULL, sub %s NOT NULL, leaf %s, hash %s NOT NULL, chain %s NOT NULL, PRIMARY KEY (tenant, log, seq))`, name, text, id, text, text, text, blob, blob, blob),
		fmt.Sprintf("CREATE UNIQUE INDEX %s_id ON %s (tenant, log, id)", name, name),
		fmt.Sprintf("CREATE INDEX %s_sub ON %s (tenant, log, sub, seq)", name, name),
	} {
		if _, err := e.SQL.Exec(q); err != nil {
			return "", err
		}
	}
	return name, nil
}

var rawSeq atomic.Int64

func (e *Env) rawArgs() []any {
	n := rawSeq.Add(1)
	id := fmt.Appendf(nil, "%016d", n)
	leaf := make([]byte, 400) // as long as the leaf of auditEvent
	copy(leaf, id)
	sub := fmt.Sprintf("%022d", n%1000)
	return []any{e.auditText("bench-1795289360301678000-12"), 1, n, id, n, e.auditText("0123456789012345678901"), e.auditText("contact.viewed"), e.auditText(sub), leaf, leaf[:32], leaf[32:64]}
}

func rawInsert(table string, rows int) string {
	return "INSERT INTO " + table + " VALUES " + strings.Repeat("(?,?,?,?,?,?,?,?,?,?,?),", rows-1) + "(?,?,?,?,?,?,?,?,?,?,?)"
}

func auditBatch(e *Env) (ours, base func(int) error, err error) {
	l, err := auditLog(e, 1000) // every subject has been met
	if err != nil {
		return nil, nil, err
	}
	table, err := e.rawTable()
	if err != nil {
		return nil, nil, err
	}
	ours = func(n int) error {
		return batches(n, func(k int) error { _, err := l.Append(ctx, events(k)...); return err })
	}
	base = func(n int) error {
		return batches(n, func(k int) error {
			tx, err := e.SQL.Begin()
			if err != nil {
				return err
			}
			defer tx.Rollback()
			for ; k > 0; k -= 100 {
				rows := min(100, k)
				var args []any
				for range rows {
					args = append(args, e.rawArgs()...)
				}
				if _, err := tx.Exec(e.auditBind(rawInsert(table, rows)), args...); err != nil {
					return err
				}
			}
			return tx.Commit()
		})
	}
	return ours, base, nil
}

func events(n int) []audit.Event {
	batch := make([]audit.Event, n)
	for i := range batch {
		batch[i] = auditEvent(i)
	}
	return batch
}

func batches(n int, f func(int) error) error {
	for ; n > 0; n -= 1000 {
		if err := f(min(n, 1000)); err != nil {
			return err
		}
	}
	return nil
}

func auditOne(e *Env) (ours, base func(int) error, err error) {
	l, err := auditLog(e, 0)
	if err != nil {
		return nil, nil, err
	}
	base, err = e.rawSingle(1)
	return func(n int) error { return appendEach(l, n, 1) }, base, err
}

func appendEach(l *audit.Log, n, writers int) error {
	return spread(n, writers, func(i int) error { _, err := l.Append(ctx, auditEvent(i)); return err })
}

// spread runs f n times in so many goroutines.
func spread(n, writers int, f func(int) error) error {
	var wg sync.WaitGroup
	var next atomic.Int64
	errs := make([]error, writers)
	for w := range writers {
		wg.Go(func() {
			for {
				i := next.Add(1)
				if i > int64(n) || errs[w] != nil {
					return
				}
				errs[w] = f(int(i))
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *Env) rawSingle(writers int) (func(int) error, error) {
	table, err := e.rawTable()
	if err != nil {
		return nil, err
	}
	stmt, err := e.SQL.Prepare(e.auditBind(rawInsert(table, 1)))
	if err != nil {
		return nil, err
	}
	return func(n int) error {
		return spread(n, writers, func(int) error { _, err := stmt.Exec(e.rawArgs()...); return err })
	}, nil
}

// auditMany: where entries are sealed after the commit, what is staged is sealed
// within the window.
func auditMany(baseWriters int) func(*Env) (ours, base func(int) error, err error) {
	return func(e *Env) (ours, base func(int) error, err error) {
		if e.Engine == "sqlite" && baseWriters > 1 {
			return nil, nil, elsewhere("SQLite has one writer at a time")
		}
		l, err := auditLog(e, 0)
		if err != nil {
			return nil, nil, err
		}
		base, err = e.rawSingle(baseWriters)
		return func(n int) error {
			if err := appendEach(l, n, 32); err != nil {
				return err
			}
			_, err := l.Sealed(ctx)
			return err
		}, base, err
	}
}

// byHand appends as a careful engineer would without the library: lock the head,
// hash, insert, update the head.
func (e *Env) byHand(writers int) (func(int) error, error) {
	table, err := e.rawTable()
	if err != nil {
		return nil, err
	}
	blob, lock := "BLOB", ""
	switch e.Engine {
	case "postgres":
		blob, lock = "BYTEA", " FOR UPDATE"
	case "mysql":
		blob, lock = "VARBINARY(2048)", " FOR UPDATE"
	}
	for _, q := range []string{
		"DROP TABLE IF EXISTS " + table + "_head",
		fmt.Sprintf("CREATE TABLE %s_head (slot BIGINT PRIMARY KEY, size BIGINT NOT NULL, root %s NOT NULL, frontier %s NOT NULL, chain %s NOT NULL)", table, blob, blob, blob),
		fmt.Sprintf("INSERT INTO %s_head VALUES (0, 0, '', '', '')", table),
	} {
		if _, err := e.SQL.Exec(q); err != nil {
			return nil, err
		}
	}
	texts := []string{
		"SELECT size, frontier, chain FROM " + table + "_head WHERE slot = ?" + lock,
		rawInsert(table, 1),
		"UPDATE " + table + "_head SET size = ?, root = ?, frontier = ?, chain = ? WHERE slot = 0 AND size = ?",
		"UPDATE " + table + "_head SET size = size WHERE slot = ?", // takes SQLite's write lock first
	}
	var stmts []*sql.Stmt
	for _, q := range texts {
		s, err := e.SQL.Prepare(e.auditBind(q))
		if err != nil {
			return nil, err
		}
		stmts = append(stmts, s)
	}
	one := func(int) error {
		tx, err := e.SQL.Begin()
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if e.Engine == "sqlite" {
			if _, err := tx.Stmt(stmts[3]).Exec(0); err != nil {
				return err
			}
		}
		var size int64
		var frontier, chain []byte
		if err := tx.Stmt(stmts[0]).QueryRow(0).Scan(&size, &frontier, &chain); err != nil {
			return err
		}
		tree, _ := merkle.ParseFrontier(uint64(size), frontier)
		args := e.rawArgs()
		x := merkle.Leaf(args[8].([]byte))
		sum := sha256.Sum256(append(chain, x[:]...))
		tree.Append(x)
		args[2], args[9], args[10] = size, x[:], sum[:]
		if _, err := tx.Stmt(stmts[1]).Exec(args...); err != nil {
			return err
		}
		root := tree.Root()
		if _, err := tx.Stmt(stmts[2]).Exec(size+1, root[:], tree.Bytes(), sum[:], size); err != nil {
			return err
		}
		return tx.Commit()
	}
	return func(n int) error { return spread(n, writers, one) }, nil
}

func auditByHand(e *Env) (ours, base func(int) error, err error) {
	l, err := auditLog(e, 0)
	if err != nil {
		return nil, nil, err
	}
	base, err = e.byHand(1)
	return func(n int) error { return appendEach(l, n, 1) }, base, err
}

func auditHeadLock(e *Env) (ours, base func(int) error, err error) {
	if e.Engine == "sqlite" {
		return nil, nil, elsewhere("SQLite has one writer at a time")
	}
	ours, _, err = auditMany(1)(e)
	if err != nil {
		return nil, nil, err
	}
	base, err = e.byHand(32)
	return ours, base, err
}
