package gdpr

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxSubject is the longest subject key accepted, in bytes.
const MaxSubject = 191

// CheckSubject reports whether s can name a person in the stores: UTF-8, 1 to
// [MaxSubject] bytes, no control characters. Unless loose is set it also refuses
// "@" and white space, because a key that is an e-mail address or a name is
// itself personal data (GDPR art. 4(1)) and outlives an erasure in every index.
//
// Field is the caller's name for the value in the error.
func CheckSubject(field, s string, loose bool) error {
	switch {
	case s == "":
		return Invalid(field, "is empty; give the CRM's own stable key of the person")
	case len(s) > MaxSubject:
		return Invalid(field, "has %d bytes; the limit is %d", len(s), MaxSubject)
	case !utf8.ValidString(s):
		return Invalid(field, "is not UTF-8")
	case strings.ContainsFunc(s, unicode.IsControl):
		return Invalid(field, "contains a control character")
	case !loose && strings.ContainsRune(s, '@'):
		return Invalid(field, "contains \"@\"; use a key that is not an e-mail address, or allow it in the options")
	case !loose && strings.ContainsFunc(s, unicode.IsSpace):
		return Invalid(field, "contains white space; use a key that is not a name, or allow it in the options")
	}
	return nil
}
