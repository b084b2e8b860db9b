package main

import (
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/internal/ids"
)

// handGift writes what a gift writes, as somebody would write it for one engine.
type handGift struct {
	e              *Env
	tenant         string
	who            int
	lock, put, add *sql.Stmt
	read           *sql.Stmt // what lock does not return
}

func newHandGift(e *Env) (*handGift, error) {
	h := &handGift{e: e, tenant: e.Tenant().Scope()}
	lock := `INSERT INTO gdpr_consent (tenant, purpose, channel, subject, event) VALUES (?, '*', '', ?, ?) `
	read := "SELECT seq, body FROM gdpr_consent WHERE tenant = ? AND purpose = '*' AND channel = '' AND subject = ?"
	put := `INSERT INTO gdpr_consent (tenant, purpose, channel, subject, seq, status, stops, version, valid_from, valid_until, event, body)
		VALUES (?, '*', '', ?, ?, 0, 0, 0, 0, 0, ?, ?), (?, 'news', 'email', ?, 0, 4, 0, 1, ?, 0, ?, NULL) `
	if e.Engine == "mysql" {
		read += " FOR UPDATE"
		lock += `ON DUPLICATE KEY UPDATE tenant = VALUES(tenant)`
		put += `ON DUPLICATE KEY UPDATE seq = VALUES(seq), status = VALUES(status), valid_from = VALUES(valid_from), event = VALUES(event), body = VALUES(body)`
	} else {
		lock += `ON CONFLICT (tenant, purpose, channel, subject) DO UPDATE SET tenant = excluded.tenant RETURNING seq, body`
		put += `ON CONFLICT (tenant, purpose, channel, subject) DO UPDATE SET seq = excluded.seq, status = excluded.status, valid_from = excluded.valid_from, event = excluded.event, body = excluded.body`
	}
	if e.Engine == "sqlite" { // there one transaction writes at a time: a write of nothing is the lock
		lock = "UPDATE gdpr_schema_version SET state = state WHERE version < 0"
	}
	add := `INSERT INTO gdpr_consent_event (tenant, subject, seq, id, kind, purpose, channel, version, at, recorded, valid_until, ground, text_hash, proof_hash, idem, request, detail)
		VALUES (?, ?, ?, ?, 'given', 'news', 'email', 1, ?, ?, 0, 'A6-1-a', ?, ?, ?, ?, ?)`
	for _, s := range []struct {
		to    **sql.Stmt
		query string
	}{{&h.lock, lock}, {&h.read, read}, {&h.put, put}, {&h.add, add}} {
		var err error
		if *s.to, err = e.SQL.Prepare(e.bind(s.query)); err != nil {
			return nil, err
		}
	}
	return h, nil
}

var (
	detailText = `{"method":"checkbox","by":"subject","language":"en"}`
	handText   = sha256.Sum256([]byte("Send me news."))
)

func (h *handGift) gifts(n int) error {
	for range n {
		h.who++
		if err := h.gift(benchKey(h.who)); err != nil {
			return err
		}
	}
	return nil
}

func (h *handGift) gift(subject string) error {
	tx, err := h.e.SQL.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	seq, body, err := h.person(tx, subject)
	if err != nil {
		return err
	}
	if err := h.write(tx, subject, seq+1, body); err != nil {
		return err
	}
	return tx.Commit()
}

// person locks the row of the person as a whole.
func (h *handGift) person(tx *sql.Tx, subject string) (seq int64, body []byte, err error) {
	switch h.e.Engine {
	case "sqlite":
		_, err = tx.Stmt(h.lock).Exec()
	case "mysql":
		_, err = tx.Stmt(h.lock).Exec(h.tenant, subject, []byte{})
	default:
		err = tx.Stmt(h.lock).QueryRow(h.tenant, subject, []byte{}).Scan(&seq, &body)
		return seq, body, err
	}
	if err != nil {
		return 0, nil, err
	}
	err = tx.Stmt(h.read).QueryRow(h.tenant, subject).Scan(&seq, &body)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return seq, body, err
}

// giftState is what a person said to each purpose on each channel.
type giftState struct {
	Pairs map[string]giftPair `json:"pairs"`
}

type giftPair struct {
	Status  int    `json:"status"`
	Event   ids.ID `json:"event"`
	Version int    `json:"version"`
	From    int64  `json:"from"`
}

// write adds the event, with what tells a repeated request from another one under its
// key, and puts the current rows. What the person said to other purposes stays.
func (h *handGift) write(tx *sql.Tx, subject string, seq int64, body []byte) error {
	id, at := ids.New(), time.Now().UnixMicro() // an id in the order of time, as the library's
	request := sha256.Sum256(fmt.Appendf(nil, "given %q news email 1 %d %s", subject, at, detailText))
	if _, err := tx.Stmt(h.add).Exec(h.tenant, subject, seq, id[:], at, at, handText[:], []byte{}, id[:], request[:], detailText); err != nil {
		return err
	}
	var state giftState
	if len(body) > 0 {
		if err := json.Unmarshal(body, &state); err != nil {
			return err
		}
	}
	if state.Pairs == nil {
		state.Pairs = map[string]giftPair{}
	}
	state.Pairs["news|email"] = giftPair{Status: int(consent.Given), Event: id, Version: 1, From: at}
	body, err := json.Marshal(state)
	if err != nil {
		return err
	}
	_, err = tx.Stmt(h.put).Exec(h.tenant, subject, seq, []byte{}, body, h.tenant, subject, at, id[:])
	return err
}

// giftsBehind writes the rows of gifts of a tenant that stands behind both sides in the
// tables: see behindRows.
func giftsBehind(e *Env) error {
	last, err := newHandGift(e)
	if err != nil {
		return err
	}
	tx, err := e.SQL.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for i := range e.Rows(behindRows) {
		if err := last.write(tx, benchKey(i), 1, nil); err != nil {
			return err
		}
	}
	return tx.Commit()
}
