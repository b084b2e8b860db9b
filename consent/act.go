package consent

import (
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/frame"
	"github.com/gdprkit/gdprkit/storage"
)

// An Act is what a person or the controller did. Which fields count is said at each
// method of [Ledger]; the others must be zero or are ignored.
type Act struct {
	// Key makes a repeated call have one effect and return the first record. Give
	// one for whatever may be sent twice; default: each call is a new act.
	Key string

	Subject string    // the CRM's own stable key of the person
	Purpose string    // id in the catalogue
	Channel string    // of a purpose with channels; for stops "" means all of them
	At      time.Time // when it was done, not when it was recorded; at most 5 minutes ahead

	Version  int    // of the purpose that was shown; 0: the one in force at At
	Language string // BCP 47, of the words shown; "": the only one there is
	Audience string // of the words shown: "" adults, "child", …

	Evidence *Evidence // how the person acted

	Age     int    // at least so many years old at At; 0: not told
	Country string // of residence, ISO 3166-1 alpha-2; "": not told

	Ground    Ground    // of Establish, Restrict and Lift
	Reference string    // code of a document: contract, sale, balancing of interests
	Until     time.Time // when an established ground ends; zero: open
	Scope     string    // of Restrict and Lift: "*", a purpose, or "data:" and a category
	Told      time.Time // Lift: when the person was told, GDPR art. 18(3)
	Author    string    // opaque id of the member of staff who decides

	// Address is the e-mail address or number, personal. It is kept as a keyed hash.
	Address string
	// Other is the second subject of a Merge.
	Other string
}

// skew is how far a clock of the host may be ahead.
const skew = 5 * time.Minute

// checkAct checks what every act needs.
func (l *Ledger) checkAct(a *Act) error {
	if err := gdpr.CheckSubject("Act.Subject", a.Subject, l.loose); err != nil {
		return err
	}
	return l.checkRest(a)
}

func (l *Ledger) checkRest(a *Act) error {
	if err := l.checkTime("Act.At", a.At); err != nil {
		return err
	}
	switch {
	case len(a.Key) > 255:
		return gdpr.Invalid("Act.Key", "has more than 255 bytes")
	case a.Age < 0 || a.Age > 130:
		return gdpr.Invalid("Act.Age", "must lie between 0 and 130")
	case a.Country != "" && !isCountry(a.Country):
		return gdpr.Invalid("Act.Country", "must be two upper-case letters of ISO 3166-1")
	case !isReference(a.Reference):
		return gdpr.Invalid("Act.Reference", "must be a code of at most 128 bytes of letters, digits and ._:/#+-")
	case !isReference(a.Author):
		return gdpr.Invalid("Act.Author", "must be an opaque id, no name or address")
	case a.Audience != "" && !isCode(a.Audience, 32):
		return gdpr.Invalid("Act.Audience", "must be a code of a-z 0-9 . _ -")
	}
	if a.Language != "" && !l.catalogue.isLanguage(a.Language) {
		return gdpr.Invalid("Act.Language", "is not a language tag of BCP 47")
	}
	if a.Evidence != nil {
		return a.Evidence.check("Act.Evidence")
	}
	return nil
}

func (l *Ledger) checkTime(field string, t time.Time) error {
	switch {
	case t.IsZero():
		return refuse(ErrTime, field, "is zero; say when it was done")
	case t.After(l.now().Add(skew)):
		return refuse(ErrTime, field, "lies in the future")
	case t.Year() < 1970:
		return refuse(ErrTime, field, "lies before 1970")
	}
	return nil
}

// purpose returns the version that an act is about, and checks its channel.
func (l *Ledger) purpose(a *Act) (*Purpose, error) {
	p := l.catalogue.At(a.Purpose, a.At)
	if a.Version != 0 {
		p = l.catalogue.Purpose(a.Purpose, a.Version)
	}
	if p == nil {
		return nil, refuse(ErrPurpose, "Act.Purpose", "is not in the catalogue, or no version of it was in force at that time")
	}
	if !p.hasChannel(a.Channel) {
		return nil, noChannel("Act.Channel", p)
	}
	return p, nil
}

