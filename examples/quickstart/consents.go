package main

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/consent"
)

// meet shows the CRM before anything happens, and what the map says of it.
func (s *story) meet(ctx context.Context) error {
	fmt.Println("gdprkit quickstart: an existing CRM gains its GDPR features")
	heading(1, "The CRM, and what was added")
	for _, t := range s.tables {
		row(t, s.before[t], "rows")
	}
	if err := s.measure(ctx, s.sql); err != nil {
		return err
	}
	say("Our own tables (gdpr_...) stand beside them; the CRM's tables are as they were.")
	findings, err := s.live.Check(ctx)
	if err != nil {
		return err
	}
	open := 0
	for _, f := range findings {
		if f.Waived == "" && !f.Note {
			open++
			say("finding: %v", f)
		}
	}
	say("The data map covers every table and column that holds personal data: %s open.", plural(open, "finding", "findings"))
	return nil
}

// subjects lists every customer.
func (s *story) subjects(ctx context.Context) (all []string, err error) {
	for subject, err := range s.live.Source().Subjects(ctx) {
		if err != nil {
			return nil, err
		}
		all = append(all, subject)
	}
	slices.Sort(all)
	return all, nil
}

func (s *story) consents(ctx context.Context) error {
	heading(2, "Consent: may we send the newsletter?")
	people, err := s.subjects(ctx)
	if err != nil {
		return err
	}
	if s.own {
		if err := s.importFlags(ctx); err != nil {
			return err
		}
	}
	n := min(len(people), 240)
	if err := s.signUp(ctx, people[:n]); err != nil {
		return err
	}
	if err := s.together(ctx, people[0]); err != nil {
		return err
	}
	chosen, err := s.kit.Ledger.Filter(ctx, consent.Campaign{ID: "newsletter-2026-12", Purpose: "newsletter", Channel: "email", Candidates: slices.Values(people)},
		func(string) error { return nil })
	if err != nil {
		return err
	}
	say("Campaign newsletter-2026-12, judged person by person:")
	row("may be mailed", chosen.Allowed, "")
	for _, reason := range slices.Sorted(maps.Keys(chosen.Denied)) {
		row("not: "+string(reason), chosen.Denied[reason], reason.Text())
	}
	return nil
}

// importFlags takes over the CRM's old opt-in column, for what it is worth.
func (s *story) importFlags(ctx context.Context) error {
	flags := func(yield func(consent.LegacyFlag, error) bool) {
		rows, err := s.sql.QueryContext(ctx, `SELECT id, newsletter FROM contacts ORDER BY id`)
		if err != nil {
			yield(consent.LegacyFlag{}, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			var f consent.LegacyFlag
			err := rows.Scan(&f.Subject, &f.OptIn)
			if !yield(f, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(consent.LegacyFlag{}, err)
		}
	}
	r, err := s.kit.Ledger.Import(ctx, consent.ImportJob{ID: "legacy-flags", Purpose: "newsletter", Channel: "email", Source: "crm.contacts.newsletter"}, iter.Seq2[consent.LegacyFlag, error](flags))
	if err != nil {
		return err
	}
	row("old opt-in flags", r.Unproven, "kept as unproven: a flag is no consent")
	row("old opt-out flags", r.Objections, "honoured as objections")
	return nil
}

// signUp has people order the newsletter on the web: asked, confirmed by a link,
// and some of them withdraw again.
func (s *story) signUp(ctx context.Context, people []string) error {
	var confirmed, withdrawn, objected int
	bar := newProgress("signing up")
	for i, subject := range people {
		pending, err := s.kit.Ledger.Request(ctx, consent.Act{
			Subject: subject, Purpose: "newsletter", Channel: "email", Language: "en", At: time.Now(),
			Address:  subject + "@mail.example",
			Evidence: &consent.Evidence{Method: consent.Checkbox, Form: "signup-3", Source: "web", Personal: map[string]string{"ip": "192.0.2.7"}},
		})
		if err != nil {
			continue // who objected is not asked again
		}
		if i%10 != 9 { // the others never click
			if _, err := s.kit.Ledger.Confirm(ctx, string(pending.Token.Reveal()), nil); err != nil {
				return err
			}
			confirmed++
		}
		switch i % 20 {
		case 3:
			_, err = s.kit.Ledger.Withdraw(ctx, consent.Act{Subject: subject, Purpose: "newsletter", Channel: "email", At: time.Now()})
			withdrawn++
		case 7:
			_, err = s.kit.Ledger.ObjectMarketing(ctx, consent.Act{Subject: subject, At: time.Now()})
			objected++
		}
		if err != nil {
			return err
		}
		bar.step(i, len(people))
	}
	bar.done()
	row("confirmed by their link", confirmed, "double opt-in, evidence sealed")
	row("withdrew afterwards", withdrawn, "")
	row("objected to marketing", objected, "GDPR art. 21(2)")
	return nil
}

// together shows the promise: the CRM's own row, the consent change and the audit
// entry commit together or not at all.
func (s *story) together(ctx context.Context, subject string) error {
	ctx = audit.WithActor(ctx, "s1")
	before, err := s.kit.Log.Sealed(ctx)
	if err != nil {
		return err
	}
	tx, err := s.sql.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if _, err := s.kit.Ledger.Withdraw(s.db.WithTx(ctx, tx), consent.Act{Subject: subject, Purpose: "newsletter", Channel: "email", At: time.Now()}); err != nil {
		tx.Rollback()
		return err
	}
	if err := tx.Rollback(); err != nil { // the CRM changes its mind
		return err
	}
	d, err := s.kit.Ledger.Check(ctx, consent.Query{Subject: subject, Purpose: "newsletter", Channel: "email"})
	if err != nil {
		return err
	}
	after, err := s.kit.Log.Sealed(ctx)
	if err != nil {
		return err
	}
	say("A withdrawal in the CRM's own transaction, rolled back: still %s, %s.", d.Reason, plural(int(after-before), "audit entry", "audit entries"))
	return nil
}
