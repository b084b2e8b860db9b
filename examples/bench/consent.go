package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// consentCases measures package consent.
func consentCases() []Case {
	return []Case{
		{Op: "consent: check", Baseline: "the same columns by primary key, prepared SELECT", Goal: 1.15, Setup: consentCheck},
		{Op: "consent: filter", Baseline: "streaming SELECT of the same columns", Goal: 1.15, N: 1, Setup: func(e *Env) (ours, base func(int) error, err error) { return consentFilter(e, rawStream) }},
		{Op: "consent: filter against IN", Baseline: "SELECT in chunks of 500 with IN", Goal: 0.5, N: 1, Setup: func(e *Env) (ours, base func(int) error, err error) { return consentFilter(e, rawChunks) }},
		{Op: "consent: give", Baseline: "the same SQL by hand", Rate: true, Wall: true, Goal: 0.85, Setup: consentGive},
		{Op: "consent: give with audit entry", Baseline: "durable single-row INSERT", Rate: true, Wall: true, Goal: 0.3, OnSQLite: 0.35, Setup: consentAudited},
		{Op: "consent: give, 32 writers", Baseline: "the same rows chained over a locked head row, 32 writers", Rate: true, Wall: true, Goal: 10, N: crowdRound, Setup: consentCrowd},
	}
}

// crowdRound is the number of operations of a round with 32 writers: enough for each
// to have a share.
const crowdRound = 640

const benchPurpose = "news"

func benchLedger(s storage.Store, o *consent.Options) (*consent.Ledger, error) {
	c, err := consent.NewCatalogue(consent.Purpose{ID: benchPurpose, Version: 1, Basis: consent.Consent, Marketing: true, Channels: []string{"email"},
		Texts: []consent.Text{{Language: "en", Statement: "Send me news.", Notice: consent.Notice{
			Controller: "Acme", Purpose: "news", Data: "address", Withdrawal: "any time", Transfers: "none", Automated: "none"}}}})
	if err != nil {
		return nil, err
	}
	return consent.New(s, c, o)
}

