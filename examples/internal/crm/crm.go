// Package crm makes the CRM that the examples work on: an ordinary SQLite
// database that knows nothing of gdprkit. Its people are invented, and the same
// seed makes the same people.
package crm

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Schema is what the CRM's maker wrote.
const Schema = `
CREATE TABLE staff (
	id TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE);
CREATE TABLE contacts (
	id TEXT PRIMARY KEY, first_name TEXT NOT NULL, last_name TEXT NOT NULL, email TEXT NOT NULL UNIQUE,
	phone TEXT, birth_date TEXT, street TEXT, postcode TEXT, city TEXT, country TEXT NOT NULL,
	newsletter INTEGER NOT NULL DEFAULT 0, owner_id TEXT REFERENCES staff(id),
	created_at TEXT NOT NULL, last_contact_at TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0);
CREATE TABLE deals (
	id TEXT PRIMARY KEY, contact_id TEXT NOT NULL REFERENCES contacts(id), title TEXT NOT NULL,
	amount_cents INTEGER NOT NULL, stage TEXT NOT NULL, closed_at TEXT);
CREATE TABLE invoices (
	id TEXT PRIMARY KEY, number TEXT NOT NULL UNIQUE, contact_id TEXT NOT NULL REFERENCES contacts(id),
	issued_on TEXT NOT NULL, amount_cents INTEGER NOT NULL, billing_name TEXT NOT NULL,
	billing_street TEXT, billing_postcode TEXT, billing_city TEXT, iban TEXT, memo TEXT);
CREATE TABLE calls (
	id TEXT PRIMARY KEY, contact_id TEXT NOT NULL REFERENCES contacts(id), staff_id TEXT REFERENCES staff(id),
	started_at TEXT NOT NULL, seconds INTEGER NOT NULL, notes TEXT);
CREATE TABLE mails (
	id TEXT PRIMARY KEY, contact_id TEXT NOT NULL REFERENCES contacts(id), from_addr TEXT NOT NULL,
	to_addr TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL, sent_at TEXT NOT NULL);
CREATE INDEX deals_contact ON deals(contact_id);
CREATE INDEX invoices_contact ON invoices(contact_id, issued_on);
CREATE INDEX calls_contact ON calls(contact_id, started_at);
CREATE INDEX mails_contact ON mails(contact_id, sent_at);`

// Tables are the CRM's own tables, in the order of their making.
var Tables = []string{"staff", "contacts", "deals", "invoices", "calls", "mails"}

var (
	first   = strings.Fields("Anna Bram Chantal Daan Eva Finn Greta Hugo Ines Joris Katja Lars Mila Noor Otto Pien Quinten Roos Sem Tess Uwe Vera Wim Yara Zoë Amélie Björn Çelik")
	last    = strings.Fields("Bakker Claes Dekker Evers Fischer Girard Hofman Iversen Jansen Krüger Lambert Mertens Nowak Oosten Peeters Quist Rossi Smit Thijssen Ursin Visser Wagner Ypma Zeegers")
	cities  = []struct{ name, postcode, country string }{{"Utrecht", "3511 AB", "NL"}, {"Antwerpen", "2000", "BE"}, {"Köln", "50667", "DE"}, {"Lille", "59000", "FR"}, {"Gent", "9000", "BE"}, {"Zwolle", "8011 PK", "NL"}}
	streets = strings.Fields("Kerkstraat Stationsplein Lindenlaan Molenweg Havenkade Schoolpad")
	goods   = []string{"Coffee machine", "Grinder", "Service contract", "Beans, 12 months", "Water filter"}
)

// Fill creates the tables and n contacts with their deals, invoices, calls and
// mails, dated over the fourteen years before now.
func Fill(ctx context.Context, db *sql.DB, n int, seed uint64, now time.Time) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, Schema); err != nil {
		return err
	}
	f := &filler{ctx: ctx, tx: tx, rng: rand.New(rand.NewPCG(seed, 2018)), now: now, stmts: map[string]*sql.Stmt{}}
	for i := range 6 {
		name := first[i*3] + " " + last[i*4]
		f.add("staff", fmt.Sprintf("s%d", i+1), name, mailbox(name, "crm.example"))
	}
	for i := range n {
		f.contact(i)
	}
	if f.err != nil {
		return f.err
	}
	return tx.Commit()
}

