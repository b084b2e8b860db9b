package main

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"github.com/gdprkit/gdprkit/retention"
)

// retentionCases measures package retention.
func retentionCases() []Case {
	return []Case{
		{Op: "retention: evaluate a record", Baseline: "hand-written closure that names state and rule", Goal: 4, Setup: benchEvaluate(handState)},
		{Op: "retention: evaluate, against expr", Baseline: "expr 1.17", Goal: 0.1, Setup: benchEvaluate(exprState)},
		{Op: "retention: evaluate, against CEL", Baseline: "cel-go 0.32", Goal: 1.0 / 30, Setup: benchEvaluate(celState)},
		{Op: "retention: find due rows", Baseline: "condition hand-written in SQL, same index", Goal: 1.2, Wall: true, N: 5, Setup: benchFind(indexed, true)},
		{Op: "retention: find due rows, against a stream", Baseline: "streaming all rows into a closure", Goal: 0.35, Wall: true, N: 5, Setup: benchFind(indexed, false)},
		{Op: "retention: find due rows, no index", Baseline: "streaming all rows into a closure", Goal: 0.35, Wall: true, N: 5, Setup: benchFind(bare, false)},
		{Op: "retention: erase", Baseline: "chunked DELETE that writes the same entries", Goal: 0.7, Rate: true, Wall: true, N: erasePart, Setup: benchErase},
	}
}

const benchSchedule = `{"version":"1","country":"DE","timeZone":"Europe/Berlin","rules":[
 {"id":"duty","category":"row","kind":"minimum","period":"P8Y","start":{"anchor":"end_of_calendar_year","events":["issued"]},"ground":"UStG § 14b(1)","waiver":"bench"},
 {"id":"use","category":"row","kind":"maximum","period":"P2Y","start":{"events":["contact"]},"ground":"GDPR art. 6(1)(b)"}]}`

var benchNow = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// benchRow is a record of the host for the evaluations.
type benchRow struct{ issued, contact int64 }

type state struct {
	due  bool
	rule string
}

func benchRows(n int) []benchRow {
	rng := rand.New(rand.NewPCG(1, 2))
	rows := make([]benchRow, n)
	for i := range rows {
		at := benchNow.AddDate(-rng.IntN(14), 0, -rng.IntN(300))
		rows[i] = benchRow{at.UnixMicro(), at.AddDate(0, 3, 0).UnixMicro()}
	}
	return rows
}

func benchCondition() (*retention.Schedule, *retention.Condition, error) {
	s, err := retention.ParseSchedule([]byte(benchSchedule))
	if err != nil {
		return nil, nil, err
	}
	c, err := s.On(benchNow).Condition("row")
	return s, c, err
}

// The cut-offs that the schedule means on that day, worked out by hand.
var (
	dutyCut = time.Date(2017, 12, 31, 23, 0, 0, 0, time.UTC).UnixMicro() // 1 January 2018 in Berlin
	useCut  = time.Date(2024, 11, 20, 23, 0, 0, 0, time.UTC).UnixMicro() // 21 November 2024 in Berlin
)

func benchEvaluate(other func() (func(*benchRow) (state, error), error)) func(*Env) (func(int) error, func(int) error, error) {
	return func(*Env) (func(int) error, func(int) error, error) {
		_, c, err := benchCondition()
		if err != nil {
			return nil, nil, err
		}
		base, err := other()
		if err != nil {
			return nil, nil, err
		}
		rows := benchRows(1024)
		facts := make([]retention.Facts, len(rows))
		for i, r := range rows {
			facts[i].At[0], facts[i].At[1] = r.contact, r.issued // events in ascending order of their names
			want, err := base(&rows[i])
			if err != nil {
				return nil, nil, err
			}
			if d := c.Evaluate(&facts[i]); (d.State == retention.Due) != want.due {
				return nil, nil, fmt.Errorf("row %d: the two sides disagree", i)
			}
		}
		var due int
		ours := func(n int) error {
			for i := range n {
				if d := c.Evaluate(&facts[i&1023]); d.State == retention.Due {
					due++
				}
			}
			runtime.KeepAlive(due)
			return nil
		}
		return ours, func(n int) error {
			for i := range n {
				s, err := base(&rows[i&1023])
				if err != nil {
					return err
				}
				if s.due {
					due++
				}
			}
			runtime.KeepAlive(due)
			return nil
		}, nil
	}
}

func handState() (func(*benchRow) (state, error), error) {
	duty, use := dutyCut, useCut
	return func(r *benchRow) (state, error) {
		switch {
		case r.issued == 0 || r.issued >= duty:
			return state{false, "duty"}, nil
		case r.contact == 0 || r.contact >= use:
			return state{false, "use"}, nil
		}
		return state{true, "use"}, nil
	}, nil
}

