package mask

import (
	"crypto/rand"
	"net/netip"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
)

// Year keeps the year of a date: "2006-01-02", or RFC 3339.
func Year(date string) (string, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339Nano} {
		if t, err := time.Parse(layout, date); err == nil {
			return t.Format("2006"), nil
		}
	}
	return "", gdpr.Invalid("date", "must have the form 2006-01-02 or RFC 3339")
}

// StartOfYear keeps the year of a time, for columns that must stay dates: 1 January
// 00:00 in the time's own zone.
func StartOfYear(t time.Time) time.Time {
	return time.Date(t.Year(), time.January, 1, 0, 0, 0, 0, t.Location())
}

// Postcode keeps the first n letters and digits of a postcode, in upper case,
// without spaces and hyphens. A postcode that has no more than n is refused: it
// would be kept whole.
func Postcode(s string, n int) (string, error) {
	if n < 1 {
		return "", gdpr.Invalid("n", "must be at least 1")
	}
	kept := strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'A' && r <= 'Z':
			return r
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r == ' ' || r == '-':
			return -1
		}
		return 0
	}, strings.TrimSpace(s))
	if strings.ContainsRune(kept, 0) {
		return "", gdpr.Invalid("postcode", "has something else than letters, digits, spaces and hyphens")
	}
	if len(kept) <= n {
		return "", gdpr.Invalid("postcode", "has no more than %d letters and digits", n)
	}
	return kept[:n], nil
}

// IP keeps the network of an address: 24 bits of IPv4, 48 bits of IPv6. IPv4
// addresses mapped into IPv6 count as IPv4. The result is an address, such as
// 192.0.2.0.
func IP(s string) (string, error) {
	a, err := netip.ParseAddr(strings.TrimSpace(s))
	if err != nil {
		return "", gdpr.Invalid("address", "is not an IP address")
	}
	a = a.Unmap().WithZone("")
	bits := 48
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return "", gdpr.Invalid("address", "is not an IP address")
	}
	return p.Addr().String(), nil
}

// Constant returns a function that gives value for whatever it is asked.
func Constant(value string) func(string) (string, error) {
	return func(string) (string, error) { return value, nil }
}

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz" // 32, Crockford's

// Unique returns prefix and random characters up to width, for a column with a
// unique constraint: 5 bits a character, of which at least 12 must fit:
// among a million rows the chance that any two meet is below one in two million.
func Unique(prefix string, width int) (string, error) {
	n := width - len(prefix)
	if n < 12 {
		return "", gdpr.Invalid("width", "leaves room for %d random characters; 12 are needed", max(n, 0))
	}
	b := make([]byte, min(n, 26)) // 130 bits are plenty
	_, _ = rand.Read(b)
	for i := range b {
		b[i] = alphabet[b[i]&31]
	}
	return prefix + string(b), nil
}

// UniqueEmail returns a random address below the reserved domain "invalid" (RFC
// 2606) that fits width, for a column that must hold an address.
func UniqueEmail(width int) (string, error) {
	const domain = "@erased.invalid"
	local, err := Unique("", width-len(domain))
	if err != nil {
		return "", gdpr.Invalid("width", "must be at least %d", 12+len(domain))
	}
	return local + domain, nil
}
