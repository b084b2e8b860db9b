package consent

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/frame"
)

// secret holds the keys that are made from one Options.Secret.
type secret struct{ link, suppress, address, stop []byte }

func newSecret(s gdpr.Secret) secret {
	key := func(use string) []byte { return mac(s.Reveal(), "gdprkit/consent/"+use+"/v1") }
	return secret{link: key("link"), suppress: key("suppress"), address: key("address"), stop: key("stop")}
}

// mac returns HMAC-SHA-256(key, label ‖ 0 ‖ lp(part) …).
func mac(key []byte, label string, parts ...string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(frame.Append(append([]byte(label), 0), parts...))
	return h.Sum(nil)
}

// digest returns the keyed hash of an address in the suppression list of the tenant.
func (l *Ledger) digest(address string) ([]byte, error) {
	if len(l.secrets) == 0 {
		return nil, ErrSecret
	}
	return mac(l.secrets[0].suppress, "gdprkit/suppress/v1", l.store.Scope(), normalAddress(address)), nil
}

// digests returns the hash under every secret, the newest first.
func (l *Ledger) digests(address string) [][]byte {
	all := make([][]byte, len(l.secrets))
	for i, s := range l.secrets {
		all[i] = mac(s.suppress, "gdprkit/suppress/v1", l.store.Scope(), normalAddress(address))
	}
	return all
}

// addressHash binds a token to the address that it was sent to.
func (l *Ledger) addressHash(address string) []byte {
	if address == "" || len(l.secrets) == 0 {
		return []byte{}
	}
	return mac(l.secrets[0].address, "gdprkit/address/v1", l.store.Scope(), normalAddress(address))
}

// normalAddress makes spellings of an address equal: lower case for what has an "@",
// digits and a leading plus for what looks like a number.
func normalAddress(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if strings.Contains(s, "@") {
		return s
	}
	number := strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r == '+':
			return r
		case strings.ContainsRune(" -./()", r):
			return -1
		}
		return 'x'
	}, s)
	if strings.Contains(number, "x") {
		return s
	}
	if rest, ok := strings.CutPrefix(number, "00"); ok {
		return "+" + rest
	}
	return number
}
