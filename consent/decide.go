package consent

import (
	"slices"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
)

// dataScope begins the scope of a restriction that covers a category of data.
const dataScope = "data:"

var micros = storage.Time

// rules is what a decision knows besides the person: tables and catalogue. Judging
// is a pure function of rules, state, query and time.
type rules struct {
	catalogue *Catalogue
	ages      ageTable
	contacts  *contactTable
	home      string // country of the controller, for persons of unknown country
}

// view is the part of a person's state that a query is about.
type view struct {
	*state      // without pairs it is the person as a whole
	pair   pair // of the purpose and channel
}

func (s *state) view(q *Query) view { return view{s, s.pair(q.Purpose, q.Channel)} }

// decide judges the query at a time by a state.
func (r *rules) decide(q *Query, s view, at time.Time) Decision {
	var t trail
	p := r.judge(q, &s, at, &t)
	d := Decision{Purpose: q.Purpose, Channel: q.Channel, At: at}
	if p != nil {
		d.Version = p.Version
	}
	t.fill(&d)
	d.Changes = r.changes(q, &s, p, at, d.Allowed)
	return d
}

// judge puts into t what speaks for and against the query at a time.
func (r *rules) judge(q *Query, s *view, at time.Time, t *trail) *Purpose {
	p := r.catalogue.At(q.Purpose, at)
	if p == nil {
		code := PurposeUnknown
		if r.catalogue != nil && len(r.catalogue.byID[q.Purpose]) > 0 {
			code = NotInForce
		}
		t.deny(code, ids.ID{}, 0)
		return nil
	}
	j := judgement{rules: r, p: p, q: q, s: s.state, pair: &s.pair, at: at, us: storage.Micros(at), trail: t}
	t.basis = p.Basis
	if p.Closed {
		t.deny(PurposeClosed, ids.ID{}, 0)
	}
	j.subject()
	j.stops()
	j.use()
	j.ground()
	if j.strict {
		j.note(ContactStrict, ids.ID{}, 0)
	}
	return p
}

// judgement is one decision in the making.
type judgement struct {
	*rules
	*trail
	p    *Purpose
	q    *Query
	s    *state
	pair *pair
	at   time.Time
	us   int64

	strict bool // the ePrivacy rule that was looked up is the stricter reading
}

// subject looks at what ends or restricts all processing of the person.
func (j *judgement) subject() {
	if e := j.s.Erased; e != nil && j.p.Basis != LegalObligation {
		j.deny(SubjectErased, e.Event, e.At)
	}
	if d := j.s.Person.Deceased; d != 0 && d <= j.us && (j.p.Marketing || j.p.Basis == Consent) {
		j.deny(SubjectDeceased, ids.ID{}, d)
	}
	for i := range j.s.Restrict {
		r := &j.s.Restrict[i]
		if !j.inScope(r.Scope) {
			continue
		}
		if j.excepted() {
			j.note(ExceptionUsed, r.Event, r.At)
		} else {
			j.deny(RestrictedBy18, r.Event, r.At)
		}
	}
}

func (j *judgement) inScope(scope string) bool {
	if category, ok := strings.CutPrefix(scope, dataScope); ok {
		return contains(j.p.Data, category) || contains(j.q.Data, category)
	}
	return scope == AllPurposes || scope == j.p.ID
}

// excepted reports whether the query names an exception of art. 18(2) that holds.
func (j *judgement) excepted() bool {
	switch j.q.Exception {
	case DespiteConsent:
		_, ok := j.consent()
		return ok
	case DespiteClaims, DespiteRights, DespiteInterest:
		return true
	}
	return false
}

// stops looks at objections and suppressions.
func (j *judgement) stops() {
	_, consented := j.consent()
	for i := range j.s.Stops {
		st := &j.s.Stops[i]
		if !st.covers(j.p.ID, j.q.Channel, j.p.Marketing) {
			continue
		}
		switch {
		case consented && j.p.Basis == Consent && slices.Contains(j.pair.Over, st.Event):
			j.note(StopSuperseded, st.Event, st.At)
		case st.Suppress:
			j.deny(Suppressed, st.Event, st.At)
		default:
			j.deny(ObjectedMarketing, st.Event, st.At)
		}
	}
	o, ok := j.s.Object[j.p.ID]
	if !ok || !j.p.Basis.objectable() {
		return
	}
	switch o.Verdict {
	case pending:
		j.deny(ObjectionPending, o.Event, o.At)
	case upheld:
		j.deny(ObjectionUpheld, o.Event, o.At)
	default:
		j.note(ObjectionLost, o.Event, o.At)
	}
}

// use looks at which data is used, where it came from and where it goes.
func (j *judgement) use() {
	for _, d := range j.q.Data {
		if !contains(j.p.Data, d) {
			j.deny(DataOutside, ids.ID{}, 0)
			break
		}
	}
	if from := j.q.CollectedFor; from != "" && from != j.p.ID && !contains(j.p.Compatible, from) {
		j.deny(Incompatible, ids.ID{}, 0)
	}
	if j.q.Recipient == "" {
		return
	}
	i := slices.IndexFunc(j.p.Recipients, func(r Recipient) bool { return r.ID == j.q.Recipient })
	if i < 0 {
		j.deny(RecipientUnknown, ids.ID{}, 0)
		return
	}
	_, consented := j.consent()
	if !transfers().safe(&j.p.Recipients[i], j.at, consented && j.pair.Explicit) {
		j.deny(TransferUnsafe, ids.ID{}, 0)
	}
}

