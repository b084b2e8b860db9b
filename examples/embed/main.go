// Command embed is the smallest host: a CRM with one table. Its handler commits the
// CRM's own row, the consent and the audit entry in one transaction, and the CRM
// asks before it sends.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

type crm struct {
	db     *sqlstore.DB
	ledger *consent.Ledger
	out    io.Writer
}

// subscribe is the handler behind the box "send me the newsletter".
func (c *crm) subscribe(ctx context.Context, contact string) error {
	return c.db.InTx(ctx, func(ctx context.Context) error { // may run again on a conflict: only SQL in here
		if _, err := c.db.Tx(ctx).ExecContext(ctx, `INSERT INTO subscribers (contact) VALUES (?)`, contact); err != nil {
			return err
		}
		_, err := c.ledger.Give(ctx, consent.Act{
			Subject: contact, Purpose: "newsletter", Channel: "email", At: time.Now(),
			Evidence: &consent.Evidence{Method: consent.Checkbox, Form: "signup-1", Source: "web"},
		})
		return err
	})
}

// send asks before every mail.
func (c *crm) send(ctx context.Context, contact string) error {
	d, err := c.ledger.Check(ctx, consent.Query{Subject: contact, Purpose: "newsletter", Channel: "email"})
	if err == nil && d.Allowed {
		fmt.Fprintf(c.out, "%s: mailed (%s)\n", contact, d.Basis)
	} else if err == nil {
		fmt.Fprintf(c.out, "%s: not mailed (%s)\n", contact, d.Reason)
	}
	return err
}

var newsletter = consent.Purpose{
	ID: "newsletter", Version: 1, Basis: consent.Consent, Marketing: true, Channels: []string{"email"},
	Texts: []consent.Text{{Language: "en", Statement: "Yes, mail me the newsletter.", Notice: consent.Notice{
		Controller: "Coffee Works B.V.", Purpose: "a monthly newsletter", Data: "e-mail address",
		Withdrawal: "by the link in each mail", Transfers: "none", Automated: "none",
	}}},
}

func run(ctx context.Context, path string, out io.Writer) error {
	pool, err := sql.Open("sqlite", sqlstore.SQLiteDSN(path))
	if err != nil {
		return err
	}
	defer pool.Close()
	if _, err := pool.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS subscribers (contact TEXT PRIMARY KEY)`); err != nil {
		return err
	}
	db, err := sqlstore.New(pool, sqlstore.SQLite, nil)
	if err != nil {
		return err
	}
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	tenant := db.Tenant("coffee-works")
	entries, err := audit.New(tenant, nil)
	if err != nil {
		return err
	}
	catalogue, err := consent.NewCatalogue(newsletter)
	if err != nil {
		return err
	}
	ledger, err := consent.New(tenant, catalogue, &consent.Options{Auditor: entries})
	if err != nil {
		return err
	}
	c := &crm{db: db, ledger: ledger, out: out}
	return errors.Join(
		c.subscribe(ctx, "c-1"), c.send(ctx, "c-1"), c.send(ctx, "c-2"),
		c.withdraw(ctx, "c-1"), c.send(ctx, "c-1"),
	)
}

func (c *crm) withdraw(ctx context.Context, contact string) error {
	_, err := c.ledger.Withdraw(ctx, consent.Act{Subject: contact, Purpose: "newsletter", Channel: "email", At: time.Now()})
	return err
}

func main() {
	if len(os.Args) > 1 {
		fmt.Fprintln(os.Stderr, "embed: it takes no arguments")
		os.Exit(2)
	}
	dir, err := os.MkdirTemp("", "gdprkit-embed-")
	if err == nil {
		err = errors.Join(run(context.Background(), filepath.Join(dir, "crm.db"), os.Stdout), os.RemoveAll(dir))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "embed:", err)
		os.Exit(2)
	}
}
