package consent

import (
	"encoding/json"
	"maps"
	"unicode/utf8"

	"github.com/gdprkit/gdprkit/gdpr"
)

// Method is how the person indicated the wish (GDPR art. 4(11)).
type Method string

// Methods that are a clear affirmative act.
const (
	Checkbox    Method = "checkbox" // an empty box that the person ticked
	Button      Method = "button"
	Settings    Method = "settings" // a switch in a preference page
	Form        Method = "form"     // a paper form
	Written     Method = "written"  // a written statement
	Signed      Method = "signed"
	ESignature  Method = "e_signature"
	Verbal      Method = "verbal" // by the person's word, with the script as the text
	Reply       Method = "reply"  // an answer by mail or message
	DoubleOptIn Method = "double_opt_in"
)

// Methods that are refused with [ErrImplied], named so that a host can say what
// happened.
const (
	PreTicked  Method = "pre_ticked"
	Silence    Method = "silence"
	Inactivity Method = "inactivity"
	Scrolling  Method = "scrolling"
	Terms      Method = "terms" // acceptance of general terms
)

// Evidence shows how the person acted. The codes stand in clear in the record; what
// is personal is sealed under the person's key.
type Evidence struct {
	Method    Method
	By        By     // who acted; default BySubject
	PreTicked bool   // the box was ticked before the person came: refused
	Form      string // code of the screen, form or call script and its version
	Source    string // code of the application or page
	Reference string // id of a document, such as the scan of a signed form

	// Explicit says that the person made an express statement. Asked for special
	// categories, automated decisions and risky transfers; the method must be one
	// that can carry it.
	Explicit bool
	// GuardianCheck is the code of how parental responsibility was verified (art.
	// 8(2)), with Guardian as the reference of the holder.
	GuardianCheck string
	Guardian      string // personal: who holds parental responsibility

	// Personal holds what else proves the act: "address", "ip", "statement",
	// "signature". It is sealed and erased with its own end date.
	Personal map[string]string
}

func (ev *Evidence) check(field string) error {
	switch ev.Method {
	case "":
		return refuse(ErrEvidence, field+".Method", "is empty; say how the person acted")
	case PreTicked, Silence, Inactivity, Scrolling, Terms:
		return refuse(ErrImplied, field+".Method", "is %s, which is no clear affirmative act (GDPR recital 32)", ev.Method)
	case Checkbox, Button, Settings, Form, Written, Signed, ESignature, Verbal, Reply, DoubleOptIn:
	default:
		return refuse(ErrEvidence, field+".Method", "is not a known method")
	}
	if ev.PreTicked {
		return refuse(ErrImplied, field+".PreTicked", "is set; a pre-ticked box is no consent (GDPR recital 32, CJEU C-673/17)")
	}
	switch ev.By {
	case "", BySubject, ByGuardian, ByBoth, ByRepresentative:
	default:
		return refuse(ErrEvidence, field+".By", "must be the person or who acts for the person (CJEU C-61/19)")
	}
	if !ev.readable() {
		return refuse(ErrEvidence, field+".Personal", "is not valid UTF-8")
	}
	return ev.checkCodes(field)
}

// readable reports whether personal values are text: their encoder would put something
// else in the place of other bytes.
func (ev *Evidence) readable() bool {
	for name, value := range ev.Personal {
		if !utf8.ValidString(name) || !utf8.ValidString(value) {
			return false
		}
	}
	return utf8.ValidString(ev.Guardian)
}

func (ev *Evidence) checkCodes(field string) error {
	for _, c := range [...]struct{ name, value string }{{"Form", ev.Form}, {"Source", ev.Source}, {"Reference", ev.Reference}, {"GuardianCheck", ev.GuardianCheck}} {
		if !isReference(c.value) {
			return refuse(ErrEvidence, field+"."+c.name, "must be a code of at most 128 bytes; put personal values into Personal")
		}
	}
	return nil
}

// express reports whether the evidence shows explicit consent (EDPB Guidelines
// 05/2020 section 4): a statement in a form that can carry it.
func (ev *Evidence) express() bool {
	if !ev.Explicit {
		return false
	}
	switch ev.Method {
	case Written, Signed, ESignature, DoubleOptIn:
		return true
	case Checkbox, Form, Verbal, Reply, Button:
		return ev.Personal["statement"] != "" || ev.Reference != ""
	}
	return false
}

func (ev *Evidence) guardian() bool { return ev != nil && (ev.By == ByGuardian || ev.By == ByBoth) }

// personal returns the part to be sealed, or nil.
func (ev *Evidence) personal() ([]byte, error) {
	if len(ev.Personal) == 0 && ev.Guardian == "" {
		return nil, nil
	}
	all := maps.Clone(ev.Personal)
	if all == nil {
		all = map[string]string{}
	}
	if ev.Guardian != "" {
		all["guardian"] = ev.Guardian
	}
	if !ev.readable() {
		return nil, gdpr.Invalid("Evidence.Personal", "is not valid UTF-8")
	}
	doc, err := json.Marshal(all)
	if err != nil {
		return nil, gdpr.Invalid("Evidence.Personal", "cannot be encoded")
	}
	return doc, nil
}
