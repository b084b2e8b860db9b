package datamap

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
	"github.com/santhosh-tekuri/jsonschema/v5"
)

// MaxSize is the largest map that [Parse] reads, in bytes.
const MaxSize = 4 << 20

// Schema is the JSON Schema (draft 2020-12) of the file format.
//
//go:embed schema.json
var Schema string

var compiled = sync.OnceValue(func() *jsonschema.Schema {
	return jsonschema.MustCompileString("datamap-1.json", Schema)
})

// Parse reads a map from YAML or JSON and checks all that needs no database. Every
// fault is reported, with line and column, table and column: see [Faults].
func Parse(data []byte) (*Map, error) {
	m := new(Map)
	f := &faults{of: m}
	if len(data) > MaxSize {
		f.add(nil, "", "", "file has %d bytes; the limit is %d", len(data), MaxSize)
		return nil, f.err()
	}
	if first := bytes.TrimLeft(data, " \t\r\n"); len(first) > 0 && first[0] == '{' {
		// JSON allows tabs between tokens, YAML does not; in strings both forbid them.
		data = bytes.ReplaceAll(data, []byte("\t"), []byte(" "))
	}
	raw, err := toJSON(data, m)
	if err != nil {
		return nil, Faults{syntaxFault(err)}
	}
	if validate(raw, f); f.err() != nil {
		return nil, f.err()
	}
	if err := json.Unmarshal(raw, m); err != nil {
		f.add(nil, "", "", "%s", err)
		return nil, f.err()
	}
	if err := m.Check(); err != nil {
		return nil, err
	}
	return m, nil
}

// toJSON converts the text and notes where everything stands in it.
func toJSON(data []byte, m *Map) (raw []byte, err error) {
	defer func() { // the parser is given text that anybody may have written
		if r := recover(); r != nil {
			err = errors.New("file is not YAML")
		}
	}()
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, err
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, errors.New("file must hold one document")
	}
	m.where = locator{file.Docs[0].Body}
	var v any
	if err := yaml.NodeToValue(file.Docs[0].Body, &v); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

func syntaxFault(err error) Fault {
	var ye yaml.Error
	if !errors.As(err, &ye) {
		return Fault{Line: 1, Pos: 1, Rule: err.Error()}
	}
	fault := Fault{Line: 1, Pos: 1, Rule: ye.GetMessage()}
	if t := ye.GetToken(); t != nil && t.Position != nil {
		fault.Line, fault.Pos = t.Position.Line, t.Position.Column
	}
	return fault
}

// validate applies the JSON Schema and notes its leaf findings.
func validate(raw []byte, f *faults) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		f.add(nil, "", "", "%s", err)
		return
	}
	var ve *jsonschema.ValidationError
	if err := compiled().Validate(v); !errors.As(err, &ve) {
		if err != nil {
			f.add(nil, "", "", "%s", err)
		}
		return
	}
	seen := make(map[string]bool)
	leaves(ve, func(e *jsonschema.ValidationError) {
		if line := e.InstanceLocation + e.Message; !seen[line] {
			seen[line] = true
			at := pointer(e.InstanceLocation)
			table, column := named(v, at)
			f.add(at, table, column, "%s: %s", cmpEmpty(e.InstanceLocation, "/"), e.Message)
		}
	})
}

func leaves(e *jsonschema.ValidationError, yield func(*jsonschema.ValidationError)) {
	if len(e.Causes) == 0 {
		yield(e)
	}
	causes := e.Causes
	if strings.HasSuffix(e.KeywordLocation, "/oneOf") {
		causes = meant(e)
	}
	for _, c := range causes {
		leaves(c, yield)
	}
}

// meant returns, of the alternatives that a value failed, those that its author
// meant by the kind of value: else a wrong name of a strategy would also be reported
// for not being an object.
func meant(e *jsonschema.ValidationError) []*jsonschema.ValidationError {
	var best []*jsonschema.ValidationError
	rank := 0
	for _, c := range e.Causes {
		n := 0
		leaves(c, func(leaf *jsonschema.ValidationError) {
			switch {
			case leaf.InstanceLocation != e.InstanceLocation: // something inside it
				n = max(n, 3)
			case strings.HasSuffix(leaf.KeywordLocation, "/type"):
			case strings.HasSuffix(leaf.KeywordLocation, "/enum"):
				n = max(n, 1)
			default:
				n = max(n, 2)
			}
		})
		if n > rank {
			best, rank = nil, n
		}
		if n == rank {
			best = append(best, c)
		}
	}
	return best
}

func pointer(s string) []any {
	var at []any
	for part := range strings.SplitSeq(strings.TrimPrefix(s, "/"), "/") {
		if part == "" {
			continue
		}
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		if i, err := strconv.Atoi(part); err == nil {
			at = append(at, i)
			continue
		}
		at = append(at, part)
	}
	return at
}

// named finds table and column that a pointer leads through.
func named(v any, at []any) (table, column string) {
	if len(at) < 2 || at[0] != "tables" {
		return "", ""
	}
	table = fmt.Sprint(at[1])
	if len(at) < 4 || at[2] != "columns" {
		return table, ""
	}
	i, ok := at[3].(int)
	root, _ := v.(map[string]any)
	tables, _ := root["tables"].(map[string]any)
	t, _ := tables[table].(map[string]any)
	cols, _ := t["columns"].([]any)
	if !ok || i >= len(cols) {
		return table, ""
	}
	c, _ := cols[i].(map[string]any)
	if list, ok := c["name"].([]any); ok {
		return table, strings.Trim(fmt.Sprint(list), "[]")
	}
	name, _ := c["name"].(string)
	return table, name
}

func cmpEmpty(s, or string) string {
	if s == "" {
		return or
	}
	return s
}

// cutArrow splits "on > table.column".
func cutArrow(s string) (on, to string) {
	on, to, _ = strings.Cut(s, ">")
	return strings.TrimSpace(on), strings.TrimSpace(to)
}