// noChannel refuses a channel and names those that there are.
func noChannel(field string, p *Purpose) error {
	if len(p.Channels) == 0 {
		return refuse(ErrChannel, field, "must be empty: purpose %s has no channels", p.ID)
	}
	return refuse(ErrChannel, field, "is not one of purpose %s, which has %s", p.ID, strings.Join(p.Channels, ", "))
}

// noChannel does so for a purpose of which no version has the channel.
func (l *Ledger) noChannel(field, purpose string) error {
	versions := l.catalogue.byID[purpose]
	return noChannel(field, versions[len(versions)-1])
}

// known checks that a purpose exists in any version, for stops, which need no more.
func (l *Ledger) known(field, id string) error {
	if l.catalogue == nil || len(l.catalogue.byID[id]) == 0 {
		return refuse(ErrPurpose, field, "is not in the catalogue")
	}
	return nil
}

// channels returns the channels of every version of a purpose that an act is about.
func (l *Ledger) channelsOf(a *Act) ([]string, error) {
	var all []string
	for _, p := range l.catalogue.byID[a.Purpose] {
		for _, ch := range p.channels() {
			if !contains(all, ch) && (a.Channel == "" || a.Channel == ch) {
				all = append(all, ch)
			}
		}
	}
	if len(all) == 0 {
		return nil, l.noChannel("Act.Channel", a.Purpose)
	}
	return all, nil
}

// event makes the event of an act, without text and evidence.
func (l *Ledger) event(kind Event, a *Act) *event {
	e := &event{
		subject: a.Subject, kind: kind, purpose: a.Purpose, channel: a.Channel, version: a.Version,
		at: storage.Micros(a.At), ground: a.Ground, key: a.Key,
		detail: detail{Language: a.Language, Audience: a.Audience, Reference: a.Reference, Author: a.Author, Age: a.Age, Country: a.Country, Scope: a.Scope},
	}
	if a.Age != 0 || a.Country != "" {
		e.detail.Person = &personEdit{Country: a.Country, Age: a.Age}
		if a.Age != 0 {
			e.detail.Person.AgeOn = e.at
		}
	}
	if ev := a.Evidence; ev != nil {
		d := &e.detail
		d.Method, d.By, d.Form, d.Source, d.Explicit, d.Check = ev.Method, ev.By, ev.Form, ev.Source, ev.Explicit, ev.GuardianCheck
		if d.By == "" {
			d.By = BySubject
		}
		if ev.Reference != "" {
			d.Reference = ev.Reference
		}
		d.Guardian = ev.guardian()
	}
	return e
}

// words puts hash and language of the text shown into the event.
func (e *event) words(p *Purpose, a *Act) error {
	lang := a.Language
	if lang == "" {
		for i := range p.Texts {
			if p.Texts[i].Audience != a.Audience {
				continue
			}
			if lang != "" {
				return refuse(ErrNotice, "Act.Language", "is empty, but purpose %s has texts in several languages", p.ID)
			}
			lang = p.Texts[i].Language
		}
	}
	t := p.text(lang, a.Audience)
	if t == nil {
		return refuse(ErrNotice, "Act.Language", "purpose %s version %d has no text in that language for that audience", p.ID, p.Version)
	}
	hash := t.Hash()
	e.text, e.detail.Language = hash[:], t.Language
	return nil
}

// hash returns what an idempotency key is bound to. Personal evidence is left out:
// its hash could be guessed; and so is the end of a request, which follows from when it
// is made.
func (e *event) hash() [32]byte {
	until := e.until
	if e.kind == EventRequested {
		until = 0
	}
	h := frame.Hash("gdprkit/consent/request/v1", e.subject, string(e.kind), e.purpose, e.channel,
		itoa(int64(e.version)), itoa(e.at), itoa(until), string(e.ground), string(e.text), e.detailText)
	if e.digest != nil { // of an address, keyed
		h = frame.Hash("gdprkit/consent/request/v1", string(h[:]), string(e.digest))
	}
	return h
}
