package dsar

import (
	"encoding/json"
	"strconv"
	"strings"
)

// spread shows a JSON object as its members, nested ones by their path, in the order
// in which they stand. It returns nil for whatever is no object.
func spread(text string) []shownCell {
	if !strings.HasPrefix(text, "{") {
		return nil
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var out []shownCell
	if err := spreadValue(dec, "", &out); err != nil || dec.More() {
		return nil
	}
	return out
}

func spreadValue(dec *json.Decoder, path string, out *[]shownCell) error {
	tok, err := dec.Token()
	if err != nil {
		return err
	}
	open, ok := tok.(json.Delim)
	if !ok {
		*out = append(*out, shownCell{path, spreadText(tok)})
		return nil
	}
	for i := 1; dec.More(); i++ {
		name := strconv.Itoa(i)
		if open == '{' {
			if tok, err = dec.Token(); err != nil {
				return err
			}
			name = tok.(string)
		}
		if path != "" {
			name = path + "." + name
		}
		if err := spreadValue(dec, name, out); err != nil {
			return err
		}
	}
	_, err = dec.Token() // the closing delimiter
	return err
}

func spreadText(tok json.Token) string {
	switch v := tok.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}
