package consent

import (
	"crypto/sha256"
	"time"

	"github.com/gdprkit/gdprkit/internal/calendar"
	"github.com/gdprkit/gdprkit/internal/frame"
)

// AllPurposes stands for every purpose in the Scope of a restriction.
const AllPurposes = "*"

// A Purpose is one version of one specific purpose (GDPR art. 5(1)(b)). The zero
// value of each field is the restrictive one.
type Purpose struct {
	ID      string    `json:"id"`      // lower-case code, 1 to 64 bytes of a-z 0-9 . _ -
	Version int       `json:"version"` // 1, 2, 3 …; every change is a new version
	Name    string    `json:"name,omitempty"`
	Since   time.Time `json:"since,omitzero"` // in force from; zero: always
	Closed  bool      `json:"closed,omitempty"`

	Basis Ground `json:"basis"` // one of the six of art. 6(1)

	// Existing lets the existing-customer rule take the place of consent where the
	// country has it. Each person needs a record by Establish with a sale reference.
	Existing bool `json:"existing,omitempty"`
	// ForAll says that a basis other than consent holds for everybody in the CRM.
	// Default: each person needs a record by Establish.
	ForAll bool `json:"forAll,omitempty"`
	// Marketing marks direct marketing and the profiling related to it: the objection
	// of art. 21(2) ends it at once.
	Marketing bool `json:"marketing,omitempty"`

	Channels    []string `json:"channels,omitempty"` // email, sms, phone, post, push, or the host's own; none: not a contact
	DoubleOptIn bool     `json:"doubleOptIn,omitempty"`
	Validity    string   `json:"validity,omitempty"`   // how long a consent lasts, ISO 8601 such as P24M; default: until withdrawn
	AcceptFrom  int      `json:"acceptFrom,omitempty"` // oldest version whose consents still count; default: this version only

	Special      []string   `json:"special,omitempty"`      // categories of art. 9, such as "health"
	SpecialBasis Ground     `json:"specialBasis,omitempty"` // A9-2-a … A9-2-j
	CriminalLaw  string     `json:"criminalLaw,omitempty"`  // art. 10: the law that authorises it
	Criminal     bool       `json:"criminal,omitempty"`     // data of art. 10
	NationalLaw  string     `json:"nationalLaw,omitempty"`  // art. 87: the law that allows the number
	NationalID   bool       `json:"nationalID,omitempty"`   // uses a national identification number
	Automated    *Automated `json:"automated,omitempty"`    // art. 22

	Child  bool           `json:"child,omitempty"`  // information society service offered directly to a child, art. 8
	MinAge map[string]int `json:"minAge,omitempty"` // by country, instead of the table

	Recipients []Recipient `json:"recipients,omitempty"`
	Data       []string    `json:"data,omitempty"`       // categories of data or fields that the purpose may use
	Compatible []string    `json:"compatible,omitempty"` // purposes whose data it may use as well, art. 6(4)

	Assessment         string `json:"assessment,omitempty"` // reference of the balancing of interests or the DPIA
	ConditionOfService bool   `json:"conditionOfService,omitempty"`
	Imbalance          bool   `json:"imbalance,omitempty"` // employer, public authority: recital 43
	ServiceName        string `json:"service,omitempty"`

	GiveBy     []string `json:"giveBy,omitempty"`     // ways to give, such as web, app, phone, paper
	WithdrawBy []string `json:"withdrawBy,omitempty"` // ways to withdraw; must cover GiveBy, art. 7(3)

	// OptOutOffered says that each message and the form offer the opt-out that the
	// existing-customer rule asks for.
	OptOutOffered bool `json:"optOutOffered,omitempty"`

	Texts []Text `json:"texts,omitempty"`

	period calendar.Period // parsed Validity
}

// Automated describes a decision based solely on automated processing (GDPR art. 22).
type Automated struct {
	Ground  Ground `json:"ground"`  // A22-2-a, b or c
	Contact string `json:"contact"` // who reviews as a human being
	Logic   string `json:"logic"`   // meaningful information about the logic involved
}

