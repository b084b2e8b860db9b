package main

import (
	"archive/zip"
	"bufio"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// dsarCases measures package dsar.
func dsarCases() []Case {
	return []Case{{
		Op: "dsar: copy of the data, per record", Baseline: "the same records as JSON and CSV, zipped at the same level and hashed, by hand",
		Goal: 1.15, N: 40_000, Setup: madeUpCase,
	}, {
		Op: "dsar: copy of the data, per row of a table", Baseline: "the same SELECT as JSON and CSV, zipped at the same level and hashed, by hand",
		Goal: 1.15, N: 100_000, Setup: tableCase,
	}}
}

// each calls f with the values of the first n records, until f returns false. The
// values are valid until the next call.
type each func(n int, f func(values []any) bool) error

// mails is a source over records of either kind: made up, so that only the copy is
// measured, or read from a table.
type mails struct {
	n    int
	each each
}

func madeUp(n int, f func([]any) bool) error {
	values := make([]any, 6)
	var body []byte
	for i := range n {
		body = mail(i, values, body)
		if !f(values) {
			return nil
		}
	}
	return nil
}

var mailSection = &dsar.Section{Category: "mail", Table: "mails", Columns: []dsar.Column{
	{Name: "id"}, {Name: "sent", Origin: dsar.Observed}, {Name: "sender"}, {Name: "subject"}, {Name: "body"}, {Name: "opened"},
}}

var mailWords = strings.Fields("offer meeting invoice question thanks delivery Tuesday Amsterdam contract price renewal support ticket answer please regards")

// mail fills the values of record i.
func mail(i int, values []any, body []byte) []byte {
	body = body[:0]
	x := uint32(i)*2654435761 + 1
	for range 24 {
		x = x*1664525 + 1013904223
		body = append(append(body, mailWords[x>>28]...), ' ')
	}
	values[0], values[1] = int64(i), time.Unix(1_700_000_000+int64(i)*977, 0)
	values[2], values[3] = "person"+strconv.Itoa(i%97)+"@example.org", "Re: "+mailWords[i%16]
	values[4], values[5] = string(body), i%3 == 0
	return body
}

func (m *mails) Name() string              { return "mails" }
func (m *mails) Sections() []*dsar.Section { return []*dsar.Section{mailSection} }

func (m *mails) Collect(context.Context, string, dsar.Scope) iter.Seq2[*dsar.Record, error] {
	return func(yield func(*dsar.Record, error) bool) {
		rec := &dsar.Record{Section: mailSection}
		err := m.each(m.n, func(values []any) bool {
			rec.Values, rec.Key = values, strconv.FormatInt(values[0].(int64), 10)
			return yield(rec, nil)
		})
		if err != nil {
			yield(nil, err)
		}
	}
}

func madeUpCase(*Env) (ours, base func(int) error, err error) { return bundleCase(madeUp) }

// tableCase fills a table of SQLite and reads it with one SELECT on both sides.
func tableCase(e *Env) (ours, base func(int) error, err error) {
	if e.Engine != "sqlite" {
		return nil, nil, elsewhere("the rows come from SQLite, in this process")
	}
	for _, q := range []string{
		"DROP TABLE IF EXISTS bench_mails",
		"CREATE TABLE bench_mails (id INTEGER PRIMARY KEY, sent BIGINT, sender TEXT, subject TEXT, body TEXT, opened INTEGER)",
	} {
		if _, err := e.SQL.Exec(q); err != nil {
			return nil, nil, err
		}
	}
	tx, err := e.SQL.Begin()
	if err != nil {
		return nil, nil, err
	}
	defer tx.Rollback()
	insert, err := tx.Prepare("INSERT INTO bench_mails VALUES (?, ?, ?, ?, ?, ?)")
	if err != nil {
		return nil, nil, err
	}
	err = madeUp(100_000, func(v []any) bool {
		_, err = insert.Exec(v[0], v[1].(time.Time).Unix(), v[2], v[3], v[4], v[5])
		return err == nil
	})
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		return nil, nil, err
	}
	return bundleCase(func(n int, f func([]any) bool) error { return readMails(e.SQL, n, f) })
}

