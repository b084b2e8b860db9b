package audit_test

import (
	"context"
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
