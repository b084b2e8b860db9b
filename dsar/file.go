package dsar

import (
	"context"
	"encoding/json"

	"github.com/gdprkit/gdprkit/gdpr"
)

// file is the content of a request: what the person wrote and how to reach them.
// It does not change after the receipt.
type file struct {
	Contact    string            `json:"contact,omitempty"`
	Mandate    string            `json:"mandate,omitempty"`
	Text       string            `json:"text,omitempty"`
	Identities map[string]string `json:"identities,omitempty"`
	Changes    []Change          `json:"changes,omitempty"`
	Scope      Scope             `json:"scope,omitzero"`
	Purposes   []string          `json:"purposes,omitempty"`
	NoSuppress bool              `json:"noSuppress,omitempty"`
}

func (f *file) personal() bool {
	return f.Contact != "" || f.Mandate != "" || f.Text != "" || len(f.Identities) > 0 || len(f.Changes) > 0
}

// place names a cell for the sealer, as pseudonym.Place does.
func place(table, column, record string) string { return table + "." + column + "/" + record }

const (
	clearForm  = 0
	sealedForm = 1
)

// enclose encodes v for the cell named by where. Personal content is sealed under
// the key of the request's file, and refused without a sealer.
func (d *Desk) enclose(ctx context.Context, id, where string, v any, personal bool) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return d.encloseBytes(ctx, id, where, b, personal)
}

func (d *Desk) encloseBytes(ctx context.Context, id, where string, b []byte, personal bool) ([]byte, error) {
	if d.o.Sealer == nil {
		if personal {
			return nil, gdpr.ErrUnsealed
		}
		return append([]byte{clearForm}, b...), nil
	}
	s, err := d.o.Sealer.Seal(ctx, fileKey(id), where, b)
	if err != nil {
		return nil, err
	}
	return append([]byte{sealedForm}, s...), nil
}

// disclose is the inverse of enclose. Nil is ErrExpired.
func (d *Desk) disclose(ctx context.Context, id, where string, b []byte, v any) error {
	plain, err := d.discloseBytes(ctx, id, where, b)
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, v)
}

func (d *Desk) discloseBytes(ctx context.Context, id, where string, b []byte) ([]byte, error) {
	switch {
	case len(b) == 0:
		return nil, ErrExpired
	case b[0] == clearForm:
		return b[1:], nil
	case d.o.Sealer == nil:
		return nil, gdpr.ErrUnsealed
	}
	return d.o.Sealer.Open(ctx, fileKey(id), where, b[1:])
}

func (d *Desk) file(ctx context.Context, r *row) (*file, error) {
	f := new(file)
	return f, d.disclose(ctx, r.id, place("gdpr_request", "body", r.id), r.body, f)
}
