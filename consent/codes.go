package consent

import (
	"fmt"
	"io"
	"strings"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/ids"
)

// isCode reports whether s is 1 to limit bytes of a-z 0-9 . _ - and does not start
// with a mark. Codes stand in clear in rows and logs, so no personal value fits.
func isCode(s string, limit int) bool {
	if s == "" || len(s) > limit {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '-'):
		default:
			return false
		}
	}
	return true
}

// isReference reports whether s is the id of a document: up to 128 bytes of letters,
// digits and . _ : / # + - without "@" or spaces. Empty is one.
func isReference(s string) bool {
	if len(s) > 128 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("._:/#+-", c) >= 0) {
			return false
		}
	}
	return true
}

func isCountry(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}

func equalFold(a, b string) bool { return strings.EqualFold(a, b) }

func lastDash(s string) int { return strings.LastIndexByte(s, '-') }

// refuseURL keeps a schema from reaching for the network or the disk.
func refuseURL(string) (io.ReadCloser, error) {
	return nil, fmt.Errorf("consent: a schema must not load another document")
}

// parseID reads the id of a record.
func parseID(field, s string) (ids.ID, error) {
	id, err := ids.Parse(s)
	if err != nil {
		return ids.ID{}, gdpr.Invalid(field, "is not the id of a record")
	}
	return id, nil
}