// A Recipient gets data under a purpose (GDPR art. 13(1)(e), (f)).
type Recipient struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Country   string `json:"country"`             // ISO 3166-1 alpha-2, upper case
	Tool      string `json:"tool,omitempty"`      // A45, A46-2-a … A46-3-b, A49-1-a … A49-1-g; empty inside the EEA
	Reference string `json:"reference,omitempty"` // of the contract or certification
}

// A Text is what the person is shown, in one language and for one audience.
type Text struct {
	Language  string `json:"language"`           // BCP 47
	Audience  string `json:"audience,omitempty"` // "" adults, "child", or the host's own
	Statement string `json:"statement"`          // the words beside the box
	Notice    Notice `json:"notice"`             // what informs the consent
	URI       string `json:"uri,omitempty"`      // of the whole privacy notice
}

// A Notice has the six items without which consent is not informed (GDPR arts. 4(11),
// 7(3), 13; EDPB Guidelines 05/2020 para. 64). Say "none" where there is none.
type Notice struct {
	Controller string `json:"controller"` // who
	Purpose    string `json:"purpose"`    // what for
	Data       string `json:"data"`       // which data
	Withdrawal string `json:"withdrawal"` // that and how it can be withdrawn
	Transfers  string `json:"transfers"`  // third countries and their risks
	Automated  string `json:"automated"`  // automated decisions
}

// Missing returns the name of the first item that is empty, or "".
func (n *Notice) Missing() string {
	for _, item := range [...]struct{ name, text string }{
		{"controller", n.Controller}, {"purpose", n.Purpose}, {"data", n.Data},
		{"withdrawal", n.Withdrawal}, {"transfers", n.Transfers}, {"automated", n.Automated},
	} {
		if item.text == "" {
			return item.name
		}
	}
	return ""
}

// Hash returns SHA-256 over every word of the text, so that a record points at the
// exact words.
func (t *Text) Hash() [sha256.Size]byte {
	n := &t.Notice
	return frame.Hash("gdprkit/consent/text/v1", t.Language, t.Audience, t.Statement, t.URI,
		n.Controller, n.Purpose, n.Data, n.Withdrawal, n.Transfers, n.Automated)
}

// accepts returns the oldest version whose consents count.
func (p *Purpose) accepts() int {
	if p.AcceptFrom > 0 {
		return p.AcceptFrom
	}
	return p.Version
}

// hasChannel reports whether the purpose uses the channel; a purpose without
// channels has only "".
func (p *Purpose) hasChannel(channel string) bool {
	if len(p.Channels) == 0 {
		return channel == ""
	}
	return contains(p.Channels, channel)
}

// channels returns the channels, or "" as the only one.
func (p *Purpose) channels() []string {
	if len(p.Channels) == 0 {
		return []string{""}
	}
	return p.Channels
}

// explicit reports whether a consent for the purpose must be an express statement.
func (p *Purpose) explicit() bool {
	if p.Basis == Consent && len(p.Special) > 0 && p.SpecialBasis == ExplicitConsent {
		return true
	}
	if p.Automated != nil && p.Automated.Ground == AutomatedConsent {
		return true
	}
	for i := range p.Recipients {
		if p.Recipients[i].Tool == "A49-1-a" {
			return true
		}
	}
	return false
}

// text finds the words in a language for an audience. The language may be more
// specific than the catalogue's ("nl-BE" finds "nl").
func (p *Purpose) text(language, audience string) *Text {
	for lang := language; ; {
		for i := range p.Texts {
			if equalFold(p.Texts[i].Language, lang) && p.Texts[i].Audience == audience {
				return &p.Texts[i]
			}
		}
		cut := lastDash(lang)
		if cut < 0 {
			return nil
		}
		lang = lang[:cut]
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