// bind writes the placeholders of the engine for "?".
func (e *Env) bind(query string) string {
	if e.Engine != "postgres" {
		return query
	}
	var b strings.Builder
	n := 0
	for _, r := range query {
		if r == '?' {
			n++
			fmt.Fprintf(&b, "$%d", n)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

var fillState = &storage.Write{Verb: storage.Insert, Table: schema.ConsentState,
	Set: []string{"purpose", "channel", "subject", "status", "version", "valid_from", "event"}}

func benchKey(i int) string { return fmt.Sprintf("c-%08d", i) }

// filled returns a ledger over n persons, nine of ten with a consent that stands.
func filled(e *Env, n int) (*consent.Ledger, storage.Store, error) {
	s := e.Tenant()
	at := storage.Micros(time.Now().Add(-time.Hour))
	for i := 0; i < n; i += 1000 {
		var ops []storage.Op
		for j := i; j < min(i+1000, n); j++ {
			id := make([]byte, 16)
			rand.Read(id)
			status := consent.Given
			if j%10 == 0 {
				status = consent.Withdrawn
			}
			ops = append(ops, fillState.With(benchPurpose, "email", benchKey(j), int64(status), 1, at, id))
		}
		if _, err := s.Apply(ctx, ops...); err != nil {
			return nil, nil, err
		}
	}
	l, err := benchLedger(s, nil)
	return l, s, err
}

func consentCheck(e *Env) (ours, base func(int) error, err error) {
	n := e.Rows(200_000)
	l, s, err := filled(e, n)
	if err != nil {
		return nil, nil, err
	}
	stmt, err := e.SQL.Prepare(e.bind(`SELECT status, stops, version, valid_from, valid_until, event, body FROM gdpr_consent
		WHERE tenant = ? AND purpose = ? AND channel = ? AND subject = ?`))
	if err != nil {
		return nil, nil, err
	}
	at := 0
	next := func() string { at = (at*1103515245 + 12345) & 0x7fffffff; return benchKey(at % n) }
	ours = func(n int) error {
		for range n {
			if _, err := l.Check(ctx, consent.Query{Subject: next(), Purpose: benchPurpose, Channel: "email"}); err != nil {
				return err
			}
		}
		return nil
	}
	base = func(n int) error {
		var status, stops, version, from, until int64
		var event, body []byte
		for range n {
			if err := stmt.QueryRow(s.Scope(), benchPurpose, "email", next()).Scan(&status, &stops, &version, &from, &until, &event, &body); err != nil {
				return err
			}
		}
		return nil
	}
	return ours, base, nil
}

// consentFilter selects everybody for a campaign, against another way of reading.
func consentFilter(e *Env, raw func(e *Env, tenant string, rows int) func(int) error) (ours, base func(int) error, err error) {
	rows := e.Rows(1_000_000)
	l, s, err := filled(e, rows)
	if err != nil {
		return nil, nil, err
	}
	ours = func(n int) error {
		for range n {
			found := 0
			sel, err := l.Filter(ctx, consent.Campaign{Purpose: benchPurpose, Channel: "email"}, func(string) error { found++; return nil })
			if err != nil || int64(found) != sel.Allowed {
				return fmt.Errorf("selected %d of %d: %w", found, sel.Allowed, err)
			}
		}
		return nil
	}
	return ours, raw(e, s.Scope(), rows), nil
}

func rawStream(e *Env, tenant string, _ int) func(int) error {
	query := e.bind(`SELECT subject, status, stops, version, valid_from, valid_until, event, body FROM gdpr_consent
		WHERE tenant = ? AND purpose = ? AND channel = ? AND subject > ? ORDER BY subject`)
	return func(n int) error {
		for range n {
			if err := readAll(e.SQL.Query(query, tenant, benchPurpose, "email", "")); err != nil {
				return err
			}
		}
		return nil
	}
}

func rawChunks(e *Env, tenant string, rows int) func(int) error {
	const chunk = 500
	query := e.bind(`SELECT subject, status, stops, version, valid_from, valid_until, event, body FROM gdpr_consent
		WHERE tenant = ? AND purpose = ? AND channel = ? AND subject IN (?` + strings.Repeat(", ?", chunk-1) + `)`)
	return func(n int) error {
		for range n {
			for i := 0; i < rows; i += chunk {
				args := []any{tenant, benchPurpose, "email"}
				for j := range chunk {
					args = append(args, benchKey(i+j))
				}
				if err := readAll(e.SQL.Query(query, args...)); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

func readAll(rows *sql.Rows, err error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	var subject string
	var status, stops, version, from, until int64
	var event, body []byte
	for rows.Next() {
		if err := rows.Scan(&subject, &status, &stops, &version, &from, &until, &event, &body); err != nil {
			return err
		}
	}
	return rows.Err()
}

func giveAct(subject string) consent.Act {
	return consent.Act{Subject: subject, Purpose: benchPurpose, Channel: "email", At: time.Now(), Language: "en", Evidence: &consent.Evidence{Method: consent.Checkbox}}
}

// giving returns n gifts of new persons.
func giving(l *consent.Ledger) func(int) error {
	var who atomic.Int64
	return func(n int) error {
		for range n {
			if _, err := l.Give(ctx, giveAct(benchKey(int(who.Add(1))))); err != nil {
				return err
			}
		}
		return nil
	}
}

func consentGive(e *Env) (ours, base func(int) error, err error) {
	l, err := benchLedger(e.Tenant(), nil)
	if err != nil {
		return nil, nil, err
	}
	h, err := newHandGift(e)
	if err != nil {
		return nil, nil, err
	}
	return giving(l), h.gifts, giftsBehind(e)
}

func consentAudited(e *Env) (ours, base func(int) error, err error) {
	l, _, err := auditedLedger(e)
	if err != nil {
		return nil, nil, err
	}
	if _, err := e.SQL.Exec("CREATE TABLE IF NOT EXISTS bench_consent_row (id VARCHAR(40) PRIMARY KEY, at BIGINT, body VARCHAR(300))"); err != nil {
		return nil, nil, err
	}
	stmt, err := e.SQL.Prepare(e.bind("INSERT INTO bench_consent_row (id, at, body) VALUES (?, ?, ?)"))
	if err != nil {
		return nil, nil, err
	}
	body := strings.Repeat("x", 250)
	base = func(n int) error {
		for range n {
			if _, err := stmt.Exec(fmt.Sprintf("%x", randomID()), time.Now().UnixMicro(), body); err != nil {
				return err
			}
		}
		return nil
	}
	return giving(l), base, nil
}

func randomID() []byte {
	id := make([]byte, 16)
	rand.Read(id)
	return id
}

func auditedLedger(e *Env) (*consent.Ledger, *audit.Log, error) {
	s := e.Tenant()
	log, err := audit.New(s, nil)
	if err != nil {
		return nil, nil, err
	}
	l, err := benchLedger(s, &consent.Options{Auditor: log})
	return l, log, err
}

// consentCrowd lets 32 writers record gifts with their audit entries, which are all
// sealed at the end, against 32 writers who chain their entries over one locked row.
func consentCrowd(e *Env) (ours, base func(int) error, err error) {
	if e.Engine == "sqlite" {
		return nil, nil, elsewhere("SQLite has one writer at a time")
	}
	l, log, err := auditedLedger(e)
	if err != nil {
		return nil, nil, err
	}
	h, err := newChain(e)
	if err != nil {
		return nil, nil, err
	}
	var ourWho, baseWho atomic.Int64
	ours = func(n int) error {
		err := crowd(n, func() error {
			_, err := l.Give(ctx, giveAct(benchKey(int(ourWho.Add(1)))))
			return err
		})
		if err != nil {
			return err
		}
		_, err = log.Sealed(ctx)
		return err
	}
	base = func(n int) error {
		return crowd(n, func() error { return h.chained(benchKey(int(baseWho.Add(1)))) })
	}
	return ours, base, nil
}

// crowd does n things in 32 goroutines.
func crowd(n int, f func() error) error {
	var wg sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(n))
	errs := make(chan error, 32)
	for range 32 {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := f(); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

// chain writes gifts with entries that are chained over a head row by hand.
type chain struct {
	*handGift
	head, entry, advance *sql.Stmt
}

func newChain(e *Env) (*chain, error) {
	gift, err := newHandGift(e)
	if err != nil {
		return nil, err
	}
	entries, err := e.rawTable()
	if err != nil {
		return nil, err
	}
	hash := "BYTEA"
	if e.Engine == "mysql" {
		hash = "VARBINARY(32)"
	}
	for _, text := range []string{
		"DROP TABLE IF EXISTS bench_head", "CREATE TABLE bench_head (id INT PRIMARY KEY, n BIGINT NOT NULL, hash " + hash + " NOT NULL)",
		"INSERT INTO bench_head VALUES (1, 0, '')",
	} {
		if _, err := e.SQL.Exec(text); err != nil {
			return nil, err
		}
	}
	c := &chain{handGift: gift}
	for _, s := range []struct {
		to    **sql.Stmt
		query string
	}{
		{&c.head, "SELECT n, hash FROM bench_head WHERE id = 1 FOR UPDATE"},
		{&c.entry, e.auditBind(rawInsert(entries, 1))},
		{&c.advance, e.bind("UPDATE bench_head SET n = ?, hash = ? WHERE id = 1")},
	} {
		if *s.to, err = e.SQL.Prepare(s.query); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// chained writes a gift and the entry that follows the last one. The head row is
// locked over five round trips, until the commit.
func (c *chain) chained(subject string) error {
	tx, err := c.e.SQL.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	seq, body, err := c.person(tx, subject)
	if err != nil {
		return err
	}
	var n int64
	var last []byte
	if err := tx.Stmt(c.head).QueryRow().Scan(&n, &last); err != nil {
		return err
	}
	if err := c.write(tx, subject, seq+1, body); err != nil {
		return err
	}
	args := c.e.rawArgs()
	leaf := sha256.Sum256(args[8].([]byte))
	sum := sha256.Sum256(append(last, leaf[:]...))
	args[2], args[9], args[10] = n, leaf[:], sum[:]
	if _, err := tx.Stmt(c.entry).Exec(args...); err != nil {
		return err
	}
	if _, err := tx.Stmt(c.advance).Exec(n+1, sum[:]); err != nil {
		return err
	}
	return tx.Commit()
}
