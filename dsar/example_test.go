package dsar_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/dsartest"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

var acme = gdpr.Controller{Name: "Acme B.V.", Contact: "privacy@acme.example", Authority: "Autoriteit Persoonsgegevens",
	Country: "NL", TimeZone: "Europe/Amsterdam", Languages: []string{"en"}}

func clock() time.Time { return time.Date(2026, 3, 5, 9, 0, 0, 0, time.UTC) }

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// A request is recorded with the last day of its period: one month from the
// receipt, moved off Easter.
func ExampleDesk_Receive() {
	ctx := context.Background()
	desk, err := dsar.New(memstore.New(nil).Tenant("acme"), acme, &dsar.Options{Now: clock})
	check(err)
	r, err := desk.Receive(ctx, dsar.Intake{Kind: dsar.Access, Subjects: []string{"contact-1"}})
	check(err)
	fmt.Println(r.State, r.Identity, r.DueDate)
	// Output: received unverified 2026-04-07
}

// An erasure is planned, approved by somebody else, and carried out as planned.
func ExampleDesk_Work() {
	ctx := context.Background()
	crm := dsartest.NewCRM("crm")
	crm.Fill("contact-1", "Anna de Vries", "anna@example.org")
	desk, err := dsar.New(memstore.New(nil).Tenant("acme"), acme, &dsar.Options{
		Sources: []dsar.Source{crm},
		Keeper:  &dsartest.Keeper{}, // keeps invoices
		Now:     clock,
	})
	check(err)
	r, err := desk.Receive(ctx, dsar.Intake{Kind: dsar.Erasure, Ground: "A17-1-b", Subjects: []string{"contact-1"}})
	check(err)
	_, err = desk.Waive(ctx, r.ID, "request_from_account", dsar.Act{By: "emp1"})
	check(err)
	plan, err := desk.Plan(ctx, r.ID, dsar.Act{By: "emp1"})
	check(err)
	fmt.Println(plan.Sources[0].Actions, plan.Sources[0].Grounds)
	_, err = desk.Approve(ctx, r.ID, plan.Hash, dsar.Act{By: "emp2"})
	check(err)
	_, err = desk.Work(ctx, r.ID, dsar.Act{By: "emp1"})
	check(err)
	done, err := desk.Fulfil(ctx, r.ID, dsar.Act{By: "emp1"})
	check(err)
	fmt.Println(done.State)
	for item, err := range desk.Items(ctx, r.ID) {
		check(err)
		fmt.Println(item.Table, item.Outcome, item.Ground)
	}
	// Output:
	// map[block:1 erase:3] map[NL-AWR-52:1]
	// fulfilled
	// contacts erased A17-1-b
	// notes erased A17-1-b
	// notes erased A17-1-b
	// invoices blocked NL-AWR-52
}

// The copy for an access request names every source, also those without records.
func ExampleDesk_Bundle() {
	ctx := context.Background()
	crm, shop := dsartest.NewCRM("crm"), dsartest.NewCRM("shop")
	crm.Fill("contact-1", "Anna de Vries", "anna@example.org")
	desk, err := dsar.New(memstore.New(nil).Tenant("acme"), acme, &dsar.Options{
		Sources: []dsar.Source{crm, shop}, Information: dsartest.Information(), Now: clock,
	})
	check(err)
	r, err := desk.Receive(ctx, dsar.Intake{Kind: dsar.Access, Subjects: []string{"contact-1"}})
	check(err)
	_, err = desk.Verify(ctx, r.ID, dsar.Proof{Act: dsar.Act{By: "emp1"}, Method: "login"})
	check(err)
	plan, err := desk.Plan(ctx, r.ID, dsar.Act{By: "emp1"})
	check(err)
	_, err = desk.Approve(ctx, r.ID, plan.Hash, dsar.Act{By: "emp2"})
	check(err)
	_, err = desk.Work(ctx, r.ID, dsar.Act{By: "emp1"})
	check(err)
	var zip bytes.Buffer
	m, err := desk.Bundle(ctx, r.ID, &zip, dsar.Act{By: "emp1"})
	check(err)
	for _, s := range m.Sections {
		fmt.Println(s.Source, s.Table, s.State, s.Records, s.Redacted)
	}
	// Output:
	// crm contacts data 1 0
	// crm notes data 2 2
	// crm invoices data 1 0
	// shop  empty 0 0
	// gdpr.requests  empty 0 0
}

// The two further months are told within the first, with the reason, once.
func ExampleDesk_Extend() {
	ctx := context.Background()
	desk, err := dsar.New(memstore.New(nil).Tenant("acme"), acme, &dsar.Options{Now: clock})
	check(err)
	r, err := desk.Receive(ctx, dsar.Intake{Kind: dsar.Access, Subjects: []string{"contact-1"}})
	check(err)
	e, err := desk.Extend(ctx, r.ID, dsar.Extension{Reason: "complexity"}, dsar.Act{By: "emp1"})
	check(err)
	fmt.Println(r.DueDate, "->", e.DueDate, e.Letter.Name)
	_, err = desk.Extend(ctx, r.ID, dsar.Extension{Reason: "number"}, dsar.Act{By: "emp1"})
	fmt.Println(err)
	// Output:
	// 2026-04-07 -> 2026-06-05 extension
	// dsar: extension not possible: gdpr: Extend: was already used; there is one extension
}

// A part that exports and forgets by itself becomes a source of two functions.
func ExampleFromFuncs() {
	sessions := map[string][]string{"contact-1": {`{"device":"phone"}`, `{"device":"laptop"}`}}
	source := dsar.FromFuncs("sessions", "credential",
		func(_ context.Context, subject string) iter.Seq2[json.RawMessage, error] {
			return func(yield func(json.RawMessage, error) bool) {
				for _, s := range sessions[subject] {
					if !yield(json.RawMessage(s), nil) {
						return
					}
				}
			}
		},
		func(_ context.Context, subject, _ string, _ time.Time) (erased, kept int, err error) {
			n := len(sessions[subject])
			delete(sessions, subject)
			return n, 0, nil
		})
	for rec, err := range source.Collect(context.Background(), "contact-1", dsar.Scope{}) {
		check(err)
		fmt.Printf("%s %s\n", rec.Key, rec.Values[0])
	}
	// Output:
	// 00000001 {"device":"phone"}
	// 00000002 {"device":"laptop"}
}
