package sqltest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit"
	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/datamap"
	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/internal/dsartest"
	"github.com/gdprkit/gdprkit/pseudonym/keyring"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// requests is a kit over the sample data of Chinook.
type requests struct {
	*testing.T
	db   *sqlstore.DB
	live *datamap.Live
	kit  *gdprkit.Kit
}

// Requests over Chinook from end to end, through the map of its tables and with
// every part of the library.
func TestDSARChinook(t *testing.T) {
	Each(t, func(t *testing.T, e *Engine) {
		if e.Name == "postgres-pq" {
			t.Skip("the same dialect as postgres-pgx")
		}
		s := openRequests(t, e)
		s.access()
		s.portability()
		s.rectification()
		s.restriction()
		s.erasure()
	})
}

func openRequests(t *testing.T, e *Engine) *requests {
	db := Chinook(t, e)
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	live := openChinook(t, e, db, now)
	secret, err := keyring.RawKey(make([]byte, 32))
	require.NoError(t, err)
	ring, err := keyring.Create(filepath.Join(t.TempDir(), "keyring"), secret, nil)
	require.NoError(t, err)
	_, signer, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	c := dsartest.Controller()
	info := dsar.Information{NoAutomated: true, NoTransfers: true, Categories: map[string]dsar.CategoryInformation{}}
	for _, cat := range []string{"contact", "invoice", "staff", "consent", "audit"} {
		info.Categories[cat] = dsar.CategoryInformation{Purposes: []string{"sales"}, NoRecipients: true, Retention: "P7Y", Source: "the person"}
	}
	kit, err := gdprkit.Open(t.Context(), db, "acme", ring, &gdprkit.Options{
		Controller: &c, Sources: live.Sources(), Signer: signer, Now: func() time.Time { return now },
		Adjust: gdprkit.Adjust{DSAR: func(o *dsar.Options) { o.Information = info }},
	})
	require.NoError(t, err)
	return &requests{t, db, live, kit}
}

var s1, s2 = dsar.Act{By: "s1"}, dsar.Act{By: "s2"}

// handle walks a request to StateWorked.
func (s *requests) handle(in dsar.Intake) string {
	ctx := context.Background()
	r, err := s.kit.Desk.Receive(ctx, in)
	require.NoError(s, err)
	_, err = s.kit.Desk.Waive(ctx, r.ID, "known", s1)
	require.NoError(s, err)
	p, err := s.kit.Desk.Plan(ctx, r.ID, s1)
	require.NoError(s, err)
	_, err = s.kit.Desk.Approve(ctx, r.ID, p.Hash, s2)
	require.NoError(s, err)
	_, err = s.kit.Desk.Work(ctx, r.ID, s1)
	require.NoError(s, err)
	return r.ID
}

func (s *requests) bundle(id string) (map[string]string, *dsar.Manifest) {
	var b bytes.Buffer
	m, err := s.kit.Desk.Bundle(context.Background(), id, &b, s1)
	require.NoError(s, err)
	_, err = s.kit.Desk.Fulfil(context.Background(), id, s1)
	require.NoError(s, err)
	return dsartest.Unzip(s.T, b.Bytes()), m
}

// rows reads the records of a table out of data.json.
func (s *requests) rows(data, table string) []map[string]any {
	var d struct {
		Sections []struct {
			Table   string
			Records []map[string]any
		}
	}
	dec := json.NewDecoder(strings.NewReader(data))
	dec.UseNumber()
	require.NoError(s, dec.Decode(&d))
	var out []map[string]any
	for _, sec := range d.Sections {
		if strings.EqualFold(strings.ReplaceAll(sec.Table, "_", ""), table) {
			out = append(out, sec.Records...)
		}
	}
	return out
}

