package dsar

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// appendCell appends a value as a cell of CSV (RFC 4180). A text that a
// spreadsheet would take for a formula gets an apostrophe in front (OWASP, CSV
// injection); data.json has it unchanged.
func appendCell(b []byte, v any, f Format) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return b, nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case float64:
		return strconv.AppendFloat(b, v, 'g', -1, 64), nil
	case string:
		return appendText(b, v), nil
	case []byte:
		return base64.StdEncoding.AppendEncode(b, v), nil
	case time.Time:
		return appendTime(b, v, f), nil
	case json.RawMessage:
		return appendText(b, string(v)), nil
	}
	return nil, errContract
}

func appendText(b []byte, s string) []byte {
	guard := formula(s)
	if !guard && !strings.ContainsAny(s, ",\"\r\n") && (s == "" || s[0] != ' ' && s[len(s)-1] != ' ') {
		return append(b, s...)
	}
	b = append(b, '"')
	if guard {
		b = append(b, '\'')
	}
	for {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			break
		}
		b = append(append(b, s[:i]...), `""`...)
		s = s[i+1:]
	}
	return append(append(b, s...), '"')
}

// formula reports whether a spreadsheet may run s.
func formula(s string) bool {
	t := strings.TrimLeft(s, " ")
	return t != "" && strings.IndexByte("=+-@\t\r\n", t[0]) >= 0 || strings.HasPrefix(t, "\uFF1D") ||
		strings.HasPrefix(t, "\uFF0B") || strings.HasPrefix(t, "\uFF0D") || strings.HasPrefix(t, "\uFF20")
}
