package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/datamap"
	"github.com/gdprkit/gdprkit/retention"
)

// benchVisits makes a table of visits of two persons, all of them due.
func benchVisits(e *Env, name string, rows int) error {
	id, at := "BIGINT", "TIMESTAMP"
	switch e.Engine {
	case "sqlite":
		id = "INTEGER"
	case "mysql":
		at = "DATETIME"
	}
	for _, text := range []string{
		"DROP TABLE IF EXISTS " + name,
		"CREATE TABLE " + name + " (id " + id + " PRIMARY KEY, person_id BIGINT NOT NULL, issued " + at + ", contact " + at + ", name VARCHAR(64))",
	} {
		if _, err := e.SQL.ExecContext(ctx, text); err != nil {
			return err
		}
	}
	for at := 0; at < rows; at += 1000 {
		var v []string
		for i := at; i < min(at+1000, rows); i++ {
			v = append(v, fmt.Sprintf("(%d,%d,'%s','%s','name')", i+1, i%500+1, benchNow.AddDate(-12, 0, -i%365).Format(time.DateTime), benchNow.AddDate(-11, 0, 0).Format(time.DateTime)))
		}
		if _, err := e.SQL.ExecContext(ctx, "INSERT INTO "+name+" (id, person_id, issued, contact, name) VALUES "+strings.Join(v, ",")); err != nil {
			return err
		}
	}
	_, err := e.SQL.ExecContext(ctx, "CREATE INDEX "+name+"_issued ON "+name+" (issued, contact)")
	return err
}

// benchSweep erases tables of a map, one in a round, against the same tables by hand.
func benchSweep(e *Env) (ours, base func(int) error, err error) {
	const parts = rounds + 1
	m := &datamap.Map{Version: 1, Subjects: map[string]datamap.Kind{"person": {Table: "bench_visitor", Key: "id"}},
		Tables: map[string]*datamap.Table{"bench_visitor": {Columns: []datamap.Column{{Names: datamap.Names{"name"}}}}}}
	texts := []string{"DROP TABLE IF EXISTS bench_visitor", "CREATE TABLE bench_visitor (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(40))"}
	for _, text := range append(texts, benchEntryTable...) {
		if _, err := e.SQL.ExecContext(ctx, text); err != nil {
			return nil, nil, err
		}
	}
	var mine, raw []string
	for i := range parts {
		mine, raw = append(mine, fmt.Sprintf("bench_visit_%d", i)), append(raw, fmt.Sprintf("bench_visit_raw_%d", i))
		for _, name := range []string{mine[i], raw[i]} {
			if err := benchVisits(e, name, erasePart); err != nil {
				return nil, nil, err
			}
		}
		m.Tables[mine[i]] = &datamap.Table{Category: "row", Via: []datamap.Link{{On: "person_id", To: "bench_visitor.id"}},
			Dates:   map[string]datamap.Date{"issued": {Column: "issued"}, "contact": {Column: "contact"}},
			Columns: []datamap.Column{{Names: datamap.Names{"name"}}}}
	}
	live, err := datamap.Open(ctx, e.DB, m, nil)
	if err != nil {
		return nil, nil, err
	}
	s, _, err := benchCondition()
	if err != nil {
		return nil, nil, err
	}
	var runs []func() error
	for _, source := range live.Sweeps() {
		run, err := benchPart(e, s, source, benchAuditor{e})
		if err != nil {
			return nil, nil, err
		}
		runs = append(runs, run)
	}
	ours = func(int) error {
		if len(runs) == 0 {
			return errors.New("no plan is left")
		}
		run := runs[0]
		runs = runs[1:]
		return run()
	}
	var cuts []any
	for _, us := range []int64{dutyCut, useCut} {
		at := time.UnixMicro(us).UTC()
		if cuts = append(cuts, at); e.Engine != "postgres" {
			cuts[len(cuts)-1] = at.Format(time.DateTime)
		}
	}
	return ours, func(n int) error {
		name := raw[0]
		raw = raw[1:]
		return benchRaw(e, name, "person_id", cuts, n)
	}, nil
}

var _ retention.BatchAuditor = benchAuditor{}