// ground looks for what allows the processing.
func (j *judgement) ground() {
	if j.p.Basis != Consent {
		j.otherGround()
		return
	}
	code, ok := j.consent()
	if ok {
		j.note(ConsentGiven, j.pair.Event, j.pair.From)
		return
	}
	if j.p.Existing && j.existingCustomer() {
		j.basis = ExistingCustomer
		j.note(CustomerHeld, j.pair.Held.Event, j.pair.Held.From)
		return
	}
	j.deny(code, j.pair.Event, j.pair.From)
}

// otherGround looks at a basis other than consent, and at the ePrivacy rules that
// stand beside it.
func (j *judgement) otherGround() {
	h := j.pair.Held
	if j.pair.Status >= Invalidated { // a new basis revives nobody who said no
		code, _ := j.consent()
		j.deny(code, j.pair.Event, j.pair.From)
	}
	switch {
	case h != nil && h.Ceased, h != nil && h.Until != 0 && h.Until <= j.us:
		j.deny(GroundEnded, h.Event, h.From)
	case h != nil && h.From > j.us:
		j.deny(NotYet, h.Event, h.From)
	case h != nil:
		j.note(GroundHeld, h.Event, h.From)
	case j.p.ForAll:
		j.note(GroundForAll, ids.ID{}, 0)
	default:
		j.deny(NoGround, ids.ID{}, 0)
	}
	if !j.p.Marketing {
		return
	}
	switch j.regime() {
	case OptIn:
		j.deny(ContactOptIn, ids.ID{}, 0)
	case CustomerRule:
		switch {
		case !j.p.OptOutOffered:
			j.deny(ContactNoOptOut, ids.ID{}, 0)
		case !j.p.Existing || !j.existingCustomer():
			j.deny(ContactCustomer, ids.ID{}, 0)
		default:
			j.basis = ExistingCustomer
			j.note(CustomerHeld, h.Event, h.From)
		}
	case OptOut:
		if !j.p.OptOutOffered {
			j.deny(ContactNoOptOut, ids.ID{}, 0)
		}
	case Presumed:
		if h == nil {
			j.deny(ContactPresumed, ids.ID{}, 0)
		}
	}
}

func (j *judgement) regime() Regime {
	relation := ""
	if h := j.pair.Held; h != nil && !h.Ceased {
		switch h.Ground {
		case ExistingCustomer:
			relation = "customer"
		case Contract:
			relation = "contract"
		}
	}
	rule, strict := j.contacts.find(j.country(), j.q.Channel, j.s.Person.Kind, relation, j.at)
	j.strict = strict
	return rule
}

func (j *judgement) country() string {
	if c := j.s.Person.Country; c != "" {
		return c
	}
	return j.home
}

// existingCustomer reports whether every condition of ePrivacy directive art. 13(2)
// is met. Whoever said no to the purpose is not mailed on another ground.
func (j *judgement) existingCustomer() bool {
	h := j.pair.Held
	return h != nil && !h.Ceased && h.Ground == ExistingCustomer && h.From <= j.us && (h.Until == 0 || h.Until > j.us) &&
		j.p.OptOutOffered && j.pair.Status < Invalidated && j.regime() == CustomerRule
}

// consent reports whether a consent stands, or why not.
func (j *judgement) consent() (Reason, bool) {
	p := j.pair
	switch p.Status {
	case Given:
	case Imported:
		return ImportedOnly, false
	case Requested:
		return ConsentRequested, false
	case Deferred:
		return ConsentDeferred, false
	case Invalidated:
		return ConsentInvalidated, false
	case Refused:
		return ConsentRefused, false
	case Revoked:
		return ConsentRevoked, false
	case Withdrawn:
		return ConsentWithdrawn, false
	default:
		return NoConsent, false
	}
	switch {
	case p.From > j.us:
		return NotYet, false
	case p.Until != 0 && p.Until <= j.us:
		return ConsentExpired, false
	case p.Version < j.p.accepts() || p.Version > j.p.Version:
		return VersionStale, false
	case j.p.explicit() && !p.Explicit:
		return ExplicitMissing, false
	case j.p.Child && p.Age == 0 && !p.Guardian:
		return AgeUnknown, false
	case j.p.Child && !p.ofAge():
		return GuardianMissing, false
	case p.AgeEnds != 0 && p.AgeEnds <= j.us:
		return AgeReached, false
	}
	return ConsentGiven, true
}

// changes returns the first moment after at when the answer is another, if nothing
// is recorded until then.
func (r *rules) changes(q *Query, s *view, p *Purpose, at time.Time, allowed bool) time.Time {
	var when []time.Time
	add := func(us int64) {
		if t := micros(us); t.After(at) {
			when = append(when, t)
		}
	}
	pr := &s.pair
	add(pr.From)
	add(pr.Until)
	add(pr.AgeEnds)
	if h := pr.Held; h != nil {
		add(h.From)
		add(h.Until)
	}
	add(s.Person.Deceased)
	if r.catalogue != nil {
		when = append(when, r.catalogue.later(q.Purpose, at)...)
	}
	if q.Recipient != "" {
		when = append(when, transfers().changes(at)...)
	}
	if p != nil && p.Marketing && (p.Basis != Consent || p.Existing) {
		country := s.Person.Country
		if country == "" {
			country = r.home
		}
		when = append(when, r.contacts.changes(country, q.Channel, at)...)
	}
	slices.SortFunc(when, time.Time.Compare)
	for _, t := range when {
		later := trail{brief: true}
		r.judge(q, s, t, &later)
		if later.denied == allowed {
			return t
		}
	}
	return time.Time{}
}
