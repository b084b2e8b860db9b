package shape

import (
	"regexp"
	"strings"
	"unicode"
)

// hints are words in names of columns, in English, Dutch, German and French. A word
// is what stands between separators or changes of case.
var hints = map[string]string{
	"name": "name", "naam": "name", "vorname": "name", "nachname": "name", "nom": "name", "prenom": "name", "voornaam": "name",
	"achternaam": "name", "firstname": "name", "lastname": "name", "surname": "name", "fullname": "name", "nickname": "name",
	"salutation": "name", "aanhef": "name", "initials": "name", "maiden": "name",
	"email": "e-mail", "mail": "e-mail", "courriel": "e-mail",
	"phone": "phone", "telephone": "phone", "telefoon": "phone", "telefon": "phone", "tel": "phone", "mobile": "phone",
	"mobiel": "phone", "handy": "phone", "gsm": "phone", "fax": "phone",
	"address": "address", "adres": "address", "adresse": "address", "anschrift": "address", "street": "address", "straat": "address",
	"strasse": "address", "rue": "address", "housenumber": "address", "huisnummer": "address", "postcode": "address", "zip": "address",
	"postal": "address", "plz": "address", "city": "address", "woonplaats": "address", "ville": "address",
	"birth": "birth date", "birthdate": "birth date", "birthday": "birth date", "geboorte": "birth date", "geboortedatum": "birth date",
	"geburtsdatum": "birth date", "naissance": "birth date", "dob": "birth date", "age": "birth date",
	"bsn": "national number", "ssn": "national number", "rijksregister": "national number", "rijksregisternummer": "national number",
	"insz": "national number", "niss": "national number", "passport": "national number", "paspoort": "national number",
	"iban": "bank account", "bic": "bank account", "creditcard": "bank account", "rekeningnummer": "bank account",
	"ip": "online identifier", "ipaddress": "online identifier", "cookie": "online identifier", "device": "online identifier",
	"useragent": "online identifier", "agent": "online identifier", "session": "online identifier", "referer": "online identifier",
	"latitude": "location", "longitude": "location", "geo": "location",
	"photo": "picture", "picture": "picture", "avatar": "picture", "image": "picture", "signature": "picture",
	"password": "credential", "passwd": "credential", "wachtwoord": "credential", "login": "credential", "username": "credential",
	"linkedin": "online identifier", "twitter": "online identifier", "facebook": "online identifier", "skype": "online identifier",
	"gender": "gender", "geslacht": "gender", "sex": "gender", "nationality": "nationality", "nationaliteit": "nationality",
	"salary": "income", "salaris": "income", "income": "income",
	"note": "free text", "notes": "free text", "comment": "free text", "comments": "free text", "remark": "free text", "opmerking": "free text",
	"description": "free text", "body": "free text", "message": "free text", "memo": "free text",
}

// special are words that stand for special categories (GDPR art. 9) and offences
// (art. 10).
var special = map[string]string{
	"religion": "A9", "religie": "A9", "godsdienst": "A9", "geloof": "A9", "kirche": "A9", "confession": "A9", "faith": "A9",
	"health": "A9", "gezondheid": "A9", "medical": "A9", "medisch": "A9", "diagnosis": "A9", "diagnose": "A9", "disability": "A9",
	"allergy": "A9", "allergies": "A9", "blood": "A9", "illness": "A9", "ziekte": "A9",
	"ethnic": "A9", "ethnicity": "A9", "race": "A9", "political": "A9", "party": "A9", "union": "A9", "vakbond": "A9",
	"sexual": "A9", "orientation": "A9", "biometric": "A9", "fingerprint": "A9", "genetic": "A9",
	"criminal": "A10", "conviction": "A10", "offence": "A10", "strafblad": "A10", "vog": "A10",
	"bsn": "A87", "ssn": "A87", "rijksregister": "A87", "rijksregisternummer": "A87", "insz": "A87", "niss": "A87",
}

var foreign = regexp.MustCompile(`(?i)(^|_)id$|ID$|Id$`)

// ByName returns what a column seems to hold by its name, or "".
func ByName(column string) string { return lookup(hints, column) }

// SensitiveByName returns the article that a column's name brings to mind, or "".
func SensitiveByName(column string) string { return lookup(special, column) }

func lookup(words map[string]string, column string) string {
	if foreign.MatchString(column) {
		return ""
	}
	parts := split(column)
	for i, p := range parts {
		if what := words[p]; what != "" {
			return what
		}
		if i > 0 {
			if what := words[parts[i-1]+p]; what != "" {
				return what
			}
		}
	}
	return ""
}

// split returns the words of an identifier in lower case.
func split(s string) []string {
	var out []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			out = append(out, strings.ToLower(string(word)))
			word = word[:0]
		}
	}
	prev := rune(0)
	for _, r := range s {
		switch {
		case !unicode.IsLetter(r):
			flush()
		case unicode.IsUpper(r) && unicode.IsLower(prev):
			flush()
			word = append(word, r)
		default:
			word = append(word, r)
		}
		prev = r
	}
	flush()
	return out
}

// Sample judges a column by some of its values.
type Sample struct {
	N      int            // values seen, without empty ones
	Shapes map[string]int // how many looked like what
	Prose  int            // values of several words
	Bytes  int
}

// Add counts a value.
func (s *Sample) Add(v string) {
	if strings.TrimSpace(v) == "" {
		return
	}
	if s.Shapes == nil {
		s.Shapes = make(map[string]int)
	}
	s.N++
	s.Bytes += len(v)
	if what := Of(v); what != "" {
		s.Shapes[what]++
	}
	if len(strings.Fields(v)) >= 5 {
		s.Prose++
	}
}

// Shape returns the shape that at least half of the values have; e-mail addresses
// and IBANs, which do not arise by chance, count from one in twenty.
func (s *Sample) Shape() string {
	for _, what := range []string{"e-mail", "IBAN"} {
		if n := s.Shapes[what]; n > 0 && n*20 >= s.N {
			return what
		}
	}
	for _, what := range []string{"BSN", "rijksregisternummer", "phone", "IP address"} {
		if n := s.Shapes[what]; n >= 3 && n*2 >= s.N {
			return what
		}
	}
	return ""
}

// FreeText reports whether at least a third of the values are prose.
func (s *Sample) FreeText() bool { return s.N > 0 && s.Prose*3 >= s.N }
