package consent

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"golang.org/x/text/language"

	"github.com/gdprkit/gdprkit/internal/calendar"
)

// A Catalogue holds the purposes of one controller, all versions of each. It does
// not change; make a new one and a new Ledger to add a version. The zero value and
// nil hold none, so that everything is denied.
type Catalogue struct {
	byID      map[string][]*Purpose // ascending by version
	ids       []string              // sorted
	languages map[string]bool       // of the texts
}

// NewCatalogue checks the purposes and copies them into a catalogue. Its errors
// wrap [ErrCatalogue] and name the purpose and field; what is lawful but doubtful is
// left to [Catalogue.Lint].
func NewCatalogue(purposes ...Purpose) (*Catalogue, error) {
	c := &Catalogue{byID: map[string][]*Purpose{}, languages: map[string]bool{}}
	for i := range purposes {
		p := clonePurpose(&purposes[i])
		if err := p.check(); err != nil {
			return nil, err
		}
		c.byID[p.ID] = append(c.byID[p.ID], p)
		for j := range p.Texts {
			c.languages[p.Texts[j].Language] = true
		}
	}
	for id, versions := range c.byID {
		slices.SortFunc(versions, func(a, b *Purpose) int { return a.Version - b.Version })
		for i, p := range versions[1:] {
			if p.Version == versions[i].Version {
				return nil, refuse(ErrCatalogue, p.field("Version"), "is there twice")
			}
			if p.Since.Before(versions[i].Since) {
				return nil, refuse(ErrCatalogue, p.field("Since"), "is before that of version %d", versions[i].Version)
			}
		}
		c.ids = append(c.ids, id)
	}
	slices.Sort(c.ids)
	return c, nil
}

//go:embed data/catalogue.schema.json
var catalogueSchema []byte

// Schema returns the JSON Schema (draft 2020-12) of a catalogue in JSON.
func Schema() []byte { return bytes.Clone(catalogueSchema) }

// ParseCatalogue reads a catalogue from JSON: an object with an array "purposes".
// The document is checked against [Schema] first; unknown members are refused.
func ParseCatalogue(doc []byte) (*Catalogue, error) {
	schema, err := compileSchema()
	if err != nil {
		return nil, err
	}
	var any any
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	if err := dec.Decode(&any); err != nil {
		return nil, refuse(ErrCatalogue, "Catalogue", "is not JSON")
	}
	if err := schema.Validate(any); err != nil {
		return nil, schemaError(err)
	}
	var parsed struct {
		Purposes []Purpose `json:"purposes"`
	}
	dec = json.NewDecoder(bytes.NewReader(doc))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&parsed); err != nil {
		return nil, refuse(ErrCatalogue, "Catalogue", "has a member that does not fit: %s", jsonField(err))
	}
	return NewCatalogue(parsed.Purposes...)
}

func compileSchema() (*jsonschema.Schema, error) {
	const url = "mem:///catalogue.schema.json"
	c := jsonschema.NewCompiler()
	c.Draft = jsonschema.Draft2020
	c.AssertFormat = true
	c.LoadURL = refuseURL
	if err := c.AddResource(url, bytes.NewReader(catalogueSchema)); err != nil {
		return nil, err
	}
	return c.Compile(url)
}

func schemaError(err error) error {
	var v *jsonschema.ValidationError
	if !errors.As(err, &v) {
		return refuse(ErrCatalogue, "Catalogue", "does not fit its schema")
	}
	var where string
	var faults []string
	var collect func(v *jsonschema.ValidationError)
	collect = func(v *jsonschema.ValidationError) {
		for _, cause := range v.Causes {
			collect(cause)
		}
		switch {
		case len(v.Causes) > 0:
		case len(faults) == 0:
			where, faults = v.InstanceLocation, append(faults, v.Message)
		default:
			faults = append(faults, v.InstanceLocation+": "+v.Message)
		}
	}
	collect(v)
	return refuse(ErrCatalogue, "Catalogue"+where, "does not fit its schema: %s", strings.Join(faults, "; "))
}

