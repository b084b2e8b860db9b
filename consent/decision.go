package consent

import (
	"time"

	"github.com/gdprkit/gdprkit/internal/ids"
)

// A Query asks whether a processing is lawful.
type Query struct {
	Subject string
	Purpose string
	Channel string // of a purpose with channels

	// At asks whether it was lawful then, by all that is known now. Zero: now.
	At time.Time
	// AsOf asks by what was known then. Zero: by all that is known now.
	AsOf time.Time

	Address      string   // optional: the address or number, looked up in the suppression list, which knows the latest time only
	Data         []string // optional: what is used must belong to the purpose
	CollectedFor string   // optional: the purpose for which the data was collected
	Recipient    string   // optional: id of the recipient that would get the data
	Exception    Ground   // optional: Despite…, for restricted data; its use is recorded
}

// A Decision is the answer, with everything it rests on.
type Decision struct {
	Allowed bool
	Reason  Reason // the step that decided
	Basis   Ground // what allows it; for a denial the basis of the purpose

	Purpose string
	Channel string
	Version int       // of the purpose in force
	At      time.Time // the moment that was judged
	Changes time.Time // when the answer will change by itself; zero: not foreseeable

	Chain    []Step   // every rule that had a say, the deciding one first
	Records  []string // ids of the records it rests on
	Snapshot bool     // as old as the host's transaction snapshot: see storage.Traits
}

// A Step is one rule of a decision.
type Step struct {
	Code   Reason
	Denies bool
	Record string    // id of the record, if it rests on one
	At     time.Time // of that record
}

// trail collects the steps of a judgement. The first few have their room in it, so that
// it stays off the heap.
type trail struct {
	first  [3]step
	n      int
	more   []step
	denied bool
	why    Reason // the first that denies
	basis  Ground
	brief  bool // only the answer is wanted
}

type step struct {
	code   Reason
	denies bool
	id     ids.ID
	at     int64
}

func (t *trail) deny(code Reason, id ids.ID, at int64) {
	if !t.denied {
		t.denied, t.why = true, code
	}
	t.add(step{code, true, id, at})
}

func (t *trail) note(code Reason, id ids.ID, at int64) { t.add(step{code, false, id, at}) }

func (t *trail) add(s step) {
	switch {
	case t.brief:
	case t.n < len(t.first):
		t.first[t.n] = s
		t.n++
	default:
		t.more = append(t.more, s)
	}
}

// fill turns the trail into the public form: denials first, in order.
func (t *trail) fill(d *Decision) {
	d.Allowed, d.Basis = !t.denied, t.basis
	d.Chain = make([]Step, 0, t.n+len(t.more))
	for _, denies := range [...]bool{t.denied, !t.denied} {
		d.add(t.first[:t.n], denies)
		d.add(t.more, denies)
	}
	if len(d.Chain) > 0 {
		d.Reason = d.Chain[0].Code
	}
}

// add appends those of the steps that deny, or the others.
func (d *Decision) add(steps []step, denies bool) {
	for i := range steps {
		s := &steps[i]
		if s.denies != denies {
			continue
		}
		out := Step{Code: s.code, Denies: s.denies}
		if s.id != (ids.ID{}) {
			out.Record = s.id.String()
			out.At = micros(s.at)
			d.Records = append(d.Records, out.Record)
		}
		d.Chain = append(d.Chain, out)
	}
}
