package gdprkit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gdprkit/gdprkit"
	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/pseudonym/keyring"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// newRing makes a keyring; a real host keeps its 32 bytes in a store of secrets.
func newRing(dir string) *keyring.Keyring {
	secret, err := keyring.RawKey(make([]byte, 32))
	check(err)
	ring, err := keyring.Create(filepath.Join(dir, "keyring"), secret, nil)
	check(err)
	return ring
}

// One call wires the parts; a host uses sqlstore on its own *sql.DB in the place of
// memstore.
func ExampleOpen() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "gdprkit-example-")
	check(err)
	defer os.RemoveAll(dir)

	catalogue, err := consent.NewCatalogue(consent.Purpose{
		ID: "newsletter", Version: 1, Basis: consent.Consent, Marketing: true, Channels: []string{"email"},
		Texts: []consent.Text{{Language: "en", Statement: "Yes, mail me the newsletter.", Notice: consent.Notice{
			Controller: "Coffee Works B.V.", Purpose: "a monthly newsletter", Data: "e-mail address",
			Withdrawal: "by the link in each mail", Transfers: "none", Automated: "none",
		}}},
	})
	check(err)
	kit, err := gdprkit.Open(ctx, memstore.New(nil), "coffee-works", newRing(dir), &gdprkit.Options{Catalogue: catalogue})
	check(err)

	_, err = kit.Ledger.Give(ctx, consent.Act{
		Subject: "c-17", Purpose: "newsletter", Channel: "email", At: time.Now(),
		Evidence: &consent.Evidence{Method: consent.Checkbox, Form: "signup-1", Source: "web"},
	})
	check(err)
	for _, contact := range []string{"c-17", "c-18"} {
		d, err := kit.Ledger.Check(ctx, consent.Query{Subject: contact, Purpose: "newsletter", Channel: "email"})
		check(err)
		fmt.Println(contact, d.Allowed, d.Reason)
	}
	report, err := kit.Log.Verify(ctx)
	check(err)
	fmt.Println("log intact:", report.Size > 0)
	// Output:
	// c-17 true consent_given
	// c-18 false no_consent
	// log intact: true
}
