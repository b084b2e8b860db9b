package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/examples/internal/crm"
	"github.com/gdprkit/gdprkit/retention"
)

// sweep applies the retention schedule to the CRM's rows.
func (s *story) sweep(ctx context.Context) error {
	heading(3, "Retention: what has been kept too long?")
	if s.kit.Engine == nil {
		say("No schedule was given (-schedule FILE), so nothing is swept.")
		return nil
	}
	plan, err := s.kit.Engine.Plan(ctx, retention.PlanOptions{By: "s1"})
	if err != nil {
		return err
	}
	say("Plan %.12s... names %d rows; somebody else approves exactly that.", plan.Hash, plan.Rows)
	if err := s.kit.Engine.Approve(ctx, plan.ID, plan.Hash, "s2"); err != nil {
		return err
	}
	bar := newProgress("sweeping")
	result, err := s.kit.Engine.Execute(ctx, plan.ID, &retention.ExecuteOptions{Progress: func(p retention.Progress) { bar.step(p.Handled+p.Aside, p.Total) }})
	bar.done()
	if err != nil {
		return err
	}
	for _, c := range result.Counts {
		row(c.Rule+": "+c.Outcome, c.N, c.Ground)
	}
	say("%d handled, %d skipped, %d failed; each row has its audit entry with rule and ground.", result.Handled, result.Skipped, result.Failed)
	again, err := s.kit.Engine.Plan(ctx, retention.PlanOptions{By: "s1"})
	if err != nil {
		return err
	}
	say("A second plan names %d rows.", again.Rows)
	return nil
}

// choose picks the person with records in the most tables.
func (s *story) choose(ctx context.Context) error {
	people, err := s.subjects(ctx)
	if err != nil {
		return err
	}
	best := 0
	for _, subject := range people[:min(len(people), 150)] {
		tables, records := map[string]bool{}, 0
		for record, err := range s.live.Source().Collect(ctx, subject, dsar.Scope{}) {
			if err != nil {
				return err
			}
			tables[record.Section.Table] = true
			records++
		}
		if score := 10*len(tables) + min(records, 9); score > best {
			best, s.chosen = score, subject
		}
	}
	return nil
}

// handle takes a request from receipt to the end of the work.
func (h *host) handle(ctx context.Context, in dsar.Intake) (*dsar.Request, *dsar.Plan, error) {
	desk := h.kit.Desk
	r, err := desk.Receive(ctx, in)
	if err != nil {
		return nil, nil, err
	}
	if _, err := desk.Verify(ctx, r.ID, dsar.Proof{Act: dsar.Act{By: "s1"}, Method: "login"}); err != nil {
		return nil, nil, err
	}
	plan, err := desk.Plan(ctx, r.ID, dsar.Act{By: "s1"})
	if err != nil {
		return nil, nil, err
	}
	if _, err := desk.Approve(ctx, r.ID, plan.Hash, dsar.Act{By: "s2"}); err != nil {
		return nil, nil, err
	}
	r, err = desk.Work(ctx, r.ID, dsar.Act{By: "s1"})
	return r, plan, err
}

func (s *story) access(ctx context.Context) error {
	heading(4, "A request for access")
	if err := s.choose(ctx); err != nil {
		return err
	}
	r, _, err := s.handle(ctx, dsar.Intake{Kind: dsar.Access, Subjects: []string{s.chosen}, Contact: "by post", Language: "en"})
	if err != nil {
		return err
	}
	say("Received today, to be answered by %s; identity verified, approved by a second person.", r.DueDate)
	f, err := os.OpenFile(filepath.Join(s.dir, "access.zip"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	m, err := s.kit.Desk.Bundle(ctx, r.ID, f, dsar.Act{By: "s1"})
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	for _, section := range m.Sections {
		row(section.Source+" "+section.Table, section.Records, string(section.State))
	}
	_, err = s.kit.Desk.Fulfil(ctx, r.ID, dsar.Act{By: "s1"})
	return err
}

func (s *story) erasure(ctx context.Context) error {
	heading(5, "The same person asks to be erased")
	s.backup = filepath.Join(s.dir, "drill", "crm.db")
	if err := os.MkdirAll(filepath.Dir(s.backup), 0o700); err != nil {
		return err
	}
	if err := copyDatabase(ctx, filepath.Join(s.dir, "crm.db"), s.backup); err != nil { // last night's backup, for chapter 7
		return err
	}
	if err := s.withdrawLater(ctx); err != nil {
		return err
	}
	r, plan, err := s.handle(ctx, dsar.Intake{Kind: dsar.Erasure, Ground: "A17-1-b", Subjects: []string{s.chosen}, Contact: "by post", Language: "en"})
	if err != nil {
		return err
	}
	for _, p := range plan.Sources {
		for _, action := range slices.Sorted(maps.Keys(p.Actions)) {
			row(p.Source+" "+string(action), p.Actions[action], "")
		}
	}
	if err := s.kept(ctx, r.ID); err != nil {
		return err
	}
	if _, err := s.kit.Desk.Fulfil(ctx, r.ID, dsar.Act{By: "s1"}); err != nil {
		return err
	}
	after, err := crm.Counts(ctx, s.sql, s.tables)
	if err != nil {
		return err
	}
	say("The CRM's tables since the start:")
	for _, t := range s.tables {
		row(t, fmt.Sprintf("%d", after[t]), fmt.Sprintf("%+d", after[t]-s.before[t]))
	}
	return s.state(ctx, r.ID)
}

// withdrawLater has somebody withdraw after the backup was made.
func (s *story) withdrawLater(ctx context.Context) error {
	people, err := s.subjects(ctx)
	if err != nil {
		return err
	}
	_, err = s.kit.Ledger.Withdraw(ctx, consent.Act{Subject: people[1], Purpose: "newsletter", Channel: "email", At: time.Now()})
	return err
}

// kept tells what a duty keeps, why and how long.
func (s *story) kept(ctx context.Context, request string) error {
	zone, err := controller.Location()
	if err != nil {
		return err
	}
	counts := map[string]int{}
	for item, err := range s.kit.Desk.Items(ctx, request) {
		if err != nil {
			return err
		}
		if !item.Until.IsZero() {
			last := item.Until.In(zone).AddDate(0, 0, -1).Format(time.DateOnly) // Until is the first instant after it
			counts[fmt.Sprintf("%s in %s through %s, %s", item.Outcome, item.Table, last, item.Ground)]++
		}
	}
	for _, line := range slices.Sorted(maps.Keys(counts)) {
		say("%d %s", counts[line], line)
	}
	return nil
}