// access covers two linked customers, and lists sources without records.
func (s *requests) access() {
	files, m := s.bundle(s.handle(dsar.Intake{Kind: dsar.Access, Subjects: []string{"customer:17", "customer:18"}}))
	require.Len(s, s.rows(files["data.json"], "customer"), 2)
	n := cells(s, s.db, "SELECT CustomerId FROM Invoice WHERE CustomerId = 17")
	n = append(n, cells(s, s.db, "SELECT CustomerId FROM Invoice WHERE CustomerId = 18")...)
	require.Len(s, s.rows(files["data.json"], "invoice"), len(n))
	states := map[string]dsar.SourceState{}
	for _, sec := range m.Sections {
		states[sec.Source] = sec.State
	}
	require.Equal(s, dsar.SourceEmpty, states[dsar.OwnSource])
	other := cells(s, s.db, "SELECT Email FROM Customer WHERE CustomerId = 19")[0][0]
	for name, text := range files {
		require.NotContains(s, text, other, name)
	}
}

// portable is what the map makes portable, table by table, as a query by hand gives
// it: provided by the customer or observed, for a contract. Not the keys, not who
// serves the customer, which the shop chose.
var portable = []struct{ table, columns, from string }{
	{"customer", "FirstName LastName Company Address City State Country PostalCode Phone Fax Email", " FROM Customer WHERE CustomerId = ? ORDER BY CustomerId"},
	{"invoice", "InvoiceDate BillingAddress BillingCity BillingState BillingCountry BillingPostalCode Total", " FROM Invoice WHERE CustomerId = ? ORDER BY InvoiceId"},
	{"invoiceline", "TrackId UnitPrice Quantity", " FROM InvoiceLine WHERE InvoiceId IN (SELECT InvoiceId FROM Invoice WHERE CustomerId = ? ) ORDER BY InvoiceLineId"},
}

// portability gives what was provided or observed: every cell of every row is that of
// the table, in data.json and in CSV, and nothing else is in either.
func (s *requests) portability() {
	tables := []string{"Customer", "Invoice", "InvoiceLine", "Employee"}
	before := dump(s, s.db, tables...)
	for _, customer := range []int{20, 46} {
		files, m := s.bundle(s.handle(dsar.Intake{Kind: dsar.Portability, Subjects: []string{fmt.Sprint("customer:", customer)}}))
		var names []string
		compared := 0
		for _, p := range portable {
			columns := strings.Fields(p.columns)
			want := cells(s, s.db, "SELECT "+strings.Join(columns, " , ")+p.from, customer)
			require.NotEmpty(s, want)
			require.Equal(s, want, s.sheet(files["data.json"], p.table, columns), p.table)
			name := s.tableFile(m, p.table)
			names = append(names, name)
			require.Equal(s, want, s.csv(files[name], columns), name)
			compared += len(want) * len(columns)
		}
		require.Greater(s, compared, 150, "customer %d", customer)
		for _, sec := range m.Sections {
			require.True(s, sec.Records == 0 || slices.Contains(names, sec.File), "%s %s holds something else", sec.Source, sec.Table)
		}
		for name := range files {
			require.True(s, !strings.HasPrefix(name, "csv/") || slices.Contains(names, name), name)
		}
	}
	require.Equal(s, before, dump(s, s.db, tables...), "the source rows are unchanged")
}

// sheet reads a table out of data.json, with exactly these columns.
func (s *requests) sheet(data, table string, columns []string) (out [][]string) {
	for _, rec := range s.rows(data, table) {
		require.Len(s, rec, len(columns), "columns of %s", table)
		line := make([]string, len(columns))
		for i, name := range columns {
			v, ok := rec[name]
			require.True(s, ok, "%s.%s", table, name)
			line[i] = exported(v)
		}
		out = append(out, line)
	}
	return out
}

// exported is a value of the answer in the form in which cells gives that of a query.
func exported(v any) string {
	switch x := v.(type) {
	case json.Number:
		return x.String()
	case string:
		if at, err := time.Parse(time.RFC3339Nano, x); err == nil {
			return cell(at)
		}
	}
	return cell(v)
}

func (s *requests) tableFile(m *dsar.Manifest, table string) string {
	for _, sec := range m.Sections {
		if strings.EqualFold(strings.ReplaceAll(sec.Table, "_", ""), table) {
			return sec.File
		}
	}
	return ""
}

