package consent

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/ids"
)

// A Receipt is what the person gets: a Kantara consent receipt of version 1.1. The
// members that begin with "gdprkit" are additions, since the specification has no
// word for a refusal or withdrawal.
type Receipt struct {
	Version          string              `json:"version"` // KI-CR-v1.1.0
	Jurisdiction     string              `json:"jurisdiction"`
	Timestamp        int64               `json:"consentTimestamp"` // seconds since 1970 of the act
	CollectionMethod string              `json:"collectionMethod"`
	ID               string              `json:"consentReceiptID"`
	Language         string              `json:"language,omitempty"`
	Principal        string              `json:"piiPrincipalId"`
	Controllers      []ReceiptController `json:"piiControllers"`
	PolicyURL        string              `json:"policyUrl"`
	Services         []ReceiptService    `json:"services"`
	Sensitive        bool                `json:"sensitive"`
	Special          []string            `json:"spiCat"`

	Event     Event  `json:"gdprkitEvent"`               // given, refused, withdrawn, …
	By        By     `json:"gdprkitBy,omitempty"`        // who acted: the person, a guardian, …
	Statement string `json:"gdprkitStatement,omitempty"` // the words that the person saw, if any
	TextHash  string `json:"gdprkitTextHash,omitempty"`
	Purpose   string `json:"gdprkitPurpose"` // id and version
	Channel   string `json:"gdprkitChannel,omitempty"`
}

// A ReceiptController is a controller in a receipt.
type ReceiptController struct {
	Name     string            `json:"piiController"`
	OnBehalf bool              `json:"onBehalf"`
	Contact  string            `json:"contact"`
	Address  map[string]string `json:"address"`
	Email    string            `json:"email"`
	Phone    string            `json:"phone"`
}

// A ReceiptService groups purposes in a receipt.
type ReceiptService struct {
	Service  string           `json:"service"`
	Purposes []ReceiptPurpose `json:"purposes"`
}

// A ReceiptPurpose is a purpose in a receipt.
type ReceiptPurpose struct {
	Purpose        string   `json:"purpose"`
	Category       []string `json:"purposeCategory"`
	ConsentType    string   `json:"consentType"` // EXPLICIT
	Data           []string `json:"piiCategory"`
	Primary        bool     `json:"primaryPurpose"`
	Termination    string   `json:"termination"`
	ThirdParty     bool     `json:"thirdPartyDisclosure"`
	ThirdPartyName string   `json:"thirdPartyName,omitempty"`
}

// Receipt returns the receipt of a record about consent: a gift, a refusal, a
// withdrawal. It becomes a receipt only when the person gets it, so that is what its
// audit entry says; hand it over. It needs Options.Controller.
func (l *Ledger) Receipt(ctx context.Context, subject, record string) (*Receipt, error) {
	if l.ctrl == nil {
		return nil, gdpr.Invalid("Options.Controller", "is nil; a receipt names the controller")
	}
	if err := gdpr.CheckSubject("Receipt.subject", subject, l.loose); err != nil {
		return nil, err
	}
	id, err := parseID("Receipt.record", record)
	if err != nil {
		return nil, err
	}
	e, err := l.find(ctx, subject, id)
	if err != nil {
		return nil, err
	}
	if e.purpose == "" {
		return nil, refuse(ErrGround, "Receipt.record", "is about no single purpose")
	}
	p, err := l.purposeOf(ctx, e)
	if err != nil {
		return nil, err
	}
	return l.receipt(e, p), l.record(ctx, "consent.receipt", subject, gdpr.Clear("record", record))
}

// purposeOf returns the version of the purpose that an act was about, with the words that
// were shown: what [Ledger.Publish] remembers where the catalogue no longer has them.
func (l *Ledger) purposeOf(ctx context.Context, e *event) (*Purpose, error) {
	p := l.catalogue.Purpose(e.purpose, e.version)
	if p != nil && (len(e.text) == 0 || p.shown(e) != nil) {
		return p, nil
	}
	published, err := l.Published(ctx, e.purpose, e.version)
	if !errors.Is(err, ErrPurpose) {
		return published, err
	}
	if p == nil {
		p = l.catalogue.At(e.purpose, micros(e.at))
	}
	if p == nil {
		return nil, refuse(ErrPurpose, "Receipt.record", "is about a purpose that the catalogue no longer has and that was not published")
	}
	return p, nil
}

// shown returns the words that the person saw, or nil.
func (p *Purpose) shown(e *event) *Text {
	t := p.text(e.detail.Language, e.detail.Audience)
	if t == nil {
		return nil
	}
	if hash := t.Hash(); !bytes.Equal(hash[:], e.text) {
		return nil
	}
	return t
}

func (l *Ledger) find(ctx context.Context, subject string, id ids.ID) (*event, error) {
	for e, err := range l.events(ctx, historyOf, subject) {
		if err != nil {
			return nil, err
		}
		if e.id == id {
			return e, nil
		}
	}
	return nil, ErrNoRecord
}

func (l *Ledger) receipt(e *event, p *Purpose) *Receipt {
	t := p.text(e.detail.Language, e.detail.Audience)
	if t == nil && len(p.Texts) > 0 {
		t = &p.Texts[0]
	}
	r := &Receipt{
		Version: "KI-CR-v1.1.0", Jurisdiction: l.ctrl.Country, Timestamp: e.at / 1e6, ID: e.id.String(), Principal: e.subject,
		CollectionMethod: strings.TrimSpace(string(e.kind) + " by " + string(e.detail.Method)), Language: e.detail.Language,
		Controllers: []ReceiptController{l.receiptController()},
		Sensitive:   len(p.Special) > 0, Special: append([]string{}, p.Special...),
		Event: e.kind, By: e.detail.By, TextHash: hexOf(e.text), Purpose: p.ID + "/" + itoa(int64(e.version)), Channel: e.channel,
	}
	out := ReceiptPurpose{Purpose: p.Name, Category: []string{category(p)}, ConsentType: "EXPLICIT", Data: append([]string{}, p.Data...), Primary: true, Termination: termination(p)}
	if t != nil {
		r.PolicyURL = t.URI
		if out.Purpose == "" {
			out.Purpose = t.Notice.Purpose
		}
	}
	if shown := p.shown(e); shown != nil {
		r.Statement = shown.Statement
	}
	var names []string
	for i := range p.Recipients {
		names = append(names, p.Recipients[i].Name)
	}
	out.ThirdParty, out.ThirdPartyName = len(names) > 0, strings.Join(names, ", ")
	service := p.ServiceName
	if service == "" {
		service = p.ID
	}
	r.Services = []ReceiptService{{service, []ReceiptPurpose{out}}}
	return r
}

func (l *Ledger) receiptController() ReceiptController {
	c := ReceiptController{Name: l.ctrl.Name, OnBehalf: l.ctrl.Role == gdpr.RoleProcessor, Contact: l.ctrl.Contact,
		Address: map[string]string{"text": l.ctrl.Address, "addressCountry": l.ctrl.Country}}
	if strings.Contains(l.ctrl.Contact, "@") {
		c.Email = l.ctrl.Contact
	}
	return c
}

// category returns the purpose category in the words of the specification's example.
func category(p *Purpose) string {
	if p.Marketing {
		return "6 - Marketing"
	}
	return "1 - Core Function"
}

func termination(p *Purpose) string {
	if p.Validity != "" {
		return "on withdrawal, at the latest " + p.Validity + " after consent"
	}
	return "on withdrawal"
}
