package dsar

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/frame"
	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
)

// Intake is a request as it came in.
type Intake struct {
	// Key makes the receipt idempotent, for example the id of the form's entry.
	// Default: a new key.
	Key string `json:"key,omitempty"`
	// Kind is the right exercised. It is required.
	Kind Kind `json:"kind"`
	// Received is when the request reached the controller, on a working day or not.
	// Default: now. A time in the future is refused.
	Received time.Time `json:"received,omitzero"`
	// Subjects are the CRM's keys of the person, where they are known. A public form
	// leaves them out and has a worker call [Desk.Identify]: then neither the answer
	// nor its time tells the visitor who is known.
	Subjects []string `json:"subjects,omitempty"`
	// Channel is how it came in. Default: ByForm.
	Channel Channel `json:"channel,omitempty"`
	// Capacity is in which capacity it was made. Default: Self. The others need
	// Mandate.
	Capacity Capacity `json:"capacity,omitempty"`
	// Mandate says what proves the capacity. It is sealed.
	Mandate string `json:"mandate,omitempty"`
	// Language is that of the answer, BCP 47. Default: the controller's first.
	Language string `json:"language,omitempty"`
	// Contact is where the answer goes. It is sealed.
	Contact string `json:"contact,omitempty"`
	// Text is the person's own words. It is sealed.
	Text string `json:"text,omitempty"`
	// Identities are identifiers that the person gave, type to value, such as
	// "email". They are sealed.
	Identities map[string]string `json:"identities,omitempty"`
	// Scope narrows access, portability, erasure and restriction. Default: everything.
	Scope Scope `json:"scope,omitzero"`
	// Ground is required for an erasure ("A17-1-a" to "A17-1-f") and a restriction
	// ("A18-1-a" to "A18-1-d"). For an objection it is "A21-1" or "A21-2", by
	// default "A21-2" when the only purpose is "marketing".
	Ground string `json:"ground,omitempty"`
	// Purposes are those objected to, or whose consent is withdrawn.
	Purposes []string `json:"purposes,omitempty"`
	// Changes are the corrections asked for. They are sealed.
	Changes []Change `json:"changes,omitempty"`
	// NoSuppression says that the person declined to be put on the block list with
	// the erasure. Default: the block list is offered.
	NoSuppression bool `json:"noSuppression,omitempty"`
	// By is who records the request. Default: BySubject.
	By string `json:"by,omitempty"`
}

// Receive records a request, with the day on which the period ends. Recording is
// all that it does: who the person is, is established by other steps.
func (d *Desk) Receive(ctx context.Context, in Intake) (*Request, error) {
	now := d.now()
	hash, err := in.hash() // as given: defaults such as the time differ from call to call
	if err != nil {
		return nil, err
	}
	keyed := in.Key != ""
	if err := d.complete(&in, now); err != nil {
		return nil, err
	}
	if keyed { // made before: nothing is sealed for a second one
		switch r, err := d.former(ctx, in.Key, hash); {
		case err == nil:
			return d.view(r), nil
		case !errors.Is(err, storage.ErrConflict):
			return nil, err
		}
	}
	r := d.newRow(&in, now)
	f := file{in.Contact, in.Mandate, in.Text, in.Identities, in.Changes, in.Scope, in.Purposes, in.NoSuppression}
	if r.body, err = d.enclose(ctx, r.id, place("gdpr_request", "body", r.id), f, f.personal()); err != nil {
		return nil, err
	}
	s := &stepping{id: r.id, event: EventReceive, act: Act{By: in.By, Key: in.Key}, code: in.Ground}
	letter, err := d.makeLetter(ctx, r, LetterReceived, nil)
	if err != nil {
		return nil, err
	}
	var done *row
	err = d.store.InTx(ctx, func(ctx context.Context) error {
		var err error
		done, err = d.insert(ctx, r, s, hash, letter)
		return err
	})
	if err != nil {
		return nil, err
	}
	return d.view(done), nil
}

func (d *Desk) insert(ctx context.Context, r *row, s *stepping, hash []byte, letter *Letter) (*row, error) {
	n, err := d.store.Apply(ctx, d.eventOp(r, s, hash, nil))
	if err != nil {
		return nil, err
	}
	if n[0] == 0 {
		return d.former(ctx, s.act.Key, hash)
	}
	r.letter = letter
	ops := append([]storage.Op{insertReq.With(r.values()...)}, letter.ops(r)...)
	for _, subject := range r.subjects {
		ops = append(ops, linkSubject.With(r.id, subject, r.recorded))
	}
	if _, err := d.store.Apply(ctx, ops...); err != nil {
		return nil, err
	}
	return r, d.record(ctx, r, s)
}

// former returns the request that the key made before.
func (d *Desk) former(ctx context.Context, key string, hash []byte) (*row, error) {
	var id string
	var was []byte
	if err := d.store.Get(ctx, eventByKey, []any{key}, &id, &was); err != nil {
		if errors.Is(err, storage.ErrNotFound) {
			return nil, storage.ErrConflict
		}
		return nil, err
	}
	if !bytes.Equal(was, hash) {
		return nil, storage.ErrKeyReuse
	}
	r, err := d.load(ctx, id)
	if err != nil {
		return nil, err
	}
	return d.again(ctx, r, key)
}

