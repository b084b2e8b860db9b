package datamap

import (
	"strings"
	"unicode"
)

// SnakeCase turns CamelCase into snake_case, for [Options.Names]: "InvoiceLineId"
// becomes "invoice_line_id".
func SnakeCase(name string) string {
	var b strings.Builder
	prev := rune(0)
	for _, r := range name {
		if unicode.IsUpper(r) && (unicode.IsLower(prev) || unicode.IsDigit(prev)) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
		prev = r
	}
	return b.String()
}
