package retention

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

//go:embed schedule.schema.json
var scheduleSchema string

// JSONSchema returns the JSON Schema (draft 2020-12) of a schedule, for editors.
func JSONSchema() string { return scheduleSchema }

var compileSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	return jsonschema.CompileString("schedule.schema.json", scheduleSchema)
})

// maxDocument bounds the text of a schedule.
const maxDocument = 4 << 20

// ParseSchedule reads a schedule from JSON. The error joins a [*ScheduleError] for
// each fault.
func ParseSchedule(text []byte) (*Schedule, error) {
	if len(text) > maxDocument {
		return nil, &ScheduleError{Pointer: "/", Reason: "is longer than 4 MiB"}
	}
	var doc any
	if err := decode(text, &doc, false); err != nil {
		return nil, &ScheduleError{Pointer: "/", Reason: "is not JSON: " + err.Error()}
	}
	schema, err := compileSchema()
	if err != nil {
		return nil, err
	}
	if err := schema.Validate(doc); err != nil {
		return nil, schemaFaults(err, doc)
	}
	var def Definition
	if err := decode(text, &def, true); err != nil {
		return nil, decodeFault(text, err)
	}
	return NewSchedule(def)
}

func decode(text []byte, v any, strict bool) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if strict {
		d.DisallowUnknownFields()
	} else {
		d.UseNumber()
	}
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("text follows the document")
	}
	return nil
}

// decodeFault names the rule that could not be read, such as one with 30 February.
func decodeFault(text []byte, err error) error {
	var parts struct {
		Rules []json.RawMessage `json:"rules"`
	}
	var faults []error
	if json.Unmarshal(text, &parts) == nil {
		for i, part := range parts.Rules {
			var id struct {
				ID string `json:"id"`
			}
			if err := decode(part, new(Rule), true); err != nil {
				_ = json.Unmarshal(part, &id)
				faults = append(faults, &ScheduleError{Pointer: "/rules/" + strconv.Itoa(i), Rule: clip(id.ID), Reason: err.Error()})
			}
		}
	}
	if len(faults) == 0 {
		return &ScheduleError{Pointer: "/", Reason: err.Error()}
	}
	return errors.Join(faults...)
}

// schemaFaults turns the leaves of a validation error into faults that name the rule.
func schemaFaults(err error, doc any) error {
	var v *jsonschema.ValidationError
	if !errors.As(err, &v) {
		return &ScheduleError{Pointer: "/", Reason: err.Error()}
	}
	var faults []error
	var walk func(*jsonschema.ValidationError)
	walk = func(v *jsonschema.ValidationError) {
		if len(v.Causes) == 0 && !strings.Contains(v.KeywordLocation, "/anyOf/0/") { // that is "from", which is rarely what is missing
			p := v.InstanceLocation
			if p == "" {
				p = "/"
			}
			faults = append(faults, &ScheduleError{Pointer: p, Rule: ruleAt(doc, p), Reason: reason(v, doc)})
		}
		for _, cause := range v.Causes {
			walk(cause)
		}
	}
	walk(v)
	return errors.Join(faults...)
}

// hints say what to write, by the end of the place in the schema that was violated.
var hints = []struct{ place, text string }{
	{"/$defs/period/pattern", `is not a period: write whole years, months, weeks or days of ISO 8601, such as "P7Y", "P6M", "P2W", "P30D" or "P1Y6M"`},
	{"/$defs/date/pattern", `is not a date: write YYYY-MM-DD, such as "2026-01-31"`},
	{"/properties/country/pattern", `is not a country: write the two upper-case letters of ISO 3166-1, such as "NL"`},
	{"/properties/yearEnd/pattern", `is not an end of year: write MM-DD, such as "03-31"`},
	{"/$defs/rule/anyOf/1/required", `a rule needs kind and ground, or from with the id of a rule of a country pack`},
}

// reason says what is wrong with which value, and what is asked.
func reason(v *jsonschema.ValidationError, doc any) string {
	text := v.Message
	for _, h := range hints {
		if strings.HasSuffix(v.AbsoluteKeywordLocation, h.place) {
			if text = h.text; strings.HasSuffix(h.place, "/required") {
				text = v.Message + ": " + h.text
			}
		}
	}
	if value, is := at(doc, v.InstanceLocation).(string); is {
		return strconv.Quote(clip(value)) + " " + strings.TrimPrefix(text, "value ")
	}
	return text
}

// at returns the value to which a pointer leads, or nil.
func at(v any, pointer string) any {
	for name := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		switch x := v.(type) {
		case map[string]any:
			v = x[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]
		case []any:
			n, err := strconv.Atoi(name)
			if err != nil || n < 0 || n >= len(x) {
				return nil
			}
			v = x[n]
		default:
			return nil
		}
	}
	return v
}

// ruleAt returns the id of the rule into which a pointer leads.
func ruleAt(doc any, pointer string) string {
	rest, ok := strings.CutPrefix(pointer, "/rules/")
	if !ok {
		return ""
	}
	index, _, _ := strings.Cut(rest, "/")
	n, err := strconv.Atoi(index)
	top, _ := doc.(map[string]any)
	rules, _ := top["rules"].([]any)
	if err != nil || n < 0 || n >= len(rules) {
		return ""
	}
	rule, _ := rules[n].(map[string]any)
	id, _ := rule["id"].(string)
	return clip(id)
}
