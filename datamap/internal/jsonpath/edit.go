package jsonpath

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Select returns what the path selects, in the order of the document.
func Select(doc []byte, p Path) ([]json.RawMessage, error) {
	var out []json.RawMessage
	_, err := edit(doc, p, func(v json.RawMessage) (json.RawMessage, bool) {
		out = append(out, v)
		return v, false
	})
	return out, err
}

// Redact replaces what the path selects by with, or by null if with is nil. If the
// path ends in a wildcard over an array and with is nil, the elements go. It
// reports how many values changed.
func Redact(doc []byte, p Path, with json.RawMessage) ([]byte, int, error) {
	n := 0
	drop := with == nil && len(p) > 0 && p[len(p)-1].All
	repl := with
	if repl == nil {
		repl = json.RawMessage("null")
	}
	out, err := edit(doc, p, func(v json.RawMessage) (json.RawMessage, bool) {
		if bytes.Equal(v, repl) {
			return v, false
		}
		n++
		if drop {
			return nil, true
		}
		return repl, true
	})
	return out, n, err
}

// Remove drops, from the array that the path selects, the elements for which match
// holds. Match is given the text of strings without quotes, of others as it stands.
func Remove(doc []byte, p Path, match func(string) bool) ([]byte, int, error) {
	n := 0
	out, err := edit(doc, append(p[:len(p):len(p)], Step{All: true}), func(v json.RawMessage) (json.RawMessage, bool) {
		if !match(Text(v)) {
			return v, false
		}
		n++
		return nil, true
	})
	return out, n, err
}

// Text returns the text of a string without quotes and escapes, and other values
// as they stand.
func Text(v json.RawMessage) string {
	var s string
	if len(v) > 0 && v[0] == '"' && json.Unmarshal(v, &s) == nil {
		return s
	}
	return string(v)
}

// edit calls f with each value that the path selects; f returns the value to stand
// there, nil to drop it, and whether it changed.
func edit(doc []byte, p Path, f func(json.RawMessage) (json.RawMessage, bool)) ([]byte, error) {
	doc = bytes.TrimSpace(doc)
	if !json.Valid(doc) {
		return nil, fmt.Errorf("jsonpath: cell is not JSON")
	}
	out, changed, err := walk(doc, p, f)
	if err != nil || !changed {
		return doc, err
	}
	if out == nil {
		out = json.RawMessage("null")
	}
	return out, nil
}

func walk(v json.RawMessage, p Path, f func(json.RawMessage) (json.RawMessage, bool)) (json.RawMessage, bool, error) {
	if len(p) == 0 {
		out, changed := f(v)
		return out, changed, nil
	}
	if len(v) == 0 || v[0] != '{' && v[0] != '[' {
		return v, false, nil
	}
	kids, err := split(v)
	if err != nil {
		return nil, false, err
	}
	changed := false
	kept := kids[:0]
	for i, k := range kids {
		if hit(p[0], v[0] == '{', k.name, i) {
			out, did, err := walk(k.value, p[1:], f)
			if err != nil {
				return nil, false, err
			}
			changed = changed || did
			if did && out == nil {
				continue
			}
			k.value = out
		}
		kept = append(kept, k)
	}
	if !changed {
		return v, false, nil
	}
	return join(v[0], kept), true, nil
}

func hit(s Step, object bool, name string, i int) bool {
	return s.All || object && s.Name != "" && s.Name == name || !object && s.Name == "" && s.Index == i
}

type child struct {
	name  string
	raw   []byte // the name as it stands
	value json.RawMessage
}

// split returns the children of an object or array in their order.
func split(v json.RawMessage) ([]child, error) {
	dec := json.NewDecoder(bytes.NewReader(v))
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	var kids []child
	for dec.More() {
		var k child
		if v[0] == '{' {
			t, err := dec.Token()
			if err != nil {
				return nil, err
			}
			k.name, _ = t.(string)
			k.raw, _ = json.Marshal(k.name)
		}
		if err := dec.Decode(&k.value); err != nil {
			return nil, err
		}
		kids = append(kids, k)
	}
	return kids, nil
}

func join(open byte, kids []child) json.RawMessage {
	out := []byte{open}
	for i, k := range kids {
		if i > 0 {
			out = append(out, ',')
		}
		if open == '{' {
			out = append(append(out, k.raw...), ':')
		}
		out = append(out, k.value...)
	}
	return append(out, open+2) // '{'+2 is '}', '['+2 is ']'
}
