package main

import (
	"archive/zip"
	"bufio"
	"context"
	"crypto/sha256"
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
		Goal: 1.15, N: 40_000, Setup: bundleCase,
	}}
}

// mails is a source that makes its records up, so that only the copy is measured.
type mails struct{ n int }

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
		rec := &dsar.Record{Section: mailSection, Values: make([]any, 6)}
		var body []byte
		for i := range m.n {
			body = mail(i, rec.Values, body)
			rec.Key = strconv.Itoa(i)
			if !yield(rec, nil) {
				return
			}
		}
	}
}

func bundleCase(*Env) (ours, base func(int) error, err error) {
	ctx := context.Background()
	src := &mails{n: 1}
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
	return ours, handBundle, err
}

// handBundle is what somebody would write for this one table.
func handBundle(n int) error {
	z := zip.NewWriter(io.Discard)
	if err := handFile(z, "data.json", n, handJSON); err != nil {
		return err
	}
	if err := handFile(z, "mails.csv", n, handCSV); err != nil {
		return err
	}
	return z.Close()
}

func handFile(z *zip.Writer, name string, n int, line func([]byte, []any) []byte) error {
	f, err := z.Create(name)
	if err != nil {
		return err
	}
	sum := sha256.New()
	w := bufio.NewWriterSize(io.MultiWriter(f, sum), 64<<10)
	values := make([]any, 6)
	var body, buf []byte
	for i := range n {
		body = mail(i, values, body)
		buf = line(buf[:0], values)
		if _, err := w.Write(buf); err != nil {
			return err
		}
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
