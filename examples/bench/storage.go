package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// storageCases measures what sqlstore adds to the SQL that a host would write.
func storageCases() []Case {
	return []Case{
		{Op: "storage: get", Baseline: "the same columns by primary key, prepared SELECT", Goal: 1.15, Setup: storageGet},
		{Op: "storage: scan, one statement", Baseline: "streaming SELECT of the same columns", Goal: 1.15, Setup: storageScan(leaseStream)},
		{Op: "storage: scan, pages of 500", Baseline: "streaming SELECT of the same columns", Setup: storageScan(leasePages)},
		{Op: "storage: insert", Baseline: "the same INSERT, prepared", Rate: true, Wall: true, Goal: 0.85, Setup: storageInsert},
		{Op: "storage: insert 1000", Baseline: "prepared multi-row INSERTs of 500 in a transaction", Rate: true, Wall: true, Goal: 0.7, Setup: storageBatch},
		{Op: "storage: claim, update, insert", Baseline: "SELECT FOR UPDATE, UPDATE, INSERT in a transaction, prepared", Rate: true, Wall: true, Goal: 0.85, Setup: storageStep},
	}
}

var (
	leaseNew    = &storage.Write{Verb: storage.Insert, Table: schema.Lease, Set: []string{"name", "owner", "until", "turn"}}
	leaseSet    = &storage.Write{Verb: storage.Update, Table: schema.Lease, Set: []string{"owner"}, Where: storage.By("name")}
	leaseGet    = &storage.Select{From: schema.Lease, Columns: []string{"owner", "until", "turn"}, Where: storage.By("name")}
	leaseClaim  = &storage.Claim{Into: schema.Lease, Columns: []string{"name"}, Read: []string{"owner"}}
	leaseStream = &storage.Select{From: schema.Lease, Columns: []string{"name", "owner", "until"}, Order: []string{"name"}, Stream: true}
	leasePages  = &storage.Select{From: schema.Lease, Columns: []string{"name", "owner", "until"}, Order: []string{"name"}}
)

// behindRows are those of a tenant that stands behind both sides in the table: at its
// very end, where one of the two would be, SQLite inserts with less work.
const behindRows = 5000

const insertLease = "INSERT INTO gdpr_lease (tenant, name, owner, until, turn) VALUES "

// leases fills a tenant with n rows named like benchKey.
func leases(e *Env, n int) (storage.Store, error) {
	s := e.Tenant()
	ops := make([]storage.Op, n)
	for i := range ops {
		ops[i] = leaseNew.With(benchKey(i), "owner", int64(i), int64(i))
	}
	_, err := s.Apply(ctx, ops...)
	return s, err
}

func storageGet(e *Env) (ours, base func(int) error, err error) {
	n := e.Rows(100_000)
	s, err := leases(e, n)
	if err != nil {
		return nil, nil, err
	}
	st, err := e.SQL.Prepare(e.bind("SELECT owner, until, turn FROM gdpr_lease WHERE tenant = ? AND name = ?"))
	if err != nil {
		return nil, nil, err
	}
	tenant := s.Scope()
	var owner string
	var until, turn int64
	ours = func(times int) error {
		for i := range times {
			if err := s.Get(ctx, leaseGet, []any{benchKey(i * 7919 % n)}, &owner, &until, &turn); err != nil {
				return err
			}
		}
		return nil
	}
	base = func(times int) error {
		for i := range times {
			if err := st.QueryRowContext(ctx, tenant, benchKey(i*7919%n)).Scan(&owner, &until, &turn); err != nil {
				return err
			}
		}
		return nil
	}
	return ours, base, nil
}

func storageScan(sel *storage.Select) func(*Env) (ours, base func(int) error, err error) {
	return func(e *Env) (ours, base func(int) error, err error) {
		s, err := leases(e, e.Rows(100_000))
		if err != nil {
			return nil, nil, err
		}
		var name, owner string
		var until int64
		dest := []any{&name, &owner, &until}
		ours = func(times int) error {
			for range times {
				for row, err := range s.Scan(ctx, sel, nil) {
					if err != nil {
						return err
					}
					if err := row.Scan(dest...); err != nil {
						return err
					}
				}
			}
			return nil
		}
		base = func(times int) error {
			for range times {
				if err := rawLeases(e, s.Scope(), dest); err != nil {
					return err
				}
			}
			return nil
		}
		return ours, base, nil
	}
}

func rawLeases(e *Env, tenant string, dest []any) error {
	rows, err := e.SQL.QueryContext(ctx, e.bind("SELECT name, owner, until FROM gdpr_lease WHERE tenant = ? ORDER BY name"), tenant)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
	}
	return rows.Err()
}

