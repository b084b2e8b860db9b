// Package readme holds the snippets of README.md, so that they are compiled. A test
// compares them with the page.
package readme

//lint:file-ignore SA4006 a snippet leaves out what a reader would do with each error

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gdprkit/gdprkit"
	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/pseudonym/keyring"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// InYourOwnCode is the first snippet.
func InYourOwnCode(ctx context.Context, pool *sql.DB, ring *keyring.Keyring, controller gdpr.Controller, catalogue *consent.Catalogue, id string, send func(string)) error {
	db, err := sqlstore.New(pool, sqlstore.Postgres, nil) // your *sql.DB, your driver
	err = db.Migrate(ctx)                                 // or take the SQL of sqlstore.Migrations into your own tool
	kit, err := gdprkit.Open(ctx, db, "acme", ring, &gdprkit.Options{Controller: &controller, Catalogue: catalogue})

	err = db.InTx(ctx, func(ctx context.Context) error { // your row, the consent and its audit entry: all or none
		if _, err := db.Tx(ctx).ExecContext(ctx, `UPDATE contacts SET newsletter = true WHERE id = $1`, id); err != nil {
			return err
		}
		_, err := kit.Ledger.Give(ctx, consent.Act{
			Subject: id, Purpose: "newsletter", Channel: "email", At: time.Now(),
			Evidence: &consent.Evidence{Method: consent.Checkbox, Form: "signup-3", Source: "web"},
		})
		return err
	})

	d, err := kit.Ledger.Check(ctx, consent.Query{Subject: id, Purpose: "newsletter", Channel: "email"})
	if d.Allowed {
		send(id)
	}
	return err
}

// Handler is the second snippet, around a kit.
func Handler(kit *gdprkit.Kit, user func(*http.Request) string) http.HandlerFunc {
	withdraw := func(w http.ResponseWriter, r *http.Request) {
		ctx := audit.WithActor(r.Context(), user(r))             // the CRM's id of who is logged in; "" behind a link in a mail
		err := kit.Ledger.Unsubscribe(ctx, r.PathValue("token")) // RFC 8058: on POST; a GET shows a button
		if err != nil && !errors.Is(err, consent.ErrToken) {
			http.Error(w, "try again later", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "You are unsubscribed.") // one answer, whether the token is known or not
	}
	return withdraw
}
