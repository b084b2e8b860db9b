package dsar

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// Limits of one-time codes.
const (
	CodeLength     = 8                // characters of Crockford's base 32: 40 bits
	CodeFor        = 15 * time.Minute // how long a code is good
	CodeAttempts   = 5                // tries per code
	CodesPerDay    = 3                // codes per request in 24 hours
	challengeSent  = "sent"           // delivered, or nothing to deliver
	challengeReady = "ready"          // waits for Deliver
)

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

var (
	challengeColumns = []string{"request", "n", "at", "expires", "attempts", "state", "held", "address", "mac", "message"}
	addChallenge     = &storage.Write{Verb: storage.Insert, Table: schema.RequestChallenge, Set: challengeColumns}
	lastChallenges   = &storage.Select{From: schema.RequestChallenge, Columns: []string{"n", "at"}, Where: storage.By("request"), Order: []string{"n"}, Desc: true, Limit: CodesPerDay, Mode: storage.Current}
	putChallenge     = &storage.Write{Verb: storage.Put, Table: schema.RequestChallenge, Set: challengeColumns}
	stateOf          = &storage.Select{From: schema.Request, Columns: []string{"state"}, Where: storage.By("id"), Mode: storage.Current}
	lastChallenge    = &storage.Select{From: schema.RequestChallenge, Columns: []string{"n", "held", "address", "mac"}, Where: storage.By("request"), Order: []string{"n"}, Desc: true, Limit: 1, Mode: storage.Current}
	countAttempt     = &storage.Write{Verb: storage.Update, Table: schema.RequestChallenge, Add: []string{"attempts"}, Where: append(storage.By("request", "n"), storage.Term{Column: "attempts", Cmp: storage.Lt}, storage.Term{Column: "expires", Cmp: storage.Gt})}
	readyChallenges  = &storage.Select{From: schema.RequestChallenge, Columns: []string{"request", "n", "expires", "message"}, Where: storage.By("state"), Order: []string{"request", "n"}}
	setSent          = &storage.Write{Verb: storage.Update, Table: schema.RequestChallenge, Set: []string{"state", "held", "message"}, Where: storage.By("request", "n")}
	dropChallenges   = &storage.Write{Verb: storage.Delete, Table: schema.RequestChallenge, Where: storage.By("request")}
)

// Delivery is a code on its way to the person. Send it and forget it: it is never
// shown to an employee.
type Delivery struct {
	Request  string
	Address  string
	Code     gdpr.Secret
	Language string
	Expires  time.Time
}

// Challenge makes a one-time code for an address, which [Desk.Deliver] hands to the
// mailer. The code goes out only if the CRM held the address for a subject of the
// request before the request came in; otherwise nothing goes out. Challenge does not
// look: its answer and its work are the same for every address and every person,
// known or not, and Deliver, which nobody waits for, looks instead. A new code voids
// the former.
func (d *Desk) Challenge(ctx context.Context, id, address string, act Act) error {
	if d.o.Secret.Len() == 0 {
		return ErrNoSecret
	}
	if d.o.Sealer == nil {
		return gdpr.ErrUnsealed
	}
	if d.o.Held == nil {
		return wrap(ErrCapability, invalid("Options.Held", "is not set"))
	}
	if address == "" || len(address) > 320 {
		return invalid("Challenge.address", "must have 1 to 320 bytes")
	}
	r, err := d.load(ctx, id)
	if err != nil {
		return err
	}
	now, code := d.now(), newCode()
	n, hash := storage.Micros(now), d.keyed("address", address)
	mac := d.keyed("code", r.id, itoa(n), string(hash), code)
	message, err := d.enclose(ctx, r.id, challengePlace(r.id, n), codeMessage{address, code}, true)
	if err != nil {
		return err
	}
	_, err = d.do(ctx, stepping{id: id, event: EventChallenge, act: act, asked: []string{hex.EncodeToString(hash)},
		change: func(ctx context.Context, r *row, _ State) ([]storage.Op, error) {
			if err := d.mayChallenge(ctx, r.id, now); err != nil {
				return nil, err
			}
			return []storage.Op{addChallenge.With(r.id, n, n, storage.Micros(now.Add(CodeFor)), 0,
				challengeReady, false, hash, mac, message)}, nil
		}})
	return err
}

// codeMessage is what waits, sealed, for Deliver.
type codeMessage struct {
	Address string `json:"address"`
	Code    string `json:"code"`
}

func challengePlace(id string, n int64) string {
	return place("gdpr_request_challenge", "message", id+"/"+itoa(n))
}

// heldBefore reports whether the CRM has held the address for one of the
// request's subjects since before the request.
func (d *Desk) heldBefore(ctx context.Context, r *row, address string) (bool, error) {
	for _, s := range r.subjects {
		since, err := d.o.Held(ctx, s, address)
		if err != nil {
			return false, err
		}
		if !since.IsZero() && storage.Micros(since) < r.received {
			return true, nil
		}
	}
	return false, nil
}

