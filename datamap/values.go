package datamap

import (
	"encoding/json"

	"github.com/gdprkit/gdprkit/gdpr"
)

// Strategy is what an erasure does to a row or a column.
type Strategy string

// The strategies. The first group is for rows, the second for columns.
const (
	Delete     Strategy = "delete"      // the row goes; in place while a kept row refers to it
	InPlace    Strategy = "in_place"    // the row stays, each column by its own strategy
	DeleteLast Strategy = "delete_last" // a shared row goes with its last reference
	Detach     Strategy = "detach"      // as InPlace, and the links to the subject become NULL last
	Keep       Strategy = "keep"        // stays, with a ground; also for columns
	Callback   Strategy = "callback"    // the CRM's own code does it; also for columns

	Nullify       Strategy = "nullify"        // NULL
	Fixed         Strategy = "fixed"          // Erase.Value
	Random        Strategy = "random"         // a value that fits and is unique in its column, not derived from the old one
	Year          Strategy = "year"           // 1 January of the date's year
	Prefix        Strategy = "prefix"         // the first Erase.Length characters, for a postcode
	Redact        Strategy = "redact"         // what the JSON path selects becomes null, or goes from its array
	RemoveElement Strategy = "remove_element" // the subject's own key goes from an array
)

// Origin says how a value came in; see GDPR arts. 14(2)(f) and 20(1).
type Origin = gdpr.Origin

// The origins, in the words of package gdpr. Portability covers the first two.
const (
	Provided       = gdpr.Provided
	Observed       = gdpr.Observed
	Derived        = gdpr.Derived
	FromThirdParty = gdpr.FromThirdParty
)

// Sensitivity is the article that asks for special care.
type Sensitivity = gdpr.Sensitivity

// The sensitivities, in the words of package gdpr.
const (
	Special    = gdpr.Special
	Criminal   = gdpr.Criminal
	NationalID = gdpr.NationalID
)

// Meaning says what a column holds, for [Live.Identify] and [Live.Duplicates].
type Meaning string

// The meanings.
const (
	Email      Meaning = "email"
	Phone      Meaning = "phone"
	FullName   Meaning = "full_name"
	GivenName  Meaning = "given_name"
	FamilyName Meaning = "family_name"
	BirthDate  Meaning = "birth_date"
	Postcode   Meaning = "postcode"
)

// Names is one column name or several.
type Names []string

// UnmarshalJSON accepts a string or an array of strings.
func (n *Names) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*n = Names{""}
		return json.Unmarshal(b, &(*n)[0])
	}
	return json.Unmarshal(b, (*[]string)(n))
}

// UnmarshalJSON accepts the strategy's name or the object.
func (e *Erase) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &e.Do)
	}
	type plain Erase
	return json.Unmarshal(b, (*plain)(e))
}

// UnmarshalJSON accepts a column name or the object.
func (d *Date) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &d.Column)
	}
	type plain Date
	return json.Unmarshal(b, (*plain)(d))
}

// UnmarshalJSON accepts "on" or "on > table.column" as a string, or the object.
func (l *Link) UnmarshalJSON(b []byte) error {
	type plain Link
	if len(b) == 0 || b[0] != '"' {
		return json.Unmarshal(b, (*plain)(l))
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	l.On, l.To = cutArrow(s)
	return nil
}

// Const is a constant in a condition: text, also of a number. In a file a number
// or a boolean may stand there; true is "1", false is "0".
type Const string

// UnmarshalJSON accepts text, a number or a boolean.
func (c *Const) UnmarshalJSON(b []byte) error {
	switch s := string(b); {
	case len(b) > 0 && b[0] == '"':
		return json.Unmarshal(b, (*string)(c))
	case s == "true":
		*c = "1"
	case s == "false":
		*c = "0"
	default:
		*c = Const(s)
	}
	return nil
}
