package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/examples/internal/cli"
	"github.com/gdprkit/gdprkit/retention"
)

func (a *app) flags(name string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(a.stderr)
	return f
}

func none(f *flag.FlagSet, args []string) error {
	if err := cli.Parse(f, args, f.Output()); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	return nil
}

// check compares the map with the live schema, and the schedule with the map.
func check(ctx context.Context, a *app, args []string) error {
	if err := none(a.flags("check"), args); err != nil {
		return err
	}
	findings, err := a.live.Check(ctx)
	if err != nil {
		return err
	}
	open := 0
	rows := make([][]string, 0, len(findings))
	for _, f := range findings {
		state := "open"
		switch {
		case f.Waived != "":
			state = "waived: " + f.Waived
		case f.Note:
			state = "note"
		default:
			open++
		}
		rows = append(rows, []string{string(f.Code), f.Table, f.Column, f.Detail, state})
	}
	if a.kit.Engine != nil {
		for _, f := range a.kit.Engine.Lint() {
			rows = append(rows, []string{f.Code, "", "", strings.TrimPrefix(f.Rule+": "+f.Text, ": "), "note"})
		}
	}
	if err := a.print(findings, []string{"finding", "table", "column", "detail", "state"}, rows); err != nil {
		return err
	}
	if open > 0 {
		return errFailed
	}
	return nil
}

func export(ctx context.Context, a *app, args []string) error {
	f := a.flags("export")
	subject, out := f.String("subject", "", "subject key, as in customer:17"), f.String("out", "", "ZIP `file` to write")
	if err := none(f, args); err != nil {
		return err
	}
	if *subject == "" || *out == "" {
		return errors.New("export needs -subject and -out")
	}
	r, err := a.request(ctx, dsar.Intake{Kind: dsar.Access, Subjects: []string{*subject}})
	if err != nil {
		return err
	}
	if r.State != dsar.StateWorked { // else an earlier export was interrupted after the work
		plan, err := a.kit.Desk.Plan(ctx, r.ID, a.act())
		if err != nil {
			return err
		}
		if err := a.carryOut(ctx, r.ID, plan.Hash); err != nil {
			return err
		}
	}
	var m *dsar.Manifest
	if err := writeFile(*out, func(w io.Writer) (err error) {
		m, err = a.kit.Desk.Bundle(ctx, r.ID, w, a.act())
		return err
	}); err != nil {
		return err
	}
	if _, err := a.kit.Desk.Fulfil(ctx, r.ID, a.act()); err != nil {
		return err
	}
	var rows [][]string
	for _, s := range m.Sections {
		rows = append(rows, []string{s.Source, s.Table, string(s.State), fmt.Sprint(s.Records)})
	}
	return a.print(m, []string{"source", "table", "state", "records"}, rows)
}

// known refuses a subject of no kind of the map. Somebody of whom nothing is held is
// known: that is an answer.
func (a *app) known(subject string) error {
	var prefixes []string
	for name, kind := range a.live.Map().Subjects {
		prefix := name + ":"
		if kind.Prefix != nil {
			prefix = *kind.Prefix
		}
		if strings.HasPrefix(subject, prefix) && len(subject) > len(prefix) {
			return nil
		}
		prefixes = append(prefixes, prefix)
	}
	slices.Sort(prefixes)
	return fmt.Errorf("-subject is of no kind of the map: it begins with one of %s, followed by the key of the row", strings.Join(prefixes, " "))
}

// request returns the open request of that kind for the subject, or a new one.
func (a *app) request(ctx context.Context, in dsar.Intake) (*dsar.Request, error) {
	if err := a.known(in.Subjects[0]); err != nil {
		return nil, err
	}
	for r, err := range a.kit.Desk.List(ctx, dsar.Filter{Open: true, Kind: in.Kind, Subject: in.Subjects[0]}) {
		if err != nil {
			return nil, err
		}
		return r, nil
	}
	r, err := a.kit.Desk.Receive(ctx, in)
	if err != nil {
		return nil, err
	}
	return a.kit.Desk.Verify(ctx, r.ID, dsar.Proof{Act: a.act(), Method: "in_person"})
}

