// Command bench measures gdprkit against hand-written baselines and against
// libraries that people use instead. Every ratio comes from one run in which both
// sides alternate, because absolute times say more about the machine than about
// the code.
//
//	go run ./examples/bench [-db sqlite|postgres|mysql] [-dsn DSN] [-quick] [-md|-json] [-only TEXT]
package main

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// A Case compares one operation of the library with a named baseline.
type Case struct {
	Op       string  // what is measured: "consent: check"
	Baseline string  // what it is compared with, by name
	Rate     bool    // compare operations per second (ratio ours/baseline, goal is a minimum) instead of cost (goal is a maximum)
	Wall     bool    // measure wall time; default: CPU time of the process
	Goal     float64 // ratio to reach; 0: none, shown for information
	OnSQLite float64 // another goal on SQLite; 0: the same
	// Setup prepares both sides. Each returned function performs n operations. An
	// error of type elsewhere says why this engine has nothing to measure.
	Setup func(*Env) (ours, base func(n int) error, err error)
	// N fixes the number of operations of a round; 0: calibrated to the time of a round.
	N int
}

// A Result is one line of the report.
type Result struct {
	Op       string  `json:"op"`
	Engine   string  `json:"engine"`
	Ours     float64 `json:"ours"`     // median, in Unit
	Baseline float64 `json:"baseline"` // median, in Unit
	Unit     string  `json:"unit"`
	Ratio    float64 `json:"ratio"` // median of the ratios of the rounds
	Goal     string  `json:"goal"`
	Met      bool    `json:"met"`
	Allocs   float64 `json:"allocs"` // heap allocations of ours, per operation
	Against  string  `json:"against"`
	Note     string  `json:"note,omitempty"`
	Absent   bool    `json:"not_measured,omitempty"` // Note says why
}

const rounds = 7 // odd, so that the median is a round

func (e *Env) run(c Case) Result {
	if e.Engine == "sqlite" && c.OnSQLite > 0 {
		c.Goal = c.OnSQLite
	}
	r := Result{Op: c.Op, Engine: e.Engine, Against: c.Baseline, Unit: "ns/op", Goal: c.goal()}
	ours, base, err := c.Setup(e)
	if err == nil {
		err = c.measure(e, ours, base, &r)
	}
	var why elsewhere
	switch {
	case errors.As(err, &why):
		r.Note, r.Absent = "not measured: "+string(why), true
	case err != nil:
		r.Note, r.Met = "failed: "+err.Error(), false
	}
	return r
}

// elsewhere is what Setup returns for a case that means nothing on this engine: the
// reason.
type elsewhere string

func (e elsewhere) Error() string { return string(e) }

func (c Case) measure(e *Env, ours, base func(int) error, r *Result) error {
	clock := cpuTime
	if c.Wall {
		clock = wallTime
	}
	n, err := c.calibrate(e, ours)
	if err != nil {
		return err
	}
	m, err := c.calibrate(e, base)
	if err != nil {
		return err
	}
	var a, b, ratios, allocs []float64
	for i := range rounds {
		var x, y, made float64
		sides := []func() error{
			func() (err error) { x, made, err = timed(clock, ours, n); return err },
			func() (err error) { y, _, err = timed(clock, base, m); return err },
		}
		if i%2 == 1 {
			slices.Reverse(sides)
		}
		for _, side := range sides {
			if err := side(); err != nil {
				return err
			}
		}
		a, b, allocs = append(a, x), append(b, y), append(allocs, made)
		ratios = append(ratios, c.ratio(x, y))
	}
	r.Ours, r.Baseline, r.Ratio, r.Allocs = median(a), median(b), median(ratios), median(allocs)
	if c.Rate {
		r.Ours, r.Baseline, r.Unit = 1e9/r.Ours, 1e9/r.Baseline, "ops/s"
	}
	r.Met = c.Goal == 0 || c.Rate && r.Ratio >= c.Goal || !c.Rate && r.Ratio <= c.Goal
	return nil
}

func (c Case) ratio(ours, base float64) float64 {
	if c.Rate {
		return base / ours
	}
	return ours / base
}

func (c Case) goal() string {
	switch {
	case c.Goal == 0:
		return "-"
	case c.Rate:
		return fmt.Sprintf(">= %.2f", c.Goal)
	}
	return fmt.Sprintf("<= %.2f", c.Goal)
}

// calibrate finds how many operations of a side fill a round, and warms it up.
func (c Case) calibrate(e *Env, side func(int) error) (int, error) {
	if c.N > 0 {
		return c.N, side(c.N)
	}
	for n := 1; ; n *= 4 {
		start := time.Now()
		if err := side(n); err != nil {
			return 0, err
		}
		if took := time.Since(start); took >= e.Round/4 {
			return max(1, int(float64(n)*float64(e.Round)/float64(took+1))), nil
		}
	}
}

func timed(clock func() time.Duration, f func(int) error, n int) (ns, allocs float64, err error) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := clock()
	err = f(n)
	took := clock() - start
	runtime.ReadMemStats(&after)
	return max(1, float64(took)) / float64(n), float64(after.Mallocs-before.Mallocs) / float64(n), err
}

var began = time.Now()

func wallTime() time.Duration { return time.Since(began) }

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}
