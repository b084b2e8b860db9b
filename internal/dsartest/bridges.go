package dsartest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/gdpr"
)

// Sealer is a stand-in for a vault: it binds a value to subject and place, and
// forgets a subject when told.
type Sealer struct {
	mu   sync.Mutex
	gone map[string]bool
}

// Seal wraps the value in JSON with its subject and place.
func (s *Sealer) Seal(_ context.Context, subject, place string, plain []byte) ([]byte, error) {
	return json.Marshal([3]any{subject, place, flip(plain)})
}

// Open demands the same subject and place.
func (s *Sealer) Open(_ context.Context, subject, place string, sealed []byte) ([]byte, error) {
	var v struct{ Subject, Place, Plain json.RawMessage }
	var parts []json.RawMessage
	if err := json.Unmarshal(sealed, &parts); err != nil || len(parts) != 3 {
		return nil, errors.New("dsartest: damaged")
	}
	v.Subject, v.Place, v.Plain = parts[0], parts[1], parts[2]
	var sub, pl string
	var plain []byte
	if json.Unmarshal(v.Subject, &sub) != nil || json.Unmarshal(v.Place, &pl) != nil || json.Unmarshal(v.Plain, &plain) != nil {
		return nil, errors.New("dsartest: damaged")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case sub != subject || pl != place:
		return nil, errors.New("dsartest: moved value")
	case s.gone[subject]:
		return nil, ErrShredded
	}
	return flip(plain), nil
}

// ErrShredded is returned for a subject whose key is gone.
var ErrShredded = errors.New("dsartest: shredded")

// Shred forgets the subject.
func (s *Sealer) Shred(_ context.Context, subject string, _ ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone == nil {
		s.gone = map[string]bool{}
	}
	s.gone[subject] = true
	return nil
}

// Shredded reports whether the subject was shredded.
func (s *Sealer) Shredded(subject string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone[subject]
}

func flip(b []byte) []byte {
	out := make([]byte, len(b))
	for i := range b {
		out[i] = b[i] ^ 0x5a
	}
	return out
}

// Audit keeps entries as text, and refuses personal strings in clear.
type Audit struct {
	mu      sync.Mutex
	Entries []string
}

// Record implements dsar.Auditor.
func (a *Audit) Record(_ context.Context, action, _ string, attrs ...slog.Attr) error {
	var b strings.Builder
	b.WriteString(action)
	for _, at := range attrs {
		if at.Value.Kind() == slog.KindString {
			return fmt.Errorf("dsartest: attribute %s is neither clear nor personal: %w", at.Key, gdpr.ErrUnsealed)
		}
		fmt.Fprintf(&b, " %s=%v", at.Key, at.Value.Any())
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Entries = append(a.Entries, b.String())
	return nil
}

// Text returns all entries.
func (a *Audit) Text() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.Entries, "\n")
}

// Keeper keeps invoices for ten years as a duty, and what Claims names.
type Keeper struct {
	mu     sync.Mutex
	Claims map[string]bool // record keys under a legal hold
	Basis  map[string]bool // categories whose basis stands
}

// Keep implements dsar.Keeper.
func (k *Keeper) Keep(_ context.Context, _, category, record string, dates map[string]time.Time) (bool, time.Time, string, string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.Claims[record]:
		return true, time.Time{}, "claim", "A17-3-e/hold-1", nil
	case k.Basis[category]:
		return true, time.Time{}, "basis", "A6-1-b", nil
	case category == "invoice":
		d, ok := dates["invoice_date"]
		if !ok {
			return true, time.Time{}, "must", "unknown-start", nil
		}
		until := time.Date(d.Year()+8, 1, 1, 0, 0, 0, 0, time.UTC)
		return true, until, "must", "NL-AWR-52", nil
	}
	return false, time.Time{}, "", "", nil
}

// Journal keeps records in memory, outside any store.
type Journal struct {
	mu      sync.Mutex
	records [][]byte
	Err     error
}

// Append implements dsar.Journal.
func (j *Journal) Append(_ context.Context, record []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.Err != nil {
		return j.Err
	}
	j.records = append(j.records, append([]byte(nil), record...))
	return nil
}

// Read implements dsar.Journal.
func (j *Journal) Read(_ context.Context, from uint64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		j.mu.Lock()
		records := j.records
		j.mu.Unlock()
		for _, r := range records[min(int(from), len(records)):] {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// Len returns the number of records.
func (j *Journal) Len() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.records)
}

// Controller is that of the scenarios.
func Controller() gdpr.Controller {
	return gdpr.Controller{Name: "Acme B.V.", Address: "Straat 1\n1000 AA Amsterdam", Contact: "privacy@acme.example", DPO: "fg@acme.example",
		Authority: "Autoriteit Persoonsgegevens", Country: "NL", TimeZone: "Europe/Amsterdam", Languages: []string{"nl"}}
}

// Information is complete for the CRM.
func Information() dsar.Information {
	c := func(title, purpose string) dsar.CategoryInformation {
		return dsar.CategoryInformation{Title: title, Purposes: []string{purpose}, Basis: []string{"A6-1-b"}, NoRecipients: true, Retention: "2 jaar na het laatste contact"}
	}
	return dsar.Information{NoAutomated: true, NoTransfers: true, Categories: map[string]dsar.CategoryInformation{
		"contact": c("Contactgegevens", "Uitvoering van de overeenkomst"),
		"note":    c("Notities", "Klantbeheer"),
		"invoice": c("Facturen", "Boekhouding"),
	}}
}

// Discard is an io.Writer that counts.
type Discard struct{ N int64 }

// Write counts.
func (d *Discard) Write(p []byte) (int, error) { d.N += int64(len(p)); return len(p), nil }

var _ io.Writer = (*Discard)(nil)