func (a *app) act() dsar.Act { return dsar.Act{By: a.by} }

func (a *app) carryOut(ctx context.Context, id, hash string) error {
	if _, err := a.kit.Desk.Approve(ctx, id, hash, dsar.Act{By: a.approver}); err != nil {
		return err
	}
	_, err := a.kit.Desk.Work(ctx, id, a.act())
	return err
}

func erase(ctx context.Context, a *app, args []string) error {
	f := a.flags("erase")
	subject, approve := f.String("subject", "", "subject key"), f.String("approve", "", "`hash` of the plan to carry out")
	ground, statement := f.String("ground", "A17-1-b", "ground of GDPR art. 17(1)"), f.String("statement", "", "`file` for the statement")
	if err := none(f, args); err != nil {
		return err
	}
	if *subject == "" {
		return errors.New("erase needs -subject")
	}
	r, err := a.request(ctx, dsar.Intake{Kind: dsar.Erasure, Ground: *ground, Subjects: []string{*subject}})
	if err != nil {
		return err
	}
	if *approve == "" {
		plan, err := a.kit.Desk.Plan(ctx, r.ID, a.act())
		if err != nil {
			return err
		}
		return a.showPlan(ctx, r.ID, plan)
	}
	if !strings.EqualFold(*approve, r.PlanHash) {
		return errors.New("that is not the plan of this request; run erase without -approve to see it")
	}
	if err := a.carryOut(ctx, r.ID, *approve); err != nil {
		return err
	}
	if _, err := a.kit.Desk.Fulfil(ctx, r.ID, a.act()); err != nil {
		return err
	}
	if *statement != "" {
		if _, err := a.kit.Log.Checkpoint(ctx); err != nil {
			return err
		}
		if err := writeFile(*statement, func(w io.Writer) error { return a.kit.Desk.Statement(ctx, r.ID, w) }); err != nil {
			return err
		}
	}
	return a.showItems(ctx, r.ID, "")
}

func (a *app) showPlan(ctx context.Context, id string, plan *dsar.Plan) error {
	return a.showItems(ctx, id, plan.Hash)
}

func (a *app) showItems(ctx context.Context, id, hash string) error {
	type line struct{ Source, Table, Key, Action, Ground, Until, Outcome string }
	var lines []line
	var rows [][]string
	for item, err := range a.kit.Desk.Items(ctx, id) {
		if err != nil {
			return err
		}
		l := line{item.Source, item.Table, item.Key, string(item.Action), item.Ground, "", string(item.Outcome)}
		if !item.Until.IsZero() {
			l.Until = item.Until.Format(time.DateOnly)
		}
		lines = append(lines, l)
		rows = append(rows, []string{l.Source, l.Table, l.Key, l.Action, l.Ground, l.Until, l.Outcome})
	}
	if err := a.print(map[string]any{"plan": hash, "items": lines}, []string{"source", "table", "key", "action", "ground", "until", "outcome"}, rows); err != nil {
		return err
	}
	if hash != "" && !a.json {
		fmt.Fprintf(a.stdout, "Nothing was changed. To carry out exactly this: -approve %s\n", hash)
	}
	return nil
}

func sweep(ctx context.Context, a *app, args []string) error {
	f := a.flags("sweep")
	approve := f.String("approve", "", "`hash` of the plan to carry out")
	if err := none(f, args); err != nil {
		return err
	}
	if a.kit.Engine == nil {
		return errors.New("sweep needs -schedule")
	}
	plan, err := a.kit.Engine.Plan(ctx, retention.PlanOptions{By: a.by})
	if err != nil {
		return err
	}
	if *approve == "" {
		return a.showSweep(ctx, plan)
	}
	if !strings.EqualFold(*approve, plan.Hash) {
		return errors.New("what is due has changed since that plan was shown; run sweep without -approve to see it")
	}
	if err := a.kit.Engine.Approve(ctx, plan.ID, plan.Hash, a.approver); err != nil {
		return err
	}
	bar := a.bar(plan.Rows, "sweeping")
	result, err := a.kit.Engine.Execute(ctx, plan.ID, &retention.ExecuteOptions{Progress: func(p retention.Progress) { bar.Set(p.Handled + p.Aside) }})
	bar.Finish()
	if err != nil {
		return err
	}
	var rows [][]string
	for _, c := range result.Counts {
		rows = append(rows, []string{c.Source, c.Rule, c.Outcome, fmt.Sprint(c.N), c.Ground})
	}
	return a.print(result, []string{"source", "rule", "outcome", "records", "ground"}, rows)
}

