package pseudonym

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/gdprkit/gdprkit/gdpr"
)

// Normaliser brings the spellings of one value to one form before it is indexed.
// Its errors never hold the value.
type Normaliser func(value string) (string, error)

// NormaliseEmail trims white space, composes to NFC and lowers the domain. It
// keeps the local part as it is: RFC 5321 section 2.4 makes it case-sensitive, and
// dots and tags belong to the mailbox that the person named.
func NormaliseEmail(s string) (string, error) { return email(s, false) }

// NormaliseEmailFold is [NormaliseEmail] and lowers the local part too, for hosts
// whose mail providers ignore its case.
func NormaliseEmailFold(s string) (string, error) { return email(s, true) }

func email(s string, fold bool) (string, error) {
	s = strings.TrimSpace(s)
	at, upper, plain := scanEmail(s)
	if !plain {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
			return "", gdpr.Invalid("value", "is not UTF-8 without control characters")
		}
		s = norm.NFC.String(s)
		at, upper = strings.LastIndexByte(s, '@'), true
	}
	switch {
	case at <= 0 || at == len(s)-1:
		return "", gdpr.Invalid("value", "is not an e-mail address")
	case fold:
		return strings.ToLower(s), nil
	case upper:
		return s[:at] + strings.ToLower(s[at:]), nil
	}
	return s, nil
}

// scanEmail finds the last "@", tells whether an upper-case letter follows it, and
// whether all is printable ASCII.
func scanEmail(s string) (at int, upper, plain bool) {
	var odd byte // its highest bit is set once a character was not in ' '...'~'
	for at = len(s) - 1; at >= 0 && s[at] != '@'; at-- {
		c := s[at]
		odd |= (c - ' ') | ('~' - c)
		upper = upper || c-'A' <= 'Z'-'A'
	}
	for i := range max(at, 0) {
		odd |= (s[i] - ' ') | ('~' - s[i])
	}
	return at, upper, odd < 0x80
}

// NormalisePhone accepts a number in international form, "+" or "00" and 8 to 15
// digits, and removes spaces, dots, hyphens, slashes and brackets; "(0)" after the
// country code is dropped. A national number is refused: without a country it is
// ambiguous.
func NormalisePhone(s string) (string, error) {
	s = strings.ReplaceAll(strings.TrimSpace(s), "(0)", "")
	b := make([]byte, 0, 16)
	for i, r := range s {
		switch {
		case r >= '0' && r <= '9':
			b = append(b, byte(r))
		case r == '+' && i == 0:
			b = append(b, '+')
		case unicode.IsSpace(r) || strings.ContainsRune(".-/()\u2010\u2011\u2012\u2013", r):
		default:
			return "", gdpr.Invalid("value", "is not a telephone number")
		}
	}
	number := string(b)
	if strings.HasPrefix(number, "00") {
		number = "+" + number[2:]
	}
	if len(number) < 9 || len(number) > 16 || number[0] != '+' || number[1] == '0' {
		return "", gdpr.Invalid("value", "is not a telephone number in international form (E.164): + and 8 to 15 digits")
	}
	return number, nil
}

// NormaliseExact composes to NFC and trims, for references and numbers of the
// host's own.
func NormaliseExact(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", gdpr.Invalid("value", "is not UTF-8")
	}
	if s = strings.TrimSpace(norm.NFC.String(s)); s == "" {
		return "", gdpr.Invalid("value", "is empty")
	}
	return s, nil
}
