package datamap_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/gdprkit/gdprkit/datamap"
	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

const shop = `
version: 1
subjects:
  customer: {table: customer, key: id}
purposes: {sales: A6-1-b, bookkeeping: A6-1-c}
tables:
  customer:
    purposes: [sales]
    origin: provided
    columns:
      - {name: name, is: full_name}
      - {name: email, is: email}
  invoice:
    via: [customer_id]
    purposes: [bookkeeping]
    dates: {issued: issued_on}
    keep: {ground: NL-AWR-52, from: issued, period: P7Y, round: year, fields: [id, issued_on, total]}
    columns:
      - {name: [issued_on, total, ship_to]}
`

// A map is read from YAML or JSON.
func ExampleParse() {
	m, err := datamap.Parse([]byte(shop))
	fmt.Println(len(m.Tables), m.Tables["invoice"].Keep.Ground, err)
	// Output: 2 NL-AWR-52 <nil>
}

// Every fault is reported at once, with its place.
func ExampleParse_faults() {
	_, err := datamap.Parse([]byte(`version: 1
subjects:
  customer: {table: customer, key: id}
tables:
  customer:
    columns:
      - {name: email, purposes: [newsletter]}
      - {name: postcode, erase: prefix}
`))
	var faults datamap.Faults
	errors.As(err, &faults)
	for _, f := range faults {
		fmt.Println(f.Line, f.Table, f.Column, "-", f.Rule)
	}
	// Output:
	// 7 customer email - purpose "newsletter" is not declared under purposes
	// 8 customer postcode - prefix needs a length of at least 1
}

// A map can be a Go value, too; what is unsaid has a safe default.
func ExampleMap_Check() {
	m := &datamap.Map{
		Version:  1,
		Subjects: map[string]datamap.Kind{"customer": {Table: "customer", Key: "id"}},
		Tables:   map[string]*datamap.Table{"customer": {Columns: []datamap.Column{{Names: datamap.Names{"email; --"}}}}},
	}
	fmt.Println(m.Check())
	// Output: datamap: customer.email; --: identifier must consist of letters, digits, _, $, - and spaces, begin with a letter, and have at most 128 characters
}

// One map serves a database whose names are spelled otherwise.
func ExampleSnakeCase() {
	fmt.Println(datamap.SnakeCase("InvoiceLineId"))
	// Output: invoice_line_id
}

// Who asks for an erasure gets a preview first; the run decides in the same way.
func ExampleOpen() {
	erase := func(ctx context.Context, db *sqlstore.DB) error {
		m, err := datamap.Parse([]byte(shop))
		if err != nil {
			return err
		}
		live, err := datamap.Open(ctx, db, m, nil)
		if err != nil {
			return err
		}
		for rec, err := range live.Source().Collect(ctx, "customer:17", dsar.Scope{}) {
			if err != nil {
				return err
			}
			fmt.Println(rec.Section.Table, rec.Key, rec.Values)
		}
		return nil
	}
	_ = erase
	// A program that does this over a real database stands in examples/retrofit.
}