func (a *app) showSweep(ctx context.Context, plan *retention.Plan) error {
	counts := map[[3]string]int{}
	for item, err := range a.kit.Engine.Items(ctx, plan.ID) {
		if err != nil {
			return err
		}
		counts[[3]string{item.Source, item.Rule, string(item.Action)}]++
	}
	var rows [][]string
	for _, k := range slices.SortedFunc(maps.Keys(counts), func(a, b [3]string) int { return slices.Compare(a[:], b[:]) }) {
		rows = append(rows, []string{k[0], k[1], k[2], fmt.Sprint(counts[k])})
	}
	if err := a.print(plan, []string{"source", "rule", "action", "records"}, rows); err != nil {
		return err
	}
	if !a.json {
		fmt.Fprintf(a.stdout, "Nothing was changed. To carry out exactly this: -approve %s\n", plan.Hash)
	}
	return nil
}

func duplicates(ctx context.Context, a *app, args []string) error {
	if err := none(a.flags("duplicates"), args); err != nil {
		return err
	}
	type line struct {
		A, B    string
		Score   float64
		Reasons []string
	}
	lines := []line{}
	var rows [][]string
	for p, err := range a.live.Duplicates(ctx) {
		if err != nil {
			return err
		}
		lines = append(lines, line{p.A, p.B, p.Score, p.Reasons})
		rows = append(rows, []string{p.A, p.B, fmt.Sprintf("%.2f", p.Score), strings.Join(p.Reasons, ", ")})
	}
	return a.print(lines, []string{"a", "b", "score", "why"}, rows)
}

func verify(ctx context.Context, a *app, args []string) error {
	if err := none(a.flags("verify"), args); err != nil {
		return err
	}
	report, err := a.kit.Log.Verify(ctx)
	if err != nil {
		fmt.Fprintln(a.stderr, "retrofit:", err)
		return errFailed
	}
	if _, err := a.kit.Log.Checkpoint(ctx); err != nil {
		return err
	}
	keys, err := a.kit.Log.VerifierKeys(ctx)
	if err != nil {
		return err
	}
	return a.print(map[string]any{"report": report, "keys": keys}, []string{"what", "value"}, [][]string{
		{"log", report.Origin}, {"entries", fmt.Sprint(report.Size)}, {"root", fmt.Sprintf("%x", report.Root[:])},
		{"pending", fmt.Sprint(report.Pending)}, {"outside checkpoint", fmt.Sprint(report.Outside)}, {"key", strings.Join(keys, " ")},
	})
}

func replay(ctx context.Context, a *app, args []string) error {
	f := a.flags("replay")
	reason := f.String("reason", "", "`code` such as the number of the incident")
	if err := none(f, args); err != nil {
		return err
	}
	if *reason == "" {
		return errors.New("replay needs -reason")
	}
	r, err := a.kit.Replay(ctx, a.by, *reason)
	if err != nil {
		return err
	}
	return a.print(r, []string{"what", "count"}, [][]string{
		{"persons erased again", fmt.Sprint(r.Erasures.Subjects)}, {"records erased or masked", fmt.Sprint(r.Erasures.Items)},
		{"stops applied again", fmt.Sprint(r.Stops)}, {"keys destroyed again", fmt.Sprint(r.Keys)}, {"log begun anew", fmt.Sprint(r.Reopened)},
	})
}

// writeFile writes a file that appears whole or not at all.
func writeFile(path string, f func(io.Writer) error) error {
	file, err := os.OpenFile(path+".part", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(f(file), file.Sync(), file.Close())
	if err != nil {
		os.Remove(path + ".part")
		return err
	}
	return os.Rename(path+".part", path)
}