// readMails is how both sides read the table.
func readMails(db *sql.DB, n int, f func([]any) bool) error {
	rows, err := db.Query("SELECT id, sent, sender, subject, body, opened FROM bench_mails ORDER BY id LIMIT ?", n)
	if err != nil {
		return err
	}
	defer rows.Close()
	values := make([]any, 6)
	for rows.Next() {
		var id, sent int64
		var sender, subject, body string
		var opened bool
		if err := rows.Scan(&id, &sent, &sender, &subject, &body, &opened); err != nil {
			return err
		}
		values[0], values[1], values[2], values[3], values[4], values[5] = id, time.Unix(sent, 0), sender, subject, body, opened
		if !f(values) {
			return nil
		}
	}
	return rows.Err()
}

func bundleCase(records each) (ours, base func(int) error, err error) {
	ctx := context.Background()
	src := &mails{1, records}
	act := dsar.Act{By: "bench"}
	desk, err := dsar.New(memstore.New(nil).Tenant("acme"),
		gdpr.Controller{Name: "Acme", Contact: "x", Authority: "AP", Country: "NL", TimeZone: "Europe/Amsterdam"},
		&dsar.Options{Sources: []dsar.Source{src}, SelfApproval: true, Information: dsar.Information{NoAutomated: true, NoTransfers: true,
			Categories: map[string]dsar.CategoryInformation{"mail": {Purposes: []string{"service"}, NoRecipients: true, Retention: "P2Y"}}}})
	if err != nil {
		return nil, nil, err
	}
	r, err := desk.Receive(ctx, dsar.Intake{Kind: dsar.Access, Subjects: []string{"c1"}})
	if err == nil {
		_, err = desk.Waive(ctx, r.ID, "bench", act)
	}
	var p *dsar.Plan
	if err == nil {
		p, err = desk.Plan(ctx, r.ID, act)
	}
	if err == nil {
		_, err = desk.Approve(ctx, r.ID, p.Hash, act)
	}
	if err == nil {
		_, err = desk.Work(ctx, r.ID, act)
	}
	ours = func(n int) error {
		src.n = n
		_, err := desk.Bundle(ctx, r.ID, io.Discard, act)
		return err
	}
	return ours, func(n int) error { return handBundle(n, records) }, err
}

// handBundle is what somebody would write for this one table.
func handBundle(n int, records each) error {
	z := zip.NewWriter(io.Discard)
	if err := handFile(z, "data.json", n, records, handJSON); err != nil {
		return err
	}
	if err := handFile(z, "mails.csv", n, records, handCSV); err != nil {
		return err
	}
	return z.Close()
}

func handFile(z *zip.Writer, name string, n int, records each, line func([]byte, []any) []byte) error {
	f, err := z.Create(name)
	if err != nil {
		return err
	}
	sum := sha256.New()
	w := bufio.NewWriterSize(io.MultiWriter(f, sum), 64<<10)
	var buf []byte
	err = records(n, func(values []any) bool {
		buf = line(buf[:0], values)
		_, werr := w.Write(buf)
		return werr == nil // it stays and shows at the flush
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(io.Discard, "%x", sum.Sum(nil))
	return w.Flush()
}

func handJSON(b []byte, v []any) []byte {
	b = append(b, `{"id":`...)
	b = strconv.AppendInt(b, v[0].(int64), 10)
	b = append(b, `,"sent":"`...)
	b = v[1].(time.Time).UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, '"')
	for i, name := range []string{`,"sender":`, `,"subject":`, `,"body":`} {
		text, err := json.Marshal(v[2+i])
		if err != nil {
			panic(err) // a string always encodes
		}
		b = append(append(b, name...), text...)
	}
	b = append(b, `,"opened":`...)
	return append(strconv.AppendBool(b, v[5].(bool)), "}\n"...)
}

func handCSV(b []byte, v []any) []byte {
	b = strconv.AppendInt(b, v[0].(int64), 10)
	b = append(b, ',')
	b = v[1].(time.Time).UTC().AppendFormat(b, time.RFC3339Nano)
	for _, cell := range v[2:5] {
		b = append(b, ',')
		if s := cell.(string); strings.ContainsAny(s, ",\"\r\n") {
			b = append(append(append(b, '"'), strings.ReplaceAll(s, `"`, `""`)...), '"')
		} else {
			b = append(b, s...)
		}
	}
	return append(strconv.AppendBool(append(b, ','), v[5].(bool)), '\r', '\n')
}
