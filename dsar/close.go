package dsar

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"slices"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/frame"
	"github.com/gdprkit/gdprkit/storage"
)

// Fulfil gives the answer: it makes the letter, which the returned request
// carries, and closes the request. A copy of data must have left by
// [Desk.Bundle] before; every recipient must have been dealt with; a review of
// an automated decision must be recorded.
func (d *Desk) Fulfil(ctx context.Context, id string, act Act) (*Request, error) {
	r, err := d.load(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := d.allow(ctx, "request.release", r); err != nil {
		return nil, err
	}
	nonce := make([]byte, 32)
	rand.Read(nonce)
	var attrs []slog.Attr
	s := stepping{id: id, event: EventFulfil, act: act, code: "fulfilled"}
	if r.kind == Erasure && r.state == StateWorked {
		if attrs, err = d.commitment(ctx, r, nonce); err != nil {
			return nil, err
		}
	}
	s.attrs = attrs
	s.change = func(ctx context.Context, r *row, _ State) ([]storage.Op, error) {
		if err := d.answerable(ctx, r); err != nil || r.kind != Erasure {
			return nil, err
		}
		return d.forgetDisclosures(ctx, r)
	}
	s.letter = func(ctx context.Context, r *row) (string, any, error) {
		extra, err := d.answer(ctx, r)
		if err == nil && r.kind == Erasure {
			extra.Opening = base64.RawURLEncoding.EncodeToString(nonce)
		}
		return letterFor(r.kind), extra, err
	}
	return d.do(ctx, s)
}

// forgetDisclosures drops the log of who received the data of an erased person,
// now that they were told; the notices of the request stay. Where the person stays
// one of the CRM's, so does the log.
func (d *Desk) forgetDisclosures(ctx context.Context, r *row) ([]storage.Op, error) {
	f, err := d.file(ctx, r)
	if err != nil || len(f.Scope.Categories) > 0 || len(f.Scope.Fields) > 0 {
		return nil, err
	}
	w := &worker{d: d, r: r, f: f}
	var ops []storage.Op
	for _, s := range r.subjects {
		kept, err := w.standing(ctx, s)
		if err != nil {
			return nil, err
		}
		if !kept {
			ops = append(ops, dropDisclosures.With(s))
		}
	}
	return ops, nil
}

// letterFor returns the name of the letter that answers a kind of request.
func letterFor(k Kind) string {
	switch k {
	case Erasure:
		return LetterErasure
	case Restriction:
		return LetterRestricted
	}
	return LetterAnswer
}

// answerable reports what still stands in the way of the answer.
func (d *Desk) answerable(ctx context.Context, r *row) error {
	var missing []string
	switch r.kind {
	case Access, Portability:
		ok, err := d.happened(ctx, r, EventBundle)
		if err != nil {
			return err
		}
		if !ok {
			missing = append(missing, "15(3): no copy was made; call Bundle")
		}
	case AutomatedDecision:
		ok, err := d.happened(ctx, r, EventReview)
		if err != nil {
			return err
		}
		if !ok {
			missing = append(missing, "22(3): no human review is recorded; call Review")
		}
	}
	if len(missing) > 0 {
		return &IncompleteError{missing}
	}
	return d.recipientsTold(ctx, r)
}

// happened reports whether the event took place under the current plan.
func (d *Desk) happened(ctx context.Context, r *row, ev Event) (bool, error) {
	for e, err := range d.events(ctx, r.id) {
		if err != nil {
			return false, err
		}
		if e.Event == ev && (ev != EventBundle || storage.Micros(e.At) >= r.planAt) {
			return true, nil
		}
	}
	return false, nil
}

// commitment binds the entry of an erasure to the person without naming them: only
// who has the opening from the letter, and knows the identifiers, can compute it.
func (d *Desk) commitment(ctx context.Context, r *row, nonce []byte) ([]slog.Attr, error) {
	f, err := d.file(ctx, r)
	if err != nil {
		return nil, err
	}
	attrs := []slog.Attr{gdpr.Clear("plan", r.planHash), gdpr.Clear("policy", clean(r.policy))}
	counts, err := d.outcomes(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, o := range sortedKeys(counts) {
		attrs = append(attrs, slog.Int(string(o), counts[o]))
	}
	return append(attrs, gdpr.Clear("commitment", Commitment(nonce, r.id, f.Identities))), nil
}

// Commitment returns the value that the statement of an erasure carries: SHA-256
// over the opening (32 bytes, in the letter as base64url), the request's id and
// the identifiers that the person gave, sorted by type, in hexadecimal. The person
// recomputes it to show that a statement is about them.
func Commitment(opening []byte, request string, identities map[string]string) string {
	b := frame.Append([]byte("gdprkit/statement/v1\x00"), opening, []byte(request))
	for _, k := range sortedKeys(identities) {
		b = frame.Append(b, k, identities[k])
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func (d *Desk) outcomes(ctx context.Context, r *row) (map[Outcome]int, error) {
	counts := map[Outcome]int{}
	for i, err := range d.Items(ctx, r.id) {
		if err != nil {
			return nil, err
		}
		counts[i.Outcome]++
	}
	return counts, nil
}

// Refusal is the answer no, with what GDPR art. 12(4) and (5) ask for.
type Refusal struct {
	// Ground is "unfounded" or "excessive" (art. 12(5)(b)), or the exception by its
	// article, for example "A17-3-b", "A21-1-override", "A23-1-d".
	Ground string
	// Reasons is what the person is told (art. 12(4)).
	Reasons string
	// Evidence shows the ground: the controller bears the burden of proof (art. 12(5)).
	Evidence string
	// Assessment is the weighing of the case; that there were many requests is not
	// enough by itself. SignedBy is who signed it, another than who takes the step.
	Assessment string
	SignedBy   string
	// Authority and Court say where the person can complain and seek a remedy (arts.
	// 77 and 79). Default for Authority: that of the controller.
	Authority string
	Court     string
	// Told is when the person was told: within one month (art. 12(4)). Default: now.
	Told time.Time
	// Late says why it is later. Without it a late refusal is an error; with it the
	// file shows that the controller knew.
	Late string
}

// Refuse closes the request with the answer no. Whatever of [Refusal] is missing is
// an [*IncompleteError].
func (d *Desk) Refuse(ctx context.Context, id string, n Refusal, act Act) (*Request, error) {
	given := n // so that a repeated call is recognised
	if n.Authority == "" {
		n.Authority = d.controller.Authority
	}
	if n.Told.IsZero() {
		n.Told = d.now()
	}
	var missing []string
	for _, item := range []struct{ value, name string }{
		{n.Ground, "12(4): ground"}, {n.Reasons, "12(4): reasons"}, {n.Evidence, "12(5): evidence"},
		{n.Assessment, "12(5): assessment"}, {n.SignedBy, "12(5): who signed the assessment"},
		{n.Authority, "12(4): supervisory authority"}, {n.Court, "12(4): judicial remedy"},
	} {
		if item.value == "" {
			missing = append(missing, item.name)
		}
	}
	if len(missing) > 0 {
		return nil, &IncompleteError{missing}
	}
	if err := checkCode("Refusal.Ground", n.Ground); err != nil {
		return nil, err
	}
	if !d.o.SelfApproval && n.SignedBy == act.By {
		return nil, ErrFourEyes
	}
	return d.do(ctx, stepping{id: id, event: EventRefuse, act: act, code: n.Ground, detail: given,
		change: func(_ context.Context, r *row, _ State) ([]storage.Op, error) {
			if n.Told.After(d.now()) || storage.Micros(n.Told) < r.received {
				return nil, invalid("Refusal.Told", "must lie between the receipt and now")
			}
			if storage.Micros(n.Told) >= r.noticeDue && n.Late == "" {
				return nil, invalid("Refusal.Late", "must say why the person is told after the first month, %s (art. 12(4))", d.lastDay(r.noticeDue))
			}
			return nil, nil
		},
		letter: func(context.Context, *row) (string, any, error) { return LetterRefusal, &letterExtra{Refusal: &n}, nil }})
}

// NotIdentifiable closes the request because the controller can show that it cannot
// tell who the person is (GDPR art. 11(2)). Shown says how; the person may provide
// more, and the request is then reopened.
func (d *Desk) NotIdentifiable(ctx context.Context, id, shown string, act Act) (*Request, error) {
	if shown == "" {
		return nil, &IncompleteError{[]string{"11(2): how the controller shows that it cannot identify the person"}}
	}
	return d.do(ctx, stepping{id: id, event: EventNotIdentifiable, act: act, code: "A11-2", detail: shown,
		change: func(_ context.Context, r *row, _ State) ([]storage.Op, error) {
			if r.identity.settled() && len(r.subjects) > 0 {
				return nil, invalid("NotIdentifiable", "the request has subjects and an established identity")
			}
			return nil, nil
		},
		letter: func(context.Context, *row) (string, any, error) { return LetterNotIdentifiable, &letterExtra{}, nil }})
}

// NoDataHeld closes the request with the confirmation that nothing about the
// person is held. It needs a plan or work that found nothing, or a request to
// which no subject could be linked.
func (d *Desk) NoDataHeld(ctx context.Context, id string, act Act) (*Request, error) {
	return d.do(ctx, stepping{id: id, event: EventNoDataHeld, act: act, code: "no_data_held",
		change: func(ctx context.Context, r *row, _ State) ([]storage.Op, error) { return nil, d.nothingFound(ctx, r) },
		letter: func(context.Context, *row) (string, any, error) { return LetterNothing, &letterExtra{}, nil }})
}

func (d *Desk) nothingFound(ctx context.Context, r *row) error {
	if r.state == StateReceived {
		if len(r.subjects) > 0 {
			return invalid("NoDataHeld", "the request names subjects; plan it to see what is held")
		}
		return nil
	}
	done, err := d.outcomes(ctx, r)
	if err != nil {
		return err
	}
	for o, n := range done {
		if r.kind == Erasure && o != NotHeld && o != "" {
			return invalid("NoDataHeld", "the sources held %d records with the outcome %s", n, o)
		}
	}
	p, err := d.lastCounts(ctx, r)
	if err != nil {
		return err
	}
	if p > 0 {
		return invalid("NoDataHeld", "the sources hold %d records", p)
	}
	return nil
}

// lastCounts asks the sources again, since a plan keeps no counts of its own for
// copies.
func (d *Desk) lastCounts(ctx context.Context, r *row) (int, error) {
	f, err := d.file(ctx, r)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, s := range d.sources {
		err := d.guarded(ctx, s, func(ctx context.Context) error {
			for _, subject := range r.subjects {
				for _, err := range s.Collect(ctx, subject, f.Scope) {
					if err != nil {
						return err
					}
					n++
				}
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	return n, nil
}

// Fee is a reasonable fee (GDPR art. 12(5)(a)).
type Fee struct {
	Amount   string // decimal, for example "15.00"
	Currency string // ISO 4217
	Reason   string // why the request is unfounded or excessive; the person is told
}

// ProposeFee announces a fee before anything is done. The person accepts it
// ([Desk.AcceptFee]), takes the request back, or the request is refused.
func (d *Desk) ProposeFee(ctx context.Context, id string, fee Fee, act Act) (*Request, error) {
	var missing []string
	if fee.Amount == "" || len(fee.Currency) != 3 {
		missing = append(missing, "12(5)(a): amount and currency")
	}
	if fee.Reason == "" {
		missing = append(missing, "12(5)(a): reason")
	}
	if len(missing) > 0 {
		return nil, &IncompleteError{missing}
	}
	return d.do(ctx, stepping{id: id, event: EventProposeFee, act: act, code: "A12-5-a", detail: fee,
		letter: func(context.Context, *row) (string, any, error) { return LetterFee, &letterExtra{Fee: &fee}, nil }})
}

// AcceptFee records that the person agreed to the fee.
func (d *Desk) AcceptFee(ctx context.Context, id string, act Act) (*Request, error) {
	return d.do(ctx, stepping{id: id, event: EventAcceptFee, act: act})
}

// Review is the human review of an automated decision (GDPR art. 22(3)).
type Review struct {
	By       string // who reviewed; able and entitled to change the decision
	Decision string // short code of the reviewed decision
	Outcome  string // "upheld", "changed" or "withdrawn"
	Reasons  string // what the person is told; sealed
	Heard    bool   // the person could express the own point of view
}

// Review records the review, without which the request cannot be fulfilled.
func (d *Desk) Review(ctx context.Context, id string, v Review, act Act) (*Request, error) {
	if err := checkCode("Review.Decision", v.Decision); err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"upheld", "changed", "withdrawn"}, v.Outcome) {
		return nil, invalid("Review.Outcome", "must be upheld, changed or withdrawn")
	}
	if v.By == "" || v.Reasons == "" || !v.Heard {
		return nil, &IncompleteError{[]string{"22(3): reviewer, reasons, and that the person was heard"}}
	}
	return d.do(ctx, stepping{id: id, event: EventReview, act: act, code: v.Outcome, detail: v,
		change: func(_ context.Context, r *row, _ State) ([]storage.Op, error) {
			if r.kind != AutomatedDecision {
				return nil, invalid("Review", "is for requests of kind automated_decision")
			}
			return nil, nil
		}})
}

// Correct settles which values a rectification changes, where the person wrote
// prose. The former changes are replaced.
func (d *Desk) Correct(ctx context.Context, id string, changes []Change, act Act) (*Request, error) {
	if len(changes) == 0 {
		return nil, invalid("Correct.changes", "is empty")
	}
	r, err := d.load(ctx, id)
	if err != nil {
		return nil, err
	}
	f, err := d.file(ctx, r)
	if err != nil {
		return nil, err
	}
	f.Changes = changes
	body, err := d.enclose(ctx, r.id, place("gdpr_request", "body", r.id), f, true)
	if err != nil {
		return nil, err
	}
	return d.do(ctx, stepping{id: id, event: EventDecide, act: act, detail: changes,
		change: func(_ context.Context, r *row, _ State) ([]storage.Op, error) {
			if r.kind != Rectification {
				return nil, invalid("Correct", "is for requests of kind rectification")
			}
			r.body = body
			return nil, nil
		}})
}

// Instruction is what a controller told its processor (GDPR art. 28(3)(a) and (e)).
type Instruction struct {
	Controller string // opaque id of the controller
	Reference  string // short code of the instruction or contract clause
}

// Forward passes a request to the controller, in the role of a processor, which
// never answers the person.
func (d *Desk) Forward(ctx context.Context, id string, in Instruction, act Act) (*Request, error) {
	if err := checkCode("Instruction.Reference", in.Reference); err != nil {
		return nil, err
	}
	if err := gdpr.CheckSubject("Instruction.Controller", in.Controller, true); err != nil {
		return nil, err
	}
	return d.do(ctx, stepping{id: id, event: EventForward, act: act, code: in.Reference, detail: in, plain: true,
		change: func(_ context.Context, r *row, _ State) ([]storage.Op, error) {
			if r.role != gdpr.RoleProcessor {
				return nil, invalid("Forward", "is for the role of a processor; a controller answers itself")
			}
			return nil, nil
		}})
}

// clean makes a version usable as a clear attribute.
func clean(s string) string { return clip(s) }
