package dsar

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

//go:embed intake.schema.json
var intakeSchemaText string

// maxIntake is the largest intake read, in bytes.
const maxIntake = 256 << 10

var intakeSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	return jsonschema.CompileString("intake.schema.json", intakeSchemaText)
})

// IntakeSchema returns the JSON Schema (draft 2020-12) that [ParseIntake] checks by,
// for a form or an API description.
func IntakeSchema() string { return intakeSchemaText }

// ParseIntake reads an intake from JSON, at most 256 KiB, and checks it by the
// schema. Who the person is in the CRM, and who records the request, cannot be
// handed in: the caller sets Subjects and By. An error names the place and the
// rule, never the value.
func ParseIntake(r io.Reader) (Intake, error) {
	var in Intake
	b, err := io.ReadAll(io.LimitReader(r, maxIntake+1))
	if err != nil {
		return in, err
	}
	if len(b) > maxIntake {
		return in, invalid("Intake", "has more than %d bytes", maxIntake)
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil || dec.More() {
		return in, invalid("Intake", "is not one JSON value")
	}
	schema, err := intakeSchema()
	if err != nil {
		return in, err
	}
	if err := schema.Validate(v); err != nil {
		return in, schemaError(err)
	}
	if err := json.Unmarshal(b, &in); err != nil {
		return Intake{}, invalid("Intake", "has a value of the wrong form")
	}
	return in, nil
}

// schemaError names the place and the keyword of the first failure.
func schemaError(err error) error {
	var ve *jsonschema.ValidationError
	if !errors.As(err, &ve) {
		return invalid("Intake", "does not follow the schema")
	}
	for len(ve.Causes) > 0 {
		ve = ve.Causes[0]
	}
	where := "Intake"
	for _, p := range strings.Split(strings.Trim(ve.InstanceLocation, "/"), "/") {
		if identifier(p) {
			where += "." + p
		}
	}
	rule := ve.KeywordLocation[strings.LastIndexByte(ve.KeywordLocation, '/')+1:]
	return invalid(where, "breaks the rule %q of intake.schema.json", rule)
}

// identifier reports whether s is a name of the schema and not one of the sender.
func identifier(s string) bool { return s != "" && strings.Contains(intakeSchemaText, `"`+s+`": {`) }