type filler struct {
	ctx   context.Context
	tx    *sql.Tx
	rng   *rand.Rand
	now   time.Time
	stmts map[string]*sql.Stmt
	seq   int
	err   error
}

func (f *filler) add(table string, values ...any) {
	if f.err != nil {
		return
	}
	s := f.stmts[table]
	if s == nil {
		q := "INSERT INTO " + table + " VALUES (" + strings.TrimSuffix(strings.Repeat("?,", len(values)), ",") + ")"
		if s, f.err = f.tx.PrepareContext(f.ctx, q); f.err != nil {
			return
		}
		f.stmts[table] = s
	}
	_, f.err = s.ExecContext(f.ctx, values...)
}

func (f *filler) id(prefix string) string {
	f.seq++
	return fmt.Sprintf("%s%06d", prefix, f.seq)
}

// ago is a moment up to so many days before the end of the CRM's history.
func (f *filler) ago(maxDays int) time.Time {
	return f.now.Add(-time.Duration(f.rng.IntN(maxDays*24*60)+60) * time.Minute)
}

func (f *filler) contact(i int) {
	r := f.rng
	given, family := first[r.IntN(len(first))], last[r.IntN(len(last))]
	city := cities[r.IntN(len(cities))]
	id := fmt.Sprintf("c%05d", i+1)
	email := mailbox(fmt.Sprintf("%s %s %d", given, family, i+1), "mail.example")
	street := fmt.Sprintf("%s %d", streets[r.IntN(len(streets))], 1+r.IntN(180))
	recent := f.ago(5110)
	f.add("contacts", id, given, family, email, fmt.Sprintf("+31 6 %08d", r.IntN(1e8)),
		fmt.Sprintf("%d-%02d-%02d", 1945+r.IntN(60), 1+r.IntN(12), 1+r.IntN(28)),
		street, city.postcode, city.name, city.country, r.IntN(2), fmt.Sprintf("s%d", 1+r.IntN(6)),
		stamp(recent.AddDate(-1, 0, 0)), stamp(recent), b2i(r.IntN(40) == 0))
	if r.IntN(3) > 0 {
		f.customer(id, given+" "+family, street, city.postcode, city.name)
	}
	for range r.IntN(3) {
		f.add("calls", f.id("k"), id, fmt.Sprintf("s%d", 1+r.IntN(6)), stamp(f.ago(1500)), 20+r.IntN(1800),
			fmt.Sprintf("%s asked about the %s.", given, strings.ToLower(goods[r.IntN(len(goods))])))
	}
	for range r.IntN(4) {
		f.add("mails", f.id("m"), id, "sales@crm.example", email, "Your "+strings.ToLower(goods[r.IntN(len(goods))]),
			fmt.Sprintf("Dear %s %s,\n\nthank you for your interest.", given, family), stamp(f.ago(1800)))
	}
}

func (f *filler) customer(id, name, street, postcode, city string) {
	for range 1 + f.rng.IntN(2) {
		thing, cents, at := goods[f.rng.IntN(len(goods))], 900+f.rng.IntN(250000), f.ago(5110)
		f.add("deals", f.id("d"), id, thing+" for "+name, cents, "won", stamp(at))
		f.seq++
		f.add("invoices", fmt.Sprintf("i%06d", f.seq), fmt.Sprintf("%d-%06d", at.Year(), f.seq), id, at.Format(time.DateOnly), cents,
			name, street, postcode, city, fmt.Sprintf("NL%02dBANK%010d", 10+f.rng.IntN(89), f.rng.Int64N(1e10)), "Delivered to "+name)
	}
}

func mailbox(name, domain string) string {
	plain := strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '.'
		case r > 127:
			return 'x'
		}
		return r
	}, strings.ToLower(name))
	return plain + "@" + domain
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Counts returns the number of rows of each of the CRM's tables.
func Counts(ctx context.Context, db *sql.DB, tables []string) (map[string]int, error) {
	counts := map[string]int{}
	for _, t := range tables {
		var n int
		if err := db.QueryRowContext(ctx, `SELECT count(*) FROM "`+strings.ReplaceAll(t, `"`, `""`)+`"`).Scan(&n); err != nil {
			return nil, err
		}
		counts[t] = n
	}
	return counts, nil
}
