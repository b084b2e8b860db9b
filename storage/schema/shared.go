package schema

import "github.com/gdprkit/gdprkit/storage"

// Lease is a row per piece of work that one process at a time may do. It is taken
// and renewed by compare-and-set on owner and until.
var Lease = &storage.Table{
	Name: "gdpr_lease",
	Columns: []storage.Column{
		{Name: "name", Kind: storage.Text, Size: 128, Category: "technical", Erase: "none", Lifetime: "unlimited"},
		{Name: "owner", Kind: storage.Text, Size: 64, Category: "technical", Erase: "none", Lifetime: "until released"},
		{Name: "until", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "until released"},
		{Name: "turn", Kind: storage.Int, Category: "technical", Erase: "none", Lifetime: "unlimited"},
	},
	Key: []string{"name"},
}

// Permit opens the append-only tables to the erasure of one subject, within the
// transaction that writes and removes the row.
var Permit = &storage.Table{
	Name: "gdpr_permit",
	Columns: []storage.Column{
		{Name: "subject", Kind: storage.Text, Size: 191, Category: "subject key", Erase: "row deleted", Lifetime: "within one transaction"},
	},
	Key: []string{"subject"},
}

var shared = []*storage.Table{Lease, Permit}
