package dsar

import (
	"context"
	"slices"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

// Identify links subject keys to the request: those under which the CRM holds
// the person. A request covers every key linked, so that duplicates of one
// person are answered together. It says nothing about the identity of who asks.
func (d *Desk) Identify(ctx context.Context, id string, act Act, subjects ...string) (*Request, error) {
	if len(subjects) == 0 {
		return nil, invalid("Identify.subjects", "is empty")
	}
	for _, s := range subjects {
		if err := gdpr.CheckSubject("Identify.subjects", s, d.o.LooseSubjects); err != nil {
			return nil, err
		}
	}
	r, err := d.load(ctx, id)
	if err != nil {
		return nil, err
	}
	f, err := d.file(ctx, r)
	if err != nil {
		return nil, err
	}
	sorted := slices.Compact(slices.Sorted(slices.Values(subjects)))
	return d.do(ctx, stepping{id: id, event: EventIdentify, act: act, detail: sorted, plain: true,
		change: func(_ context.Context, r *row, _ State) ([]storage.Op, error) {
			var ops []storage.Op
			for _, s := range sorted {
				ops = append(ops, linkSubject.With(r.id, s, storage.Micros(d.now())))
			}
			r.subjects = slices.Compact(slices.Sorted(slices.Values(append(r.subjects, sorted...))))
			if len(r.subjects) > 100 {
				return nil, invalid("Identify.subjects", "gives the request more than 100 keys")
			}
			r.subject = r.subjects[0]
			return ops, nil
		},
		effect: func(ctx context.Context, r *row) error { return d.restrictMeanwhile(ctx, r, f) }})
}

// Proof is what established the identity of the person: either a code that
// [Desk.Challenge] sent, or something that an employee saw.
type Proof struct {
	Act
	// Code is the one-time code as it was typed. With it, Verify must not run in a
	// transaction, since its count of attempts may not roll back.
	Code string
	// Method is a short code for another way: "login", "in_person", "document",
	// "knowledge", "mandate", "eid". Copies of documents are not kept: note what was
	// seen in Act.Note.
	Method string
}

var proofMethods = []string{"login", "in_person", "document", "knowledge", "mandate", "eid"}

// Verify establishes the identity. A code that does not fit is [ErrCode], whatever
// the reason, also for a request that there is not or that takes no code any more; and
// the work is the same for each reason.
func (d *Desk) Verify(ctx context.Context, id string, p Proof) (*Request, error) {
	if p.Code != "" {
		return d.verifyCode(ctx, id, p)
	}
	if !slices.Contains(proofMethods, p.Method) {
		return nil, invalid("Proof.Method", "must be one of login, in_person, document, knowledge, mandate, eid")
	}
	return d.settle(ctx, id, EventVerify, p.Act, p.Method, Verified)
}

// Waive records that there is no reasonable doubt about who asks, so that
// nothing is demanded (GDPR arts. 12(2) and 12(6)). The reason is a short clear
// code, for example "request_from_account"; explain more in the note.
func (d *Desk) Waive(ctx context.Context, id, reason string, act Act) (*Request, error) {
	if err := checkCode("Waive.reason", reason); err != nil {
		return nil, err
	}
	return d.settle(ctx, id, EventWaive, act, reason, Waived)
}

func (d *Desk) settle(ctx context.Context, id string, ev Event, act Act, code string, to Identity) (*Request, error) {
	r, err := d.load(ctx, id)
	if err != nil {
		return nil, err
	}
	f, err := d.file(ctx, r)
	if err != nil {
		return nil, err
	}
	return d.do(ctx, stepping{id: id, event: ev, act: act, code: code,
		change: func(_ context.Context, r *row, _ State) ([]storage.Op, error) {
			r.identity = to
			return []storage.Op{dropChallenges.With(r.id)}, nil
		},
		effect: func(ctx context.Context, r *row) error { return d.restrictMeanwhile(ctx, r, f) }})
}

// checkCode checks a short clear code of the caller: letters, digits and "_-.:/ ".
func checkCode(field, s string) error {
	if s == "" || len(s) > 64 {
		return invalid(field, "must be a short code of 1 to 64 bytes")
	}
	for _, c := range s {
		ok := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.' || c == ':' || c == '/'
		if !ok {
			return invalid(field, "must be a code of letters, digits, \"_\", \"-\", \".\", \":\" and \"/\"; prose goes into the note")
		}
	}
	return nil
}
