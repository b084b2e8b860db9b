// Package shape recognises and normalises values that identify persons.
package shape

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

var (
	email = regexp.MustCompile(`^[^\s@<>"]+@[^\s@<>"]+\.[A-Za-z]{2,}$`)
	phone = regexp.MustCompile(`^\+?[0-9(][0-9 ()./-]{6,20}[0-9]$`)
	iban  = regexp.MustCompile(`^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$`)
	ipv4  = regexp.MustCompile(`^(\d{1,3}\.){3}\d{1,3}$`)
)

// Of returns what a value looks like: "e-mail", "IBAN", "BSN", "rijksregisternummer",
// "phone", "IP address" or "". Numbers are told by their check digits, so that a
// random number of nine digits is a BSN with a chance of one in eleven: judge a
// column by many values, see [Sample].
func Of(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 254 {
		return ""
	}
	packed := strings.ToUpper(strings.ReplaceAll(s, " ", ""))
	digits := Digits(s)
	switch {
	case email.MatchString(s):
		return "e-mail"
	case iban.MatchString(packed) && mod97(packed[4:]+packed[:4]) == 1:
		return "IBAN"
	case len(digits) == 9 && onlySeparators(s) && elfproef(digits):
		return "BSN"
	case len(digits) == 11 && onlySeparators(s) && rijksregister(digits):
		return "rijksregisternummer"
	case ipv4.MatchString(s):
		return "IP address"
	case phone.MatchString(s) && len(digits) >= 8 && (s[0] == '+' || s[0] == '0' || s[0] == '('):
		return "phone"
	}
	return ""
}

// Digits returns the ASCII digits of s.
func Digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

func onlySeparators(s string) bool {
	return strings.Trim(s, "0123456789 .-") == ""
}

// elfproef is the check of the Dutch burgerservicenummer.
func elfproef(d string) bool {
	sum := 0
	for i := range 8 {
		sum += (9 - i) * int(d[i]-'0')
	}
	return d != "000000000" && (sum-int(d[8]-'0'))%11 == 0
}

// rijksregister checks the Belgian national number: 97 less the rest of the first
// nine digits, with a 2 before them for those born from 2000.
func rijksregister(d string) bool {
	month := d[2:4]
	if month > "52" { // bis numbers add 20 or 40 to the month
		return false
	}
	check := int(d[9]-'0')*10 + int(d[10]-'0')
	return check == 97-mod97(d[:9]) || check == 97-mod97("2"+d[:9])
}

// mod97 takes letters as two digits, A = 10 (ISO 7064).
func mod97(s string) int {
	rest := 0
	for _, r := range s {
		if r >= 'A' && r <= 'Z' {
			rest = (rest*100 + int(r-'A') + 10) % 97
			continue
		}
		rest = (rest*10 + int(r-'0')) % 97
	}
	return rest
}

// Email returns the form in which addresses are compared: trimmed, NFC, lower
// case. Dots and tags stay: they are different mailboxes at most providers.
func Email(s string) string {
	return strings.ToLower(norm.NFC.String(strings.TrimSpace(s)))
}

// Phone returns the last nine digits, without which country and trunk prefixes are
// written in many ways, or "" if there are fewer than eight.
func Phone(s string) string {
	d := Digits(s)
	if len(d) < 8 {
		return ""
	}
	return d[max(0, len(d)-9):]
}

// Name returns the form in which names are compared: letters without marks, in
// lower case, words separated by one space.
func Name(s string) string {
	var b strings.Builder
	space := false
	for _, r := range norm.NFD.String(strings.ToLower(s)) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if space && b.Len() > 0 {
				b.WriteByte(' ')
			}
			space = false
			b.WriteRune(r)
		default:
			space = true
		}
	}
	return b.String()
}
