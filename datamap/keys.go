package datamap

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/gdprkit/gdprkit/datamap/internal/catalog"
)

var (
	escapeKey   = strings.NewReplacer("%", "%25", ",", "%2C")
	unescapeKey = strings.NewReplacer("%2C", ",", "%25", "%")
)

// keyText is the text of a record's key: the values of the key columns, joined by
// commas. Bytes are written in hexadecimal.
func (t *table) keyText(vals []any) string {
	if len(t.key) == 1 {
		return plainText(t.key[0], vals[0])
	}
	parts := make([]string, len(t.key))
	for i, c := range t.key {
		parts[i] = escapeKey.Replace(plainText(c, vals[i]))
	}
	return strings.Join(parts, ",")
}

// Record returns the name under which a retention engine, and a desk that asks it,
// knows a row: the source's name, the table and the key, as in "crm.Invoice/77".
// Tables that share a category keep their rows apart by it. It is what
// retention.Engine.IsBlocked and a hold on one record take, and what stands in the
// view gdpr_blocked_records. Table is a name of the map; the columns of a key of
// several are joined by commas, in their order.
func (l *Live) Record(table, key string) string { return l.options.Name + "." + table + "/" + key }

func (l *Live) recordPrefix(t *table) string { return l.Record(t.name, "") }

// plainText is the text of a value of the driver.
func plainText(c *catalog.Column, v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case int64:
		return strconv.FormatInt(v, 10)
	case string:
		return v
	case []byte:
		if c.Class == catalog.Binary {
			return hex.EncodeToString(v)
		}
		return string(v)
	}
	return fmt.Sprint(v)
}

// parseKey is the inverse of keyText.
func (t *table) parseKey(s string) ([]any, bool) {
	vals := make([]any, len(t.key))
	return vals, t.parseInto(vals, s)
}

func (t *table) parseInto(vals []any, s string) bool {
	n := len(vals)
	if s == "" || n > 1 && strings.Count(s, ",") != n-1 {
		return false
	}
	for i := range vals {
		p := s
		if n > 1 {
			p, s, _ = strings.Cut(s, ",")
			p = unescapeKey.Replace(p)
		}
		v, err := argument(t.key[i], p)
		if err != nil {
			return false
		}
		vals[i] = v
	}
	return true
}

// compareKeys is the order in which rows are delivered: numbers as numbers, text
// byte by byte.
func (t *table) compareKeys(a, b string) int {
	x, y := strings.Split(a, ","), strings.Split(b, ",")
	for i, c := range t.key {
		if i >= len(x) || i >= len(y) {
			break
		}
		p, q := x[i], y[i]
		if len(t.key) == 1 {
			p, q = a, b
		}
		order := strings.Compare(unescapeKey.Replace(p), unescapeKey.Replace(q))
		if c.Class == catalog.Int {
			m, _ := strconv.ParseInt(p, 10, 64)
			n, _ := strconv.ParseInt(q, 10, 64)
			order = cmp.Compare(m, n)
		}
		if order != 0 {
			return order
		}
	}
	return 0
}