func jsonField(err error) string {
	var t *json.UnmarshalTypeError
	if errors.As(err, &t) {
		return t.Field
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

// Purpose returns a version of a purpose, or nil. The caller must not change it.
func (c *Catalogue) Purpose(id string, version int) *Purpose {
	if c == nil {
		return nil
	}
	for _, p := range c.byID[id] {
		if p.Version == version {
			return p
		}
	}
	return nil
}

// At returns the version of a purpose in force at t, or nil.
func (c *Catalogue) At(id string, t time.Time) *Purpose {
	if c == nil {
		return nil
	}
	versions := c.byID[id]
	for i := len(versions) - 1; i >= 0; i-- {
		if p := versions[i]; p.Since.IsZero() || !p.Since.After(t) {
			return p
		}
	}
	return nil
}

// later returns when the versions of the purpose after t come into force.
func (c *Catalogue) later(id string, t time.Time) (times []time.Time) {
	for _, p := range c.byID[id] {
		if p.Since.After(t) {
			times = append(times, p.Since)
		}
	}
	return times
}

// next returns when the next version of the purpose after t comes into force, or zero.
func (c *Catalogue) next(id string, t time.Time) time.Time {
	if times := c.later(id, t); len(times) > 0 {
		return times[0] // versions ascend
	}
	return time.Time{}
}

// IDs returns the ids of the purposes, sorted.
func (c *Catalogue) IDs() []string {
	if c == nil {
		return nil
	}
	return slices.Clone(c.ids)
}

// isLanguage reports whether s is a language tag of BCP 47. Those of the texts are:
// they were checked once.
func (c *Catalogue) isLanguage(s string) bool {
	if c != nil && c.languages[s] {
		return true
	}
	_, err := language.Parse(s)
	return err == nil
}

func clonePurpose(p *Purpose) *Purpose {
	doc, err := json.Marshal(p)
	if err != nil {
		panic(err) // plain data
	}
	q := new(Purpose)
	if err := json.Unmarshal(doc, q); err != nil {
		panic(err)
	}
	return q
}

func (p *Purpose) field(name string) string {
	return fmt.Sprintf("Purpose(%s/%d).%s", p.ID, p.Version, name)
}

func (p *Purpose) check() error {
	bad := func(field, rule string, args ...any) error {
		return refuse(ErrCatalogue, p.field(field), rule, args...)
	}
	switch {
	case !isCode(p.ID, 64):
		return refuse(ErrCatalogue, "Purpose.ID", "must be 1 to 64 bytes of a-z 0-9 . _ -")
	case p.Version < 1:
		return bad("Version", "must be at least 1")
	case !p.Basis.IsBasis():
		return refuse(ErrGround, p.field("Basis"), "must be one of the six of GDPR art. 6(1), A6-1-a to A6-1-f")
	case p.AcceptFrom < 0 || p.AcceptFrom > p.Version:
		return bad("AcceptFrom", "must lie between 1 and the version")
	case len(p.Special) > 0 && !p.SpecialBasis.oneOf(art9...):
		return bad("SpecialBasis", "must be a condition of GDPR art. 9(2), A9-2-a to A9-2-j")
	case p.Criminal && p.CriminalLaw == "":
		return bad("CriminalLaw", "is empty (GDPR art. 10 asks for authorisation by law)")
	case p.NationalID && p.NationalLaw == "":
		return bad("NationalLaw", "is empty (GDPR art. 87: national law decides)")
	}
	if p.Validity != "" {
		var err error
		if p.period, err = calendar.ParsePeriod(p.Validity); err != nil || p.period.IsZero() {
			return bad("Validity", "is not a period of ISO 8601 such as P24M")
		}
	}
	if err := p.checkAutomated(); err != nil {
		return err
	}
	for i, ch := range p.Channels {
		if !isCode(ch, 32) || slices.Contains(p.Channels[:i], ch) {
			return bad("Channels", "has a channel that is malformed or there twice")
		}
	}
	for _, r := range p.Recipients {
		if !isCode(r.ID, 64) || !isCountry(r.Country) {
			return bad("Recipients", "needs an id and a country of two upper-case letters")
		}
	}
	for country, age := range p.MinAge {
		if !isCountry(country) || age < 13 || age > 16 {
			return bad("MinAge", "must be 13 to 16 by country (GDPR art. 8(1))")
		}
	}
	return p.checkTexts()
}

func (p *Purpose) checkAutomated() error {
	a := p.Automated
	if a == nil {
		return nil
	}
	switch {
	case !a.Ground.oneOf(AutomatedContract, AutomatedLaw, AutomatedConsent):
		return refuse(ErrCatalogue, p.field("Automated.Ground"), "must be A22-2-a, A22-2-b or A22-2-c")
	case a.Contact == "":
		return refuse(ErrCatalogue, p.field("Automated.Contact"), "is empty (GDPR art. 22(3): human intervention)")
	case a.Logic == "":
		return refuse(ErrCatalogue, p.field("Automated.Logic"), "is empty (GDPR art. 13(2)(f))")
	case a.Ground == AutomatedConsent && p.Basis != Consent:
		return refuse(ErrCatalogue, p.field("Automated.Ground"), "rests on consent, but the basis is another")
	case len(p.Special) > 0 && !p.SpecialBasis.oneOf("A9-2-a", "A9-2-g"):
		return refuse(ErrCatalogue, p.field("SpecialBasis"), "must be A9-2-a or A9-2-g for an automated decision (GDPR art. 22(4))")
	}
	return nil
}

func (p *Purpose) checkTexts() error {
	for i := range p.Texts {
		t := &p.Texts[i]
		if _, err := language.Parse(t.Language); err != nil {
			return refuse(ErrCatalogue, p.field("Texts.Language"), "is not a language tag of BCP 47")
		}
		if t.Statement == "" {
			return refuse(ErrNotice, p.field("Texts.Statement"), "is empty")
		}
		if item := t.Notice.Missing(); item != "" {
			return refuse(ErrNotice, p.field("Texts.Notice"), "lacks %s", item)
		}
		for j := range i {
			if equalFold(p.Texts[j].Language, t.Language) && p.Texts[j].Audience == t.Audience {
				return refuse(ErrCatalogue, p.field("Texts"), "has a language and audience twice")
			}
		}
	}
	if p.Basis == Consent && len(p.Texts) == 0 {
		return refuse(ErrNotice, p.field("Texts"), "is empty; consent needs the words that the person is shown")
	}
	return nil
}
