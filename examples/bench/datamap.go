package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/gdprkit/gdprkit/datamap"
	"github.com/gdprkit/gdprkit/dsar"
)

// datamapCases measures package datamap.
func datamapCases() []Case {
	return []Case{
		{Op: "datamap: collect a subject", Baseline: "one SELECT scanned into a struct + json.Encoder", Goal: 1.1, N: 1, Setup: benchCollect},
		{Op: "datamap: erase", Baseline: "chunked DELETE that writes the same entries", Goal: 0.7, Rate: true, Wall: true, N: erasePart, Setup: benchSweep},
	}
}

// benchCall is a row of the table as the baseline scans it.
type benchCall struct {
	ID       int64   `json:"id"`
	PersonID int64   `json:"person_id"`
	Note     string  `json:"note"`
	Number   *string `json:"number"`
	Seconds  int64   `json:"seconds"`
}

// benchCollect collects a subject with 100 000 rows, as JSON.
func benchCollect(e *Env) (ours, base func(int) error, err error) {
	rows := e.Rows(100_000)
	if err := benchCalls(e, rows); err != nil {
		return nil, nil, err
	}
	m := &datamap.Map{Version: 1, Subjects: map[string]datamap.Kind{"person": {Table: "bench_person", Key: "id"}}, Tables: map[string]*datamap.Table{
		"bench_person": {Columns: []datamap.Column{{Names: datamap.Names{"name"}}}},
		"bench_call":   {Via: []datamap.Link{{On: "person_id", To: "bench_person.id"}}, Columns: []datamap.Column{{Names: datamap.Names{"note", "number", "seconds"}}}},
	}}
	live, err := datamap.Open(ctx, e.DB, m, nil)
	if err != nil {
		return nil, nil, err
	}
	source := live.Source()
	check := func(n int) error {
		if n != rows {
			return fmt.Errorf("%d rows instead of %d", n, rows)
		}
		return nil
	}
	ours = func(n int) error {
		for range n {
			enc, got := json.NewEncoder(io.Discard), 0
			for rec, err := range source.Collect(ctx, "person:1", dsar.Scope{Categories: []string{"bench_call"}}) {
				if err != nil {
					return err
				}
				if err := enc.Encode(rec.Values); err != nil {
					return err
				}
				got++
			}
			if err := check(got); err != nil {
				return err
			}
		}
		return nil
	}
	base = func(n int) error {
		for range n {
			got, err := e.scanCalls()
			if err == nil {
				err = check(got)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return ours, base, nil
}

func (e *Env) scanCalls() (int, error) {
	query := "SELECT id, person_id, note, number, seconds FROM bench_call WHERE person_id = ? ORDER BY id"
	if e.Engine == "postgres" {
		query = strings.Replace(query, "?", "$1", 1)
	}
	rows, err := e.SQL.QueryContext(ctx, query, 1)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	enc, got := json.NewEncoder(io.Discard), 0
	for rows.Next() {
		var c benchCall
		if err := rows.Scan(&c.ID, &c.PersonID, &c.Note, &c.Number, &c.Seconds); err != nil {
			return got, err
		}
		if err := enc.Encode(&c); err != nil {
			return got, err
		}
		got++
	}
	return got, rows.Err()
}

// benchCalls makes the tables: one person with n rows, another with a few.
func benchCalls(e *Env, n int) error {
	for _, q := range []string{
		"DROP TABLE IF EXISTS bench_call", "DROP TABLE IF EXISTS bench_person",
		"CREATE TABLE bench_person (id INTEGER PRIMARY KEY, name VARCHAR(40))",
		"CREATE TABLE bench_call (id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL, note VARCHAR(200) NOT NULL, number VARCHAR(20), seconds INTEGER NOT NULL)",
		"CREATE INDEX bench_call_person ON bench_call (person_id)",
		"INSERT INTO bench_person VALUES (1, 'A'), (2, 'B')",
	} {
		if _, err := e.SQL.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	tx, err := e.SQL.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var vals []string
	for i := range n + 10 {
		vals = append(vals, fmt.Sprintf("(%d, %d, 'called about the order %d and was told to wait for a day or two', '+3161234%04d', %d)", i, 1+i/n, i, i%10000, i%600))
		if len(vals) == 500 || i == n+9 {
			if _, err := tx.ExecContext(ctx, "INSERT INTO bench_call VALUES "+strings.Join(vals, ", ")); err != nil {
				return err
			}
			vals = vals[:0]
		}
	}
	return tx.Commit()
}
