package dsar

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/frame"
	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
)

// Act says who takes a step.
type Act struct {
	// By is the CRM's own id of the employee, or "subject" for the person, or
	// "system". It is required and never an e-mail address.
	By string
	// Key makes the step idempotent: repeated with the same content it has one
	// effect, with other content it is storage.ErrKeyReuse. Default: a new key. What
	// goes over many requests, and what hands out a copy, does not need it: it may be
	// called again as it is.
	Key string
	// Note is free text for the file. It is sealed. Default: none.
	Note string
}

// Actors that are no employees.
const (
	BySubject = "subject"
	BySystem  = "system"
)

func (d *Desk) checkAct(a *Act) error {
	if err := gdpr.CheckSubject("Act.By", a.By, false); err != nil {
		return err
	}
	if a.Key == "" {
		a.Key = ids.New().String()
	}
	return checkKey("Act.Key", a.Key)
}

// checkKey checks a key of idempotency.
func checkKey(field, key string) error {
	switch {
	case len(key) > 128:
		return invalid(field, "has %d bytes; the limit is 128", len(key))
	case !utf8.ValidString(key) || strings.ContainsFunc(key, unicode.IsControl):
		return invalid(field, "is not UTF-8 or has a control character")
	}
	return nil
}

// stepping is one step before it is taken.
type stepping struct {
	id     string
	event  Event
	act    Act
	code   string   // short clear code for history, register and log
	asked  []string // what the caller gave, where code and detail do not say it
	detail any      // content for the file, kept with the note
	plain  bool     // detail holds codes and dates only and may stand unsealed
	attrs  []slog.Attr
	at     time.Time // of this attempt
	// change sets the fields of r, whose state is still the former one, and returns
	// further writes. It may run again.
	change func(ctx context.Context, r *row, to State) ([]storage.Op, error)
	// effect runs after the desk's own writes, in the same transaction.
	effect func(ctx context.Context, r *row) error
	// letter, if set, makes the letter of the step from the row as it will be.
	letter func(ctx context.Context, r *row) (name string, extra any, err error)
}

// note is what an event keeps for the file.
type note struct {
	Text   string          `json:"text,omitempty"`
	Detail json.RawMessage `json:"detail,omitempty"`
}

// do takes a step: checks it against the table, writes request, event and audit
// entry in one transaction, and returns the request as it is then.
func (d *Desk) do(ctx context.Context, s stepping) (*Request, error) {
	r, err := d.doRow(ctx, s)
	if err != nil {
		return nil, err
	}
	return d.view(r), nil
}

// errMoved says that the request changed between reading and locking it.
var errMoved = errors.New("dsar: request changed meanwhile")

const tries = 8

func (d *Desk) doRow(ctx context.Context, s stepping) (*row, error) {
	if err := d.checkAct(&s.act); err != nil {
		return nil, err
	}
	if len(s.code) > 191 {
		return nil, invalid("code", "has %d bytes; the limit is 191", len(s.code))
	}
	for range tries {
		r, err := d.attempt(ctx, &s)
		if !errors.Is(err, errMoved) {
			return r, err
		}
	}
	return nil, storage.ErrConflict
}

// attempt prepares the step on the request as it is, without any statement that
// writes, and takes it if the request is still the same under the lock.
func (d *Desk) attempt(ctx context.Context, s *stepping) (*row, error) {
	s.at = d.now()
	before, err := d.load(ctx, s.id)
	if err != nil {
		return nil, err
	}
	hash, sealed, err := d.prepare(ctx, s)
	if err != nil {
		return nil, err
	}
	if again, err := d.repeated(ctx, s.act.Key, hash); err != nil {
		return nil, err
	} else if again {
		return d.again(ctx, before, s.act.Key)
	}
	letter, err := d.draft(ctx, *before, s)
	if err != nil {
		return nil, err
	}
	var done *row
	err = d.store.InTx(ctx, func(ctx context.Context) error {
		r, err := d.lock(ctx, s.id)
		if err != nil {
			return err
		}
		done = r
		if again, err := d.repeated(ctx, s.act.Key, hash); again || err != nil {
			return err
		}
		if r.version != before.version {
			return errMoved
		}
		return d.take(ctx, r, s, hash, sealed, letter)
	})
	if done != nil {
		done.letter = letter
	}
	return done, err
}

// draft makes the letter of a step from the row as it will be after it.
func (d *Desk) draft(ctx context.Context, r row, s *stepping) (*Letter, error) {
	if s.letter == nil {
		return nil, nil
	}
	to, _, ok := next(r.state, s.event)
	if !ok {
		return nil, &TransitionError{r.state, s.event}
	}
	if s.change != nil {
		if _, err := s.change(ctx, &r, to); err != nil {
			return nil, err
		}
	}
	d.close(&r, s, to)
	r.state = to
	name, extra, err := s.letter(ctx, &r)
	if err != nil || name == "" {
		return nil, err
	}
	if x, ok := extra.(*letterExtra); ok && r.lift != 0 {
		x.LiftOn = d.day(storage.Time(r.lift))
	}
	return d.makeLetter(ctx, &r, name, extra)
}

