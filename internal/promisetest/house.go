package promisetest

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit"
	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/internal/dsartest"
	"github.com/gdprkit/gdprkit/internal/pseudonymtest"
	"github.com/gdprkit/gdprkit/internal/retentiontest"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// A Place is a database with the library's tables and that of retentiontest.
type Place struct {
	Directory storage.Directory
	// Host runs f in a transaction that the host began.
	Host func(ctx context.Context, f func(context.Context) error) error
}

// ada is in every personal value that a case writes.
const ada = "Ada Lovelace"

const (
	subject = "c1"
	address = "ada.lovelace@example.org"
)

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// house is a tenant of a host that uses every part.
type house struct {
	t     *testing.T
	ctx   context.Context
	store storage.Store
	rows  *retentiontest.Host
	clock *atomic.Int64
	*gdprkit.Kit
}

var tenants atomic.Int64

// open opens a tenant that nobody used yet, with the person of the cases or without.
func (p Place) open(t *testing.T, mine bool) *house {
	t.Helper()
	name := fmt.Sprintf("house-%d-%d", time.Now().UnixNano(), tenants.Add(1))
	h := &house{t: t, ctx: t.Context(), store: p.Directory.Tenant(name), clock: new(atomic.Int64)}
	h.clock.Store(start.UnixMicro())
	h.rows = &retentiontest.Host{Store: h.store}
	crm := dsartest.NewCRM("crm")
	if mine {
		crm.Fill(subject, ada, address)
	}
	catalogue, err := consent.NewCatalogue(purposes()...)
	require.NoError(t, err)
	schedule, err := retention.ParseSchedule([]byte(rules))
	require.NoError(t, err)
	controller, information := dsartest.Controller(), dsartest.Information()
	h.Kit, err = gdprkit.Open(h.ctx, p.Directory, name, pseudonymtest.NewKMS(), &gdprkit.Options{
		Controller: &controller,
		Catalogue:  catalogue, Schedule: schedule, Sources: []dsar.Source{crm}, Sweeps: []retention.Source{h.rows}, Journal: new(dsartest.Journal), Notifier: post{},
		Signer: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), Now: h.now,
		Adjust: gdprkit.Adjust{
			Pseudonym: func(o *pseudonym.Options) {
				o.Indexes = map[string]pseudonym.Normaliser{"email": pseudonym.NormaliseEmail}
			},
			Retention: func(o *retention.Options) { o.Stoppers = nil },
			DSAR: func(o *dsar.Options) {
				o.Information = information
				o.Held = func(context.Context, string, string) (time.Time, error) { return start.AddDate(-1, 0, 0), nil }
			},
		},
	})
	require.NoError(t, err)
	require.NoError(t, h.Vault.Ready(h.ctx))
	require.NoError(t, h.Vault.Register(&letter{}))
	require.NoError(t, h.Vault.Ensure(h.ctx, subject, "c2"))
	require.NoError(t, h.Log.Open(h.ctx))
	require.NoError(t, h.Ledger.Publish(h.ctx))
	return h
}

func (h *house) now() time.Time { return time.UnixMicro(h.clock.Load()).UTC() }

// pass moves the clock.
func (h *house) pass(d time.Duration) { h.clock.Add(d.Microseconds()) }

// ok ends the test of a case whose preparation fails.
func (h *house) ok(err error) {
	var se *dsar.SourceError
	if errors.As(err, &se) {
		h.t.Logf("%v", se.Err)
	}
	h.t.Helper()
	require.NoError(h.t, err)
}

// rules are those of retentiontest, and two for the categories of dsartest.
var rules = strings.Replace(retentiontest.Schedule, `"rules":[`, `"rules":[
 {"id":"contact","category":"contact","kind":"maximum","period":"P2Y","start":{"events":["last_contact"]},"ground":"GDPR art. 6(1)(f)","basis":"f"},
 {"id":"note","category":"note","kind":"maximum","period":"P2Y","start":{"events":["last_contact"]},"ground":"GDPR art. 6(1)(f)","basis":"f"},`, 1)

// post tells recipients nothing.
type post struct{}

func (post) Notify(context.Context, string, []byte) error { return nil }

// letter is a struct with a sealed field.
type letter struct {
	Text string `gdpr:"letters.text"`
}

func purposes() []consent.Purpose {
	words := []consent.Text{{Language: "en", Statement: "Send me news.", Notice: consent.Notice{
		Controller: "Acme BV", Purpose: "news", Data: "address", Withdrawal: "any time by link", Transfers: "none", Automated: "none",
	}}}
	return []consent.Purpose{
		{ID: "news", Version: 1, Basis: consent.Consent, Marketing: true, Channels: []string{"email"}, Texts: words},
		{ID: "offers", Version: 1, Basis: consent.Consent, Marketing: true, Channels: []string{"email"}, DoubleOptIn: true, Texts: words},
		{ID: "survey", Version: 1, Basis: consent.Consent, Validity: "P1M", Texts: words},
		{ID: "order", Version: 1, Basis: consent.Contract},
		{ID: "scoring", Version: 1, Basis: consent.LegitimateInterest, ForAll: true, Assessment: "lia-1"},
	}
}

// everything reads all rows of each table, of the library and of the host.
var everything = func() (list []*storage.Select) {
	for _, table := range append(schema.Tables(), retentiontest.Invoice) {
		read := &storage.Select{From: table, Order: table.Key}
		for _, c := range table.Columns {
			read.Columns = append(read.Columns, c.Name)
		}
		list = append(list, read)
	}
	return list
}()

// dump returns what is held of the tenant, a line for each row.
func (h *house) dump() []string {
	h.t.Helper()
	var lines []string
	for _, read := range everything {
		for r, err := range h.store.Scan(h.ctx, read, nil) {
			h.ok(err)
			lines = append(lines, h.line(read.From, r))
		}
	}
	return lines
}

func (h *house) line(table *storage.Table, r storage.Row) string {
	dest := make([]any, len(table.Columns))
	for i, c := range table.Columns {
		switch c.Kind {
		case storage.Int:
			dest[i] = new(int64)
		case storage.Text:
			dest[i] = new(string)
		default:
			dest[i] = new([]byte)
		}
	}
	h.ok(r.Scan(dest...))
	line := table.Name
	for i, v := range dest {
		line += fmt.Sprintf(" %s=%q", table.Columns[i].Name, fmt.Sprint(reflect.ValueOf(v).Elem()))
	}
	return line
}

// all reads a sequence to its end.
func all[T any](seq iter.Seq2[T, error]) (any, error) {
	var list []any
	for v, err := range seq {
		if err != nil {
			return list, err
		}
		list = append(list, v)
	}
	return list, nil
}

func changed(before, after []string) (lines []string) {
	for _, l := range after {
		if !slices.Contains(before, l) {
			lines = append(lines, "+ "+l)
		}
	}
	for _, l := range before {
		if !slices.Contains(after, l) {
			lines = append(lines, "- "+l)
		}
	}
	return lines
}
