package gdprkit

import (
	"context"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/pseudonym"
)

// heldSince says since when the CRM has held an address of a subject. It looks at all
// of them, so that its time does not tell which one it was.
func (k *Kit) heldSince(ctx context.Context, subject, address string) (since time.Time, err error) {
	asked := spelling(address)
	for a, err := range k.addresses(ctx, subject) {
		if err != nil {
			return time.Time{}, err
		}
		if spelling(a.Value) == asked && (since.IsZero() || !a.Since.IsZero() && a.Since.Before(since)) {
			since = a.Since
		}
	}
	return since, nil
}

// suppress puts a person that is about to be erased on the block list, with every
// address.
func (k *Kit) suppress(ctx context.Context, subject, _ string) error {
	for a, err := range k.addresses(ctx, subject) {
		if err != nil {
			return err
		}
		if strings.TrimSpace(a.Value) == "" {
			continue
		}
		if _, err := k.Ledger.Suppress(ctx, consent.Act{Subject: subject, Address: a.Value, At: k.now()}); err != nil {
			return err
		}
	}
	return nil
}

// spelling brings the spellings of an address to one form.
func spelling(s string) string {
	normalise := pseudonym.NormalisePhone
	if strings.Contains(s, "@") {
		normalise = pseudonym.NormaliseEmail
	}
	if n, err := normalise(s); err == nil {
		return n
	}
	return strings.TrimSpace(s)
}