// csv reads a file of the answer, with exactly these columns in any order. In CSV an
// empty cell is NULL too, and what a spreadsheet takes for a formula has an apostrophe.
func (s *requests) csv(text string, columns []string) (out [][]string) {
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(s, err)
	require.Len(s, lines[0], len(columns))
	for _, rec := range lines[1:] {
		line := make([]string, len(columns))
		for i, name := range columns {
			at := slices.Index(lines[0], name)
			require.GreaterOrEqual(s, at, 0, name)
			if v := strings.TrimPrefix(rec[at], "'"); v != "" {
				line[i] = exported(v)
			} else {
				line[i] = "NULL"
			}
		}
		out = append(out, line)
	}
	return out
}

func (s *requests) rectification() {
	src := s.live.Source()
	var change dsar.Change
	for rec, err := range src.Collect(s.Context(), "customer:21", dsar.Scope{}) {
		require.NoError(s, err)
		if strings.EqualFold(rec.Section.Table, "customer") {
			change = dsar.Change{Source: src.Name(), Table: rec.Section.Table, Key: rec.Key, Field: s.column(rec.Section, "lastname"), Value: "Jansen-Canary"}
		}
	}
	id := s.handle(dsar.Intake{Kind: dsar.Rectification, Subjects: []string{"customer:21"}, Changes: []dsar.Change{change}})
	_, err := s.kit.Desk.Fulfil(context.Background(), id, s1)
	require.NoError(s, err)
	require.Equal(s, "Jansen-Canary", cells(s, s.db, "SELECT LastName FROM Customer WHERE CustomerId = 21")[0][0])
	var log bytes.Buffer
	_, err = s.kit.Log.WriteBundle(s.Context(), &log, audit.Bundle{Kind: audit.KindLog})
	require.NoError(s, err)
	require.NotContains(s, log.String(), "Canary")
}

func (s *requests) column(sec *dsar.Section, name string) string {
	for _, c := range sec.Columns {
		if strings.EqualFold(strings.ReplaceAll(c.Name, "_", ""), name) {
			return c.Name
		}
	}
	s.Fatal("no column", name)
	return ""
}

func (s *requests) restriction() {
	id := s.handle(dsar.Intake{Kind: dsar.Restriction, Ground: "A18-1-a", Subjects: []string{"customer:22"}})
	r, err := s.kit.Desk.Fulfil(context.Background(), id, s1)
	require.NoError(s, err)
	require.Equal(s, dsar.LetterRestricted, r.Letter.Name)
}

// erasure keeps the invoices inside their period, and its statement is checked
// offline.
func (s *requests) erasure() {
	ctx := context.Background()
	ident := map[string]string{"email": cells(s, s.db, "SELECT Email FROM Customer WHERE CustomerId = 17")[0][0]}
	id := s.handle(dsar.Intake{Kind: dsar.Erasure, Ground: "A17-1-b", Subjects: []string{"customer:17"}, Identities: ident})
	r, err := s.kit.Desk.Fulfil(ctx, id, s1)
	require.NoError(s, err)
	require.Contains(s, r.Letter.Text, "NL-AWR-52")
	require.NotEmpty(s, cells(s, s.db, "SELECT InvoiceId FROM Invoice WHERE CustomerId = 17"), "an invoice is kept")
	require.NotEqual(s, ident["email"], cells(s, s.db, "SELECT Email FROM Customer WHERE CustomerId = 17")[0][0])
	var b bytes.Buffer
	require.NoError(s, s.kit.Desk.Statement(ctx, id, &b))
	keys, err := s.kit.Log.VerifierKeys(ctx)
	require.NoError(s, err)
	_, err = audit.VerifyBundle(bytes.NewReader(b.Bytes()), keys, nil)
	require.NoError(s, err)
	require.NotContains(s, b.String(), ident["email"])
	opening := regexp.MustCompile(`[A-Za-z0-9_-]{43}`).FindString(r.Letter.Text)
	nonce, err := base64.RawURLEncoding.DecodeString(opening)
	require.NoError(s, err)
	require.Contains(s, b.String(), dsar.Commitment(nonce, id, ident), "only the person can open it")
}
