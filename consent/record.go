package consent

import (
	"encoding/hex"
	"log/slog"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
)

// A Record is what the ledger holds of one act. Everything in it but Subject is a
// code, a time or a hash; evidence that is personal is in Evidence, only after
// [Ledger.Evidence].
type Record struct {
	ID       string    `json:"id"` // UUIDv7
	Seq      int64     `json:"seq"`
	Subject  string    `json:"subject"`
	Event    Event     `json:"event"`
	Purpose  string    `json:"purpose,omitempty"`
	Channel  string    `json:"channel,omitempty"`
	Version  int       `json:"version,omitempty"` // of the purpose
	At       time.Time `json:"at"`                // when it was done, by the caller
	Recorded time.Time `json:"recorded"`          // when it was recorded, by the clock of the ledger
	Until    time.Time `json:"until,omitzero"`
	Ground   Ground    `json:"ground,omitempty"`

	TextHash string `json:"textHash,omitempty"` // hex SHA-256 of the words shown, see Text.Hash
	Language string `json:"language,omitempty"`
	Audience string `json:"audience,omitempty"`

	Method        Method `json:"method,omitempty"`
	By            By     `json:"by,omitempty"`
	Form          string `json:"form,omitempty"`
	Source        string `json:"source,omitempty"`
	Reference     string `json:"reference,omitempty"`
	Author        string `json:"author,omitempty"`
	Explicit      bool   `json:"explicit,omitempty"`
	GuardianCheck string `json:"guardianCheck,omitempty"`
	Age           int    `json:"age,omitempty"`       // at least, at the time of the act
	Threshold     int    `json:"threshold,omitempty"` // the age that applied
	Country       string `json:"country,omitempty"`
	Scope         string `json:"scope,omitempty"`
	Other         string `json:"other,omitempty"` // merged with
	Via           string `json:"via,omitempty"`   // link, journal, import or merge
	Bundled       bool   `json:"bundled,omitempty"`

	ProofHash string `json:"proofHash,omitempty"` // hex SHA-256 of the sealed evidence
	Repeated  bool   `json:"-"`                   // this call found the record of an earlier one
}

func (e *event) public() Record {
	d := &e.detail
	return Record{
		ID: e.id.String(), Seq: e.seq, Subject: e.subject, Event: e.kind, Purpose: e.purpose, Channel: e.channel, Version: e.version,
		At: micros(e.at), Recorded: micros(e.recorded), Until: micros(e.until), Ground: e.ground,
		TextHash: hex.EncodeToString(e.text), ProofHash: hex.EncodeToString(e.proof),
		Language: d.Language, Audience: d.Audience, Method: d.Method, By: d.By, Form: d.Form, Source: d.Source,
		Reference: d.Reference, Author: d.Author, Explicit: d.Explicit, GuardianCheck: d.Check, Age: d.Age, Threshold: d.Threshold,
		Country: d.Country, Scope: d.Scope, Other: d.With, Via: d.Via, Bundled: d.Bundled,
	}
}

// attrs are the attributes of the audit entry: codes only.
func (e *event) attrs() []slog.Attr {
	a := make([]slog.Attr, 1, 6)
	a[0] = gdpr.Clear("record", e.id.String())
	for _, f := range [...]struct{ key, value string }{
		{"purpose", e.purpose}, {"channel", e.channel}, {"ground", string(e.ground)}, {"method", string(e.detail.Method)}, {"scope", e.detail.Scope},
	} {
		if f.value != "" {
			a = append(a, gdpr.Clear(f.key, f.value))
		}
	}
	if e.version != 0 {
		a = append(a, slog.Int("version", e.version))
	}
	return a
}