func (d *Desk) mayChallenge(ctx context.Context, id string, now time.Time) error {
	recent := 0
	for rec, err := range d.store.Scan(ctx, lastChallenges, []any{id}) {
		if err != nil {
			return err
		}
		var n, at int64
		if err := rec.Scan(&n, &at); err != nil {
			return err
		}
		if at > storage.Micros(now.Add(-24*time.Hour)) {
			recent++
		}
	}
	if recent >= CodesPerDay {
		return ErrChallenges
	}
	return nil
}

func newCode() string {
	var b [CodeLength]byte
	rand.Read(b[:])
	for i := range b {
		b[i] = crockford[b[i]&31]
	}
	return string(b[:])
}

// normalCode reads a code as it may be typed: lower case, spaces and hyphens, and
// the letters that Crockford's alphabet leaves out.
func normalCode(s string) string {
	s = strings.NewReplacer(" ", "", "-", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(s))
	if len(s) != CodeLength {
		return ""
	}
	return s
}

// verifyCode counts the attempt and commits it, then compares. Whatever is wrong, the
// request itself included, the work and the answer are the same.
func (d *Desk) verifyCode(ctx context.Context, id string, p Proof) (*Request, error) {
	if d.store.State(ctx) != storage.Outside {
		return nil, storage.ErrInTx
	}
	if d.o.Secret.Len() == 0 {
		return nil, ErrNoSecret
	}
	if err := d.checkAct(&p.Act); err != nil {
		return nil, err
	}
	ok, err := d.matches(ctx, id, p.Code)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, ErrCode
	}
	return d.settle(ctx, id, EventVerify, p.Act, "code", Verified)
}

// nobody is the request of the challenge that stands in where there is none. A write
// to it goes with every attempt, so that each commits as much as any other.
const nobody = "00000000-0000-0000-0000-000000000000"

func (d *Desk) matches(ctx context.Context, id, typed string) (bool, error) {
	if len(id) != len(nobody) {
		id = nobody
	}
	var state State
	n, held := int64(0), false
	address, stored := make([]byte, sha256.Size), make([]byte, sha256.Size)
	err := d.store.Get(ctx, stateOf, []any{id}, &state)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return false, err
	}
	_, _, open := next(state, EventVerify)
	err = d.store.Get(ctx, lastChallenge, []any{id}, &n, &held, &address, &stored)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return false, err
	}
	found := err == nil
	now := storage.Micros(d.now())
	counted, err := d.store.Apply(ctx, countAttempt.With(1, id, n, CodeAttempts, now),
		putChallenge.With(nobody, 0, now, 0, 0, challengeSent, false, make([]byte, sha256.Size), make([]byte, sha256.Size), nil))
	if err != nil {
		return false, err
	}
	mac := d.keyed("code", id, itoa(n), string(address), normalCode(typed))
	same := hmac.Equal(mac, stored)
	return same && open && found && held && counted[0] == 1 && id != nobody, nil
}

// Deliver calls send for each code that waits, if the CRM held the address before the
// request, and forgets the code when send returns nil. Call it from the host's
// worker, where its time tells nobody anything. It must not run inside a
// transaction. It returns how many were sent. After an error it goes on with other
// codes, and returns each such error once at the end; what failed is tried again by the
// next call, for as long as the code is good.
func (d *Desk) Deliver(ctx context.Context, send func(ctx context.Context, m Delivery) error) (int, error) {
	if d.store.State(ctx) != storage.Outside {
		return 0, storage.ErrInTx
	}
	sent, failed := 0, troubles{}
	for rec, err := range d.store.Scan(ctx, readyChallenges, []any{challengeReady}) {
		var id string
		var n, expires int64
		var message []byte
		if err == nil {
			err = rec.Scan(&id, &n, &expires, &message)
		}
		if err != nil {
			failed.add(err)
			break
		}
		held := false
		if expires > storage.Micros(d.now()) {
			if held, err = d.deliver(ctx, id, n, expires, message, send); err != nil {
				if failed.add(err); ctx.Err() != nil {
					break
				}
				continue
			}
		}
		if held {
			sent++
		}
		if _, err := d.store.Apply(ctx, setSent.With(challengeSent, held, nil, id, n)); err != nil {
			failed.add(err)
			break
		}
	}
	return sent, failed.err()
}

// deliver sends a code and reports true, unless the address was not held.
func (d *Desk) deliver(ctx context.Context, id string, n, expires int64, sealed []byte, send func(context.Context, Delivery) error) (bool, error) {
	if d.o.Held == nil {
		return false, wrap(ErrCapability, invalid("Options.Held", "is not set"))
	}
	r, err := d.load(ctx, id)
	if err != nil {
		return false, err
	}
	var m codeMessage
	if err := d.disclose(ctx, id, challengePlace(id, n), sealed, &m); err != nil {
		return false, err
	}
	held, err := d.heldBefore(ctx, r, m.Address)
	if err != nil || !held {
		return false, err
	}
	if _, err := d.store.Apply(ctx, setSent.With(challengeReady, true, sealed, id, n)); err != nil { // before it can be typed
		return false, err
	}
	return true, send(ctx, Delivery{id, m.Address, gdpr.NewSecret([]byte(m.Code)), r.language, storage.Time(expires)})
}
