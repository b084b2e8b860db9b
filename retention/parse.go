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
		return nil, &ScheduleError{Pointer: "/", Reason: err.Error()}
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

// schemaFaults turns the leaves of a validation error into faults that name the rule.
func schemaFaults(err error, doc any) error {
	var v *jsonschema.ValidationError
	if !errors.As(err, &v) {
		return &ScheduleError{Pointer: "/", Reason: err.Error()}
	}
	var faults []error
	var walk func(*jsonschema.ValidationError)
	walk = func(v *jsonschema.ValidationError) {
		if len(v.Causes) == 0 {
			p := v.InstanceLocation
			if p == "" {
				p = "/"
			}
			faults = append(faults, &ScheduleError{Pointer: p, Rule: ruleAt(doc, p), Reason: v.Message})
		}
		for _, cause := range v.Causes {
			walk(cause)
		}
	}
	walk(v)
	return errors.Join(faults...)
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