func storageInsert(e *Env) (ours, base func(int) error, err error) {
	s, raw := e.Tenant(), e.Tenant().Scope()
	if _, err := leases(e, behindRows); err != nil {
		return nil, nil, err
	}
	st, err := e.SQL.Prepare(e.bind(insertLease + "(?, ?, ?, ?, ?)"))
	if err != nil {
		return nil, nil, err
	}
	i, j := 0, 0
	ours = func(times int) error {
		for range times {
			i++
			if _, err := s.Apply(ctx, leaseNew.With(benchKey(i), "owner", int64(i), int64(i))); err != nil {
				return err
			}
		}
		return nil
	}
	base = func(times int) error {
		for range times {
			j++
			if _, err := st.ExecContext(ctx, raw, benchKey(j), "owner", int64(j), int64(j)); err != nil {
				return err
			}
		}
		return nil
	}
	return ours, base, nil
}

func storageBatch(e *Env) (ours, base func(int) error, err error) {
	const size, chunk = 1000, 500
	s, raw := e.Tenant(), e.Tenant().Scope()
	if _, err := leases(e, behindRows); err != nil {
		return nil, nil, err
	}
	st, err := e.SQL.Prepare(e.bind(insertLease + strings.Repeat("(?, ?, ?, ?, ?), ", chunk-1) + "(?, ?, ?, ?, ?)"))
	if err != nil {
		return nil, nil, err
	}
	i, j := 0, 0
	ours = func(times int) error {
		for range times {
			ops := make([]storage.Op, size)
			for k := range ops {
				i++
				ops[k] = leaseNew.With(benchKey(i), "owner", int64(i), int64(i))
			}
			if _, err := s.Apply(ctx, ops...); err != nil {
				return err
			}
		}
		return nil
	}
	base = func(times int) error {
		for range times {
			tx, err := e.SQL.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			for range size / chunk {
				args := make([]any, 0, chunk*5)
				for range chunk {
					j++
					args = append(args, raw, benchKey(j), "owner", int64(j), int64(j))
				}
				if _, err := tx.StmtContext(ctx, st).ExecContext(ctx, args...); err != nil {
					tx.Rollback()
					return err
				}
			}
			if err := tx.Commit(); err != nil {
				return err
			}
		}
		return nil
	}
	return ours, base, nil
}

// storageStep is the smallest act of a part: lock a row, change it, add an event.
func storageStep(e *Env) (ours, base func(int) error, err error) {
	s, err := leases(e, 1)
	if err != nil {
		return nil, nil, err
	}
	other, err := leases(e, 1)
	if err != nil {
		return nil, nil, err
	}
	if _, err := leases(e, behindRows); err != nil {
		return nil, nil, err
	}
	hand, err := newHandStep(e, other.Scope())
	if err != nil {
		return nil, nil, err
	}
	i := 0
	ours = func(times int) error {
		for range times {
			i++
			if err := s.InTx(ctx, func(ctx context.Context) error {
				var owner string
				if err := s.Claim(ctx, leaseClaim, []any{benchKey(0)}, &owner); err != nil {
					return err
				}
				_, err := s.Apply(ctx, leaseSet.With(fmt.Sprint(i), benchKey(0)), leaseNew.With(benchKey(i), "owner", int64(i), int64(i)))
				return err
			}); err != nil {
				return err
			}
		}
		return nil
	}
	return ours, func(times int) error {
		for range times {
			if err := hand.once(); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// handStep is the same step in SQL by hand.
type handStep struct {
	e                *Env
	tenant           string
	lock, set, event *sql.Stmt
	opts             *sql.TxOptions
	n                int
}

func newHandStep(e *Env, tenant string) (h *handStep, err error) {
	h = &handStep{e: e, tenant: tenant}
	lock := "SELECT owner FROM gdpr_lease WHERE tenant = ? AND name = ?"
	if e.Engine != "sqlite" {
		lock += " FOR UPDATE"
	}
	if e.Engine == "mysql" {
		h.opts = &sql.TxOptions{Isolation: sql.LevelReadCommitted}
	}
	if h.lock, err = e.SQL.Prepare(e.bind(lock)); err != nil {
		return nil, err
	}
	if h.set, err = e.SQL.Prepare(e.bind("UPDATE gdpr_lease SET owner = ? WHERE tenant = ? AND name = ?")); err != nil {
		return nil, err
	}
	h.event, err = e.SQL.Prepare(e.bind(insertLease + "(?, ?, ?, ?, ?)"))
	return h, err
}

func (h *handStep) once() error {
	h.n++
	tx, err := h.e.SQL.BeginTx(ctx, h.opts)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var owner string
	if err := tx.StmtContext(ctx, h.lock).QueryRowContext(ctx, h.tenant, benchKey(0)).Scan(&owner); err != nil {
		return err
	}
	if _, err := tx.StmtContext(ctx, h.set).ExecContext(ctx, fmt.Sprint(h.n), h.tenant, benchKey(0)); err != nil {
		return err
	}
	if _, err := tx.StmtContext(ctx, h.event).ExecContext(ctx, h.tenant, benchKey(h.n), "owner", int64(h.n), int64(h.n)); err != nil {
		return err
	}
	return tx.Commit()
}