func exprState() (func(*benchRow) (state, error), error) {
	env := map[string]any{"issued": int64(0), "contact": int64(0), "duty": dutyCut, "use": useCut}
	p, err := expr.Compile("issued != 0 && issued < duty && contact != 0 && contact < use", expr.Env(env), expr.AsBool())
	if err != nil {
		return nil, err
	}
	machine := vm.VM{}
	return func(r *benchRow) (state, error) {
		env["issued"], env["contact"] = r.issued, r.contact
		v, err := machine.Run(p, env)
		if err != nil {
			return state{}, err
		}
		return state{v.(bool), ""}, nil
	}, nil
}

func celState() (func(*benchRow) (state, error), error) {
	env, err := cel.NewEnv(cel.Variable("issued", cel.IntType), cel.Variable("contact", cel.IntType), cel.Variable("duty", cel.IntType), cel.Variable("use", cel.IntType))
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile("issued != 0 && issued < duty && contact != 0 && contact < use")
	if issues.Err() != nil {
		return nil, issues.Err()
	}
	p, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, err
	}
	vars := map[string]any{"duty": dutyCut, "use": useCut}
	return func(r *benchRow) (state, error) {
		vars["issued"], vars["contact"] = r.issued, r.contact
		v, _, err := p.Eval(vars)
		if err != nil {
			return state{}, err
		}
		return state{v.Value().(bool), ""}, nil
	}, nil
}

// Whether a table has the index that the condition can use.
const (
	indexed = true
	bare    = false
)

// benchTable makes a table of the host with rows of which one in every is due.
func benchTable(e *Env, name string, rows, every int, index bool) error {
	id := "BIGINT"
	if e.Engine == "sqlite" {
		id = "INTEGER" // the row's own number, which every index holds; a BIGINT key is an index beside it
	}
	for _, text := range []string{
		"DROP TABLE IF EXISTS " + name,
		"CREATE TABLE " + name + " (id " + id + " PRIMARY KEY, issued BIGINT, contact BIGINT, name VARCHAR(64))",
	} {
		if _, err := e.SQL.ExecContext(ctx, text); err != nil {
			return err
		}
	}
	for at := 0; at < rows; at += 1000 {
		var v []string
		for i := at; i < min(at+1000, rows); i++ {
			issued, contact := benchNow.AddDate(-3, 0, -i%365), benchNow.AddDate(-1, 0, 0)
			if i%every == 0 {
				issued, contact = benchNow.AddDate(-12, 0, -i%365), benchNow.AddDate(-11, 0, 0)
			}
			v = append(v, fmt.Sprintf("(%d,%d,%d,'name')", i+1, issued.UnixMicro(), contact.UnixMicro()))
		}
		if _, err := e.SQL.ExecContext(ctx, "INSERT INTO "+name+" (id, issued, contact, name) VALUES "+strings.Join(v, ",")); err != nil {
			return err
		}
	}
	if !index {
		return nil
	}
	_, err := e.SQL.ExecContext(ctx, "CREATE INDEX "+name+"_issued ON "+name+" (issued, contact)")
	return err
}

func (e *Env) mark(n int) string {
	if e.Engine == "postgres" {
		return "$" + strconv.Itoa(n)
	}
	return "?"
}

func benchFind(index, bySQL bool) func(*Env) (func(int) error, func(int) error, error) {
	return func(e *Env) (func(int) error, func(int) error, error) {
		rows := e.Rows(1_000_000)
		if err := benchTable(e, "bench_find", rows, 10, index); err != nil {
			return nil, nil, err
		}
		_, c, err := benchCondition()
		if err != nil {
			return nil, nil, err
		}
		q := retention.Query{Condition: c, Find: retention.FindDue}
		where, args := q.SQL(e.Engine, benchColumn, 1)
		hand := "issued < " + e.mark(1) + " AND contact < " + e.mark(2)
		closure, err := handState()
		if err != nil {
			return nil, nil, err
		}
		ours := func(n int) error {
			return repeat(n, func() error { return e.scan("SELECT id FROM bench_find WHERE "+where, args, rows/10, nil) })
		}
		return ours, func(n int) error {
			return repeat(n, func() error {
				if bySQL {
					return e.scan("SELECT id FROM bench_find WHERE "+hand, []any{dutyCut, useCut}, rows/10, nil)
				}
				return e.scan("SELECT id, issued, contact FROM bench_find", nil, rows/10, closure)
			})
		}, nil
	}
}

func repeat(n int, f func() error) error {
	for range n {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// scan reads ids and expects so many that are due.
func (e *Env) scan(text string, args []any, want int, closure func(*benchRow) (state, error)) error {
	rows, err := e.SQL.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	got := 0
	for rows.Next() {
		var id int64
		var r benchRow
		if closure == nil {
			err = rows.Scan(&id)
			got++
		} else if err = rows.Scan(&id, &r.issued, &r.contact); err == nil {
			var s state
			if s, err = closure(&r); s.due {
				got++
			}
		}
		if err != nil {
			return err
		}
	}
	if got != want {
		return fmt.Errorf("found %d rows instead of %d", got, want)
	}
	return rows.Err()
}

func benchColumn(event string) retention.Column {
	return retention.Column{Expr: event, Encode: func(t time.Time) any { return t.UnixMicro() }}
}