func (in *Intake) hash() ([]byte, error) {
	c := *in
	c.Key = ""
	c.Received = c.Received.UTC()
	b, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	h := frame.Hash("gdprkit/dsar/intake/v1", b)
	return h[:], nil
}

func (d *Desk) newRow(in *Intake, now time.Time) *row {
	role := d.controller.Role
	if role == "" {
		role = gdpr.RoleController
	}
	r := &row{
		id: ids.New().String(), kind: in.Kind, state: StateReceived, identity: Unverified, role: role,
		received: storage.Micros(in.Received), recorded: storage.Micros(now), clock: storage.Micros(in.Received),
		channel: in.Channel, capacity: in.Capacity, language: in.Language, ground: in.Ground, version: 1,
	}
	r.subjects = slices.Compact(slices.Sorted(slices.Values(in.Subjects)))
	if len(r.subjects) > 0 {
		r.subject = r.subjects[0]
	}
	d.reckon(r)
	return r
}

// complete fills in defaults and checks the intake.
func (d *Desk) complete(in *Intake, now time.Time) error {
	if !slices.Contains(kinds, in.Kind) {
		return invalid("Intake.Kind", "is not one of the kinds of request")
	}
	if in.By == "" {
		in.By = BySubject
	}
	if in.Key == "" {
		in.Key = ids.New().String()
	}
	if in.Received.IsZero() {
		in.Received = now
	}
	if in.Received.After(now) {
		return invalid("Intake.Received", "lies in the future")
	}
	if in.Channel == "" {
		in.Channel = ByForm
	}
	if in.Capacity == "" {
		in.Capacity = Self
	}
	if in.Language == "" {
		in.Language = d.language()
	}
	for _, s := range in.Subjects {
		if err := gdpr.CheckSubject("Intake.Subjects", s, d.o.LooseSubjects); err != nil {
			return err
		}
	}
	if err := in.checkWho(); err != nil {
		return err
	}
	return in.checkKind()
}

func (in *Intake) checkWho() error {
	if err := checkKey("Intake.Key", in.Key); err != nil {
		return err
	}
	switch {
	case !slices.Contains([]Channel{ByForm, ByEmail, ByLetter, ByPhone, InPerson, ByAPI}, in.Channel):
		return invalid("Intake.Channel", "is not one of the channels")
	case !slices.Contains([]Capacity{Self, Proxy, Parent, LegalRep, Heir, ByAuthority}, in.Capacity):
		return invalid("Intake.Capacity", "is not one of the capacities")
	case in.Capacity != Self && in.Mandate == "":
		return invalid("Intake.Mandate", "is empty; capacity %s needs a proof", in.Capacity)
	case len(in.Language) > 16 || strings.ContainsFunc(in.Language, func(c rune) bool { return c != '-' && (c > 'z' || !unicode.IsLetter(c) && !unicode.IsDigit(c)) }):
		return invalid("Intake.Language", "must be a tag of BCP 47 of at most 16 bytes")
	case len(in.Subjects) > 100:
		return invalid("Intake.Subjects", "names more than 100 keys")
	}
	return gdpr.CheckSubject("Intake.By", in.By, false)
}

func (in *Intake) checkKind() error {
	if in.Kind == Objection && in.Ground == "" {
		in.Ground = "A21-1"
		if len(in.Purposes) == 1 && in.Purposes[0] == MarketingPurpose {
			in.Ground = "A21-2"
		}
	}
	switch {
	case in.Kind == Erasure && !slices.Contains(erasureGrounds, in.Ground):
		return invalid("Intake.Ground", "must be one of A17-1-a to A17-1-f (GDPR art. 17(1))")
	case in.Kind == Restriction && !slices.Contains(restrictionGrounds, in.Ground):
		return invalid("Intake.Ground", "must be one of A18-1-a to A18-1-d (GDPR art. 18(1))")
	case in.Kind == Objection && in.Ground != "A21-1" && in.Ground != "A21-2":
		return invalid("Intake.Ground", "must be A21-1 or A21-2 (GDPR art. 21)")
	case (in.Kind == Objection || in.Kind == Withdrawal) && len(in.Purposes) == 0:
		return invalid("Intake.Purposes", "is empty; name what is objected to, or withdrawn")
	case in.Kind == Rectification && len(in.Changes) == 0 && in.Text == "":
		return invalid("Intake.Changes", "is empty; say what is to be corrected, here or in Text")
	}
	if in.Ground != "" {
		if err := checkCode("Intake.Ground", in.Ground); err != nil {
			return err
		}
	}
	return in.checkNames()
}

// checkNames checks the names of purposes, categories and fields: an empty one would be
// taken for all of them, or for none.
func (in *Intake) checkNames() error {
	for _, name := range in.Purposes {
		if err := gdpr.CheckSubject("Intake.Purposes", name, true); err != nil {
			return err
		}
	}
	for _, name := range slices.Concat(in.Scope.Categories, in.Scope.Fields) {
		if err := gdpr.CheckSubject("Intake.Scope", name, true); err != nil {
			return err
		}
	}
	return nil
}

// language is the controller's first, or English.
func (d *Desk) language() string {
	if len(d.controller.Languages) > 0 {
		return d.controller.Languages[0]
	}
	return "en"
}
