package dsar

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/gdprkit/gdprkit/storage"
)

// Dossier is the whole file of one request, opened. Its items are read with
// [Desk.Items].
type Dossier struct {
	Request    *Request
	Contact    string
	Mandate    string
	Text       string
	Identities map[string]string
	Changes    []Change
	Scope      Scope
	Purposes   []string
	History    []HistoryEvent // at most as many as the request has steps
	Sources    []Receipt
	Letters    []*Letter
	Notices    []Notice
}

// Dossier opens the file of a request, for whoever handles it or examines it. The
// Guard is asked, and the opening has its entry in the log. For a file that was
// erased under its own rule it is [ErrExpired].
func (d *Desk) Dossier(ctx context.Context, id string, act Act) (*Dossier, error) {
	if err := d.checkAct(&act); err != nil {
		return nil, err
	}
	r, err := d.load(ctx, id)
	if err != nil {
		return nil, err
	}
	if r.forgotten != 0 {
		return nil, ErrExpired
	}
	if err := d.allow(ctx, "request.dossier", r); err != nil {
		return nil, err
	}
	if err := d.recordOnly(ctx, r, "request.dossier", act); err != nil {
		return nil, err
	}
	return d.dossier(ctx, r)
}

func (d *Desk) dossier(ctx context.Context, r *row) (*Dossier, error) {
	f, err := d.file(ctx, r)
	if err != nil {
		return nil, err
	}
	out := &Dossier{Request: d.view(r), Contact: f.Contact, Mandate: f.Mandate, Text: f.Text, Identities: f.Identities,
		Changes: f.Changes, Scope: f.Scope, Purposes: f.Purposes}
	for e, err := range d.events(ctx, r.id) {
		if err == nil && len(e.enclosed) > 0 {
			var n note
			err = d.disclose(ctx, r.id, notePlace(r.id, e.key), e.enclosed, &n)
			e.Note, e.Detail, e.enclosed = n.Text, n.Detail, nil
		}
		if err != nil {
			return nil, err
		}
		out.History = append(out.History, e)
	}
	if out.Sources, err = d.Receipts(ctx, r.id); err != nil {
		return nil, err
	}
	for l, err := range d.Letters(ctx, r.id) {
		if err != nil {
			return nil, err
		}
		out.Letters = append(out.Letters, l)
	}
	for n, err := range d.Notices(ctx, r.id) {
		if err != nil {
			return nil, err
		}
		out.Notices = append(out.Notices, n)
	}
	return out, nil
}

// Statement writes the proof that the controller stated the erasure: an audit
// bundle of kind "entry" around the closing entry, made by Options.Prove, which
// auditverify checks offline. It holds no personal data: counts, plan hash,
// policy version, and a commitment that only the person can open ([Commitment]).
func (d *Desk) Statement(ctx context.Context, id string, w io.Writer) error {
	r, err := d.load(ctx, id)
	if err != nil {
		return err
	}
	switch {
	case d.o.Prove == nil:
		return wrap(ErrCapability, invalid("Options.Prove", "is not set"))
	case r.kind != Erasure:
		return invalid("Statement", "is for requests of kind erasure")
	case r.state != StateFulfilled:
		return &TransitionError{r.state, "statement"}
	}
	return d.o.Prove(ctx, "request."+string(EventFulfil), r.id, w)
}

// ownFile is one request in the person's own access export.
type ownFile struct {
	Request  string    `json:"request"`
	Kind     Kind      `json:"kind"`
	State    State     `json:"state"`
	Received string    `json:"received"`
	Due      string    `json:"due"`
	Outcome  string    `json:"outcome,omitempty"`
	Text     string    `json:"text,omitempty"`
	Contact  string    `json:"contact,omitempty"`
	Steps    []ownStep `json:"steps"`
	Letters  []string  `json:"letters,omitempty"`
}

type ownStep struct {
	On   string `json:"on"`
	Step Event  `json:"step"`
}

// own makes the person's view of a file: what happened when, what was written to
// and by the person; not which employee did it.
func (d *Desk) own(ctx context.Context, r *row) (json.RawMessage, error) {
	o := ownFile{Request: r.id, Kind: r.kind, State: r.state, Received: d.day(storage.Time(r.received)), Due: d.lastDay(r.due)}
	if !r.state.Open() {
		o.Outcome = r.outcome
	}
	f, err := d.file(ctx, r)
	switch {
	case errors.Is(err, ErrExpired):
	case err != nil:
		return nil, err
	default:
		o.Text, o.Contact = f.Text, f.Contact
		for l, err := range d.Letters(ctx, r.id) {
			if err != nil {
				return nil, err
			}
			if l.Text != "" {
				o.Letters = append(o.Letters, l.Text)
			}
		}
	}
	for e, err := range d.events(ctx, r.id) {
		if err != nil {
			return nil, err
		}
		if storage.Micros(e.At) > planned(ctx) {
			break
		}
		o.Steps = append(o.Steps, ownStep{d.day(e.At), e.Event})
	}
	return json.Marshal(o)
}
