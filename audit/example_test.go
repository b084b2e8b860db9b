package audit_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

func Example() {
	log, err := audit.New(memstore.New(nil).Tenant("acme"), nil)
	if err != nil {
		panic(err)
	}
	ctx := audit.WithActor(context.Background(), "emp-7")
	err = log.Record(ctx, "contact.viewed", "c-17", gdpr.Clear("screen", "overview"), slog.Int("fields", 12))
	if err != nil {
		panic(err)
	}

	for e, err := range log.Entries(ctx, audit.Filter{Subject: "c-17"}) {
		if err != nil {
			panic(err)
		}
		fmt.Println(e.Index, e.Action, e.Attrs)
	}
	report, err := log.Verify(ctx)
	fmt.Println(report.Size, err)
	// Output:
	// 1 contact.viewed [screen=overview fields=12]
	// 2 <nil>
}

func ExampleLog_Record_personal() {
	log, _ := audit.New(memstore.New(nil).Tenant("acme"), nil)
	err := log.Record(context.Background(), "contact.changed", "c-17", slog.String("name", "Alice Jones"))
	fmt.Println(err)
	// Output:
	// gdpr: personal value refused without a sealer: Attr.name: give Options.Sealer, or mark it with gdpr.Clear if it is not personal
}

func ExampleLog_Append() {
	log, _ := audit.New(memstore.New(nil).Tenant("acme"), nil)
	event := audit.Event{
		Action: "export.made", Actor: "emp-7", Subject: "c-17", Subjects: []string{"c-18"},
		Attrs: []slog.Attr{slog.Int("rows", 1200)},
		Key:   "export-4711", // a repeat after a timeout adds nothing
	}
	first, _ := log.Append(context.Background(), event)
	again, _ := log.Append(context.Background(), event)
	size, _ := log.Sealed(context.Background())
	fmt.Println(first[0].ID == again[0].ID, size)
	// Output:
	// true 2
}

func ExampleLog_WriteBundle() {
	ctx := context.Background()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) // in earnest: from a KMS or a secret store
	log, _ := audit.New(memstore.New(nil).Tenant("acme"), &audit.Options{Signer: key})
	for range 3 {
		if err := log.Record(ctx, "contact.viewed", "c-17"); err != nil {
			panic(err)
		}
	}

	var bundle bytes.Buffer
	if _, err := log.WriteBundle(ctx, &bundle, audit.Bundle{Kind: audit.KindSubject, Subject: "c-17"}); err != nil {
		panic(err)
	}
	keys, _ := log.VerifierKeys(ctx) // published outside the database

	report, err := audit.VerifyBundle(&bundle, keys, nil)
	fmt.Println(report.Count, report.Stated, err)
	// Output:
	// 3 true <nil>
}

func ExampleLog_Redact() {
	ctx := context.Background()
	log, _ := audit.New(memstore.New(nil).Tenant("acme"), nil)
	if err := log.Record(ctx, "contact.viewed", "c-17"); err != nil {
		panic(err)
	}
	if err := log.Redact(ctx, 1, "payload_period"); err != nil {
		panic(err)
	}
	report, err := log.Verify(ctx) // the leaf hash still stands in the tree
	fmt.Println(report.Size, report.Redacted, err)
	// Output:
	// 3 1 <nil>
}

func ExampleLog_Reconcile() {
	ctx := context.Background()
	db := memstore.New(nil).Tenant("acme")
	log, _ := audit.New(db, nil)
	invoices := map[string]string{} // the host's table: id, and a column of text for the receipt

	for _, id := range []string{"2026-1", "2026-2"} {
		// In earnest the invoice is written in the same transaction.
		err := db.InTx(ctx, func(ctx context.Context) error {
			receipts, err := log.Append(ctx, audit.Event{Action: "invoice.sent", Subject: "c-17", Key: "invoice-" + id})
			if err == nil {
				invoices[id] = receipts[0].String()
			}
			return err
		})
		if err != nil {
			panic(err)
		}
	}
	// Somebody adds an invoice past the application.
	invoices["2026-3"] = "01f00000-0000-7000-8000-000000000000/47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"

	for d, err := range log.Reconcile(ctx, func(yield func(audit.Receipt, error) bool) {
		for _, text := range invoices {
			if r, err := audit.ParseReceipt(text); !yield(r, err) {
				return
			}
		}
	}) {
		fmt.Println(d.Receipt.ID, d.Rule, err)
	}
	for d, err := range log.ReconcileKeys(ctx, func(yield func(string, error) bool) {
		for id := range invoices {
			if !yield("invoice-"+id, nil) {
				return
			}
		}
	}) {
		fmt.Println(d.Key, d.Rule, err)
	}
	// Output:
	// 01f00000-0000-7000-8000-000000000000 missing <nil>
	// invoice-2026-3 missing <nil>
}