// prepare makes the request hash and the sealed note, before any statement.
func (d *Desk) prepare(ctx context.Context, s *stepping) (hash, sealed []byte, err error) {
	n, hash, err := s.request()
	if err != nil || n.Text == "" && n.Detail == nil {
		return hash, nil, err
	}
	sealed, err = d.enclose(ctx, s.id, notePlace(s.id, s.act.Key), n, n.Text != "" || !s.plain)
	return hash, sealed, err
}

// request returns the note of a step, and the hash of what its caller asks for.
func (s *stepping) request() (n note, hash []byte, err error) {
	n.Text = s.act.Note
	if s.detail != nil {
		if n.Detail, err = json.Marshal(s.detail); err != nil {
			return n, nil, err
		}
	}
	asked := s.asked
	if asked == nil {
		asked = []string{s.code, string(n.Detail)}
	}
	h := frame.Hash("gdprkit/dsar/step/v1", append([]string{string(s.event), s.id, s.act.By, n.Text}, asked...)...)
	return n, h[:], nil
}

func notePlace(id, key string) string { return place("gdpr_request_event", "note", id+"/"+key) }

// repeated reports whether the key was used for this very step before.
func (d *Desk) repeated(ctx context.Context, key string, hash []byte) (bool, error) {
	var id string
	var was []byte
	err := d.store.Get(ctx, eventByKey, []any{key}, &id, &was)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	case !bytes.Equal(was, hash):
		return false, storage.ErrKeyReuse
	}
	return true, nil
}

// taken reports whether the key of s was used for this very step before, so that its
// method must not ask whether it is still possible.
func (d *Desk) taken(ctx context.Context, s stepping) (bool, error) {
	if s.act.Key == "" {
		return false, nil
	}
	if err := d.checkAct(&s.act); err != nil {
		return false, err
	}
	_, hash, err := s.request()
	if err != nil {
		return false, err
	}
	return d.repeated(ctx, s.act.Key, hash)
}

func (d *Desk) take(ctx context.Context, r *row, s *stepping, hash, sealed []byte, letter *Letter) error {
	to, identity, ok := next(r.state, s.event)
	if !ok {
		return &TransitionError{r.state, s.event}
	}
	if identity && !r.identity.settled() {
		return ErrIdentity
	}
	var more []storage.Op
	if s.change != nil {
		var err error
		if more, err = s.change(ctx, r, to); err != nil {
			return err
		}
	}
	more = append(more, d.close(r, s, to)...)
	r.state = to
	r.version++
	if letter != nil {
		more = append(more, letter.ops(r)...)
	}
	ops := append([]storage.Op{updateReq.With(append(r.values(), r.id)...)}, d.eventOp(r, s, hash, sealed))
	if n, err := d.store.Apply(ctx, append(ops, more...)...); err != nil {
		return err
	} else if n[1] == 0 {
		return storage.ErrKeyReuse // taken meanwhile by a step of another request
	}
	if s.effect != nil {
		if err := s.effect(ctx, r); err != nil {
			return err
		}
	}
	return d.record(ctx, r, s)
}

// close ends what must not outlive a request that is closed by this step: what waits
// to be done, unless it was carried out as planned, and the restriction that held
// until the decision.
func (d *Desk) close(r *row, s *stepping, to State) (ops []storage.Op) {
	if !r.state.Open() || to.Open() {
		return nil
	}
	if r.paused != 0 {
		d.unpause(r, s.at)
	}
	r.closed, r.outcome = storage.Micros(s.at), s.code
	if d.interim(r) {
		r.lift = storage.Micros(s.at.Add(d.o.LiftAfter))
	}
	if to == StateFulfilled {
		return nil
	}
	for _, waits := range []string{itemPlanned, itemTried, itemDeferred} {
		ops = append(ops, endItems.With(itemCancelled, r.id, waits))
	}
	for _, waits := range []SourceState{SourcePending, SourceFailed} {
		ops = append(ops, endSources.With(string(SourceCancelled), r.id, string(waits)))
	}
	return ops
}

func (d *Desk) eventOp(r *row, s *stepping, hash, sealed []byte) storage.Op {
	return insertEvent.With(r.id, r.version, fileKey(r.id), storage.Micros(d.now()), string(s.event), string(r.state),
		s.act.By, s.code, r.due, s.act.Key, hash, bytesOrNil(sealed))
}

// record writes the audit entry of a step.
func (d *Desk) record(ctx context.Context, r *row, s *stepping) error {
	if d.o.Auditor == nil {
		return nil
	}
	attrs := append([]slog.Attr{
		gdpr.Clear("request", r.id), gdpr.Clear("kind", string(r.kind)), gdpr.Clear("state", string(r.state)),
		gdpr.Clear("due", d.lastDay(r.due)),
	}, s.attrs...)
	if s.code != "" {
		attrs = append(attrs, gdpr.Clear("code", s.code))
	}
	if d.o.Actor != nil {
		ctx = d.o.Actor(ctx, s.act.By)
	}
	subject := r.subject
	if s.event == EventChallenge {
		subject = fileKey(r.id) // there is one whoever asks, so that the work tells nobody who is known
	}
	return d.o.Auditor.Record(ctx, "request."+string(s.event), subject, attrs...)
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
