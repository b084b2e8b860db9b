package pseudonym_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/pseudonym/keyring"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// openVault is what a host does at start-up; a real one opens sqlstore, an existing
// keyring and a journal.
func openVault() (*pseudonym.Vault, func()) {
	dir, err := os.MkdirTemp("", "vault")
	if err != nil {
		panic(err)
	}
	secret, err := keyring.RawKey(make([]byte, 32)) // from the host's secret store
	if err != nil {
		panic(err)
	}
	ring, err := keyring.Create(filepath.Join(dir, "gdpr.keyring"), secret, nil)
	if err != nil {
		panic(err)
	}
	vault, err := pseudonym.New(memstore.New(nil).Tenant("acme"), ring, nil)
	if err != nil {
		panic(err)
	}
	return vault, func() { os.RemoveAll(dir) }
}

// Seal a column, find it by its blind index, and erase the person.
func Example() {
	ctx := context.Background()
	vault, done := openVault()
	defer done()

	email := pseudonym.Place("contacts", "email", "1042")
	sealed, err := vault.SealText(ctx, "c-1042", email, "ada@example.org")
	if err != nil {
		fmt.Println(err)
		return
	}
	plain, err := vault.OpenText(ctx, "c-1042", email, sealed)
	fmt.Println(plain, err)

	err = vault.Shred(ctx, "c-1042")
	fmt.Println("shredded:", err)
	_, err = vault.OpenText(ctx, "c-1042", email, sealed)
	fmt.Println(errors.Is(err, pseudonym.ErrShredded))
	// Output:
	// ada@example.org <nil>
	// shredded: <nil>
	// true
}

// Evidence of consent is in a compartment of its own and survives the erasure of
// the rest.
func ExampleVault_Shred() {
	ctx := context.Background()
	vault, done := openVault()
	defer done()
	note, evidence := pseudonym.Place("notes", "text", "1"), pseudonym.Place("consent", "evidence", "9")
	a, _ := vault.SealText(ctx, "c-1", note, "called on Monday")
	b, _ := vault.SealText(ctx, "c-1", evidence, "ticked the box on 1 May")

	fmt.Println(vault.Shred(ctx, "c-1", pseudonym.Proof))
	_, err := vault.OpenText(ctx, "c-1", note, a)
	fmt.Println(err)
	text, err := vault.OpenText(ctx, "c-1", evidence, b)
	fmt.Println(text, err)
	// Output:
	// <nil>
	// pseudonym: key was shredded
	// ticked the box on 1 May <nil>
}

// Equal addresses have equal indexes, however they are written.
func ExampleVault_Index() {
	ctx := context.Background()
	vault, done := openVault()
	defer done()
	a, _ := vault.Index(ctx, "email", "Ada@Example.ORG")
	b, _ := vault.Index(ctx, "email", " Ada@example.org")
	c, _ := vault.Index(ctx, "email", "ada@example.org")
	fmt.Println(len(a), string(a) == string(b), string(a) == string(c))
	// Output: 17 true false
}

// A log names people by tokens.
func ExampleVault_Token() {
	ctx := context.Background()
	vault, done := openVault()
	defer done()
	token, _ := vault.Token(ctx, "subject", "c-1042")
	again, _ := vault.Token(ctx, "subject", "c-1042")
	subject, err := vault.Subject(ctx, "subject", token)
	fmt.Println(len(token), token == again, subject, err)
	// Output: 22 true c-1042 <nil>
}

type Call struct {
	Caller      string // subject key
	Number      string `gdpr:"calls.number,index=phone,subject=Caller"`
	NumberIndex []byte
	Note        string `gdpr:"calls.note"`
}

// Each field of a record is sealed under the key of the person whom it is about.
func ExampleVault_SealStruct() {
	ctx := context.Background()
	vault, done := openVault()
	defer done()
	if err := vault.Register(Call{}); err != nil {
		fmt.Println(err)
		return
	}
	call := Call{Caller: "c-7", Number: "+31 20 123 4567", Note: "asked for Bob"}
	fmt.Println(vault.SealStruct(ctx, "c-8", "1", &call))
	fmt.Println(call.Number[:4], call.Note[:4], len(call.NumberIndex))
	fmt.Println(vault.OpenStruct(ctx, "c-8", "1", &call))
	fmt.Println(call.Number, "/", call.Note)
	// Output:
	// <nil>
	// gv1. gv1. 17
	// <nil>
	// +31 20 123 4567 / asked for Bob
}
