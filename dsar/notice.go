package dsar

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/frame"
	"github.com/gdprkit/gdprkit/internal/ids"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// Disclosed is data given to somebody, logged so that an access answer can name
// the actual recipients (CJEU C-154/21) and a later erasure can tell them.
type Disclosed struct {
	Key        string    // idempotency key. Default: a new one.
	Subject    string    // whose data
	Recipient  string    // who received it: the CRM's own stable name of the recipient, at most 191 bytes
	Country    string    // where, ISO 3166-1 alpha-2; "" within the Union
	Categories []string  // data categories given
	Basis      string    // ground, for example "A6-1-c", or the transfer tool
	At         time.Time // when. Default: now.
}

var (
	disclosureColumns = []string{"id", "subject", "at", "recipient", "country", "categories", "basis", "key", "hash"}
	addDisclosure     = &storage.Write{Verb: storage.InsertNew, Table: schema.Disclosure, Set: disclosureColumns}
	disclosureByKey   = &storage.Select{From: schema.Disclosure, Columns: []string{"hash"}, Where: storage.By("key"), Mode: storage.Current}
	disclosuresOf     = &storage.Select{From: schema.Disclosure, Columns: []string{"id", "at", "recipient", "country", "categories", "basis"}, Where: storage.By("subject"), Order: []string{"at", "id"}}
	dropDisclosures   = &storage.Write{Verb: storage.Delete, Table: schema.Disclosure, Where: storage.By("subject")}
)

// Disclose logs a disclosure. It joins the transaction of the context.
func (d *Desk) Disclose(ctx context.Context, g Disclosed) error {
	if err := d.checkDisclosed(&g); err != nil {
		return err
	}
	h := frame.Hash("gdprkit/dsar/disclosed/v1", append([]string{g.Subject, g.Recipient, g.Country, g.Basis}, g.Categories...)...)
	if g.Key == "" {
		g.Key = ids.New().String()
	}
	if g.At.IsZero() {
		g.At = d.now()
	}
	cats, err := json.Marshal(g.Categories)
	if err != nil {
		return err
	}
	return d.store.InTx(ctx, func(ctx context.Context) error {
		n, err := d.store.Apply(ctx, addDisclosure.With(ids.New().String(), g.Subject, storage.Micros(g.At), g.Recipient, g.Country, string(cats), g.Basis, g.Key, h[:]))
		if err != nil {
			return err
		}
		if n[0] == 0 {
			var was []byte
			if err := d.store.Get(ctx, disclosureByKey, []any{g.Key}, &was); err != nil {
				return err
			}
			if string(was) != string(h[:]) {
				return storage.ErrKeyReuse
			}
			return nil
		}
		if d.o.Auditor == nil {
			return nil
		}
		return d.o.Auditor.Record(ctx, "data.disclosed", g.Subject, gdpr.Clear("basis", g.Basis), gdpr.Personal("recipient", g.Subject, g.Recipient))
	})
}

func (d *Desk) checkDisclosed(g *Disclosed) error {
	if err := gdpr.CheckSubject("Disclosed.Subject", g.Subject, d.o.LooseSubjects); err != nil {
		return err
	}
	if err := gdpr.CheckSubject("Disclosed.Recipient", g.Recipient, true); err != nil {
		return err
	}
	for _, c := range g.Categories {
		if err := gdpr.CheckSubject("Disclosed.Categories", c, true); err != nil {
			return err
		}
	}
	switch c := g.Country; {
	case len(g.Categories) == 0:
		return invalid("Disclosed.Categories", "is empty")
	case c != "" && (len(c) != 2 || c[0] < 'A' || c[0] > 'Z' || c[1] < 'A' || c[1] > 'Z'):
		return invalid("Disclosed.Country", "must be two upper-case letters of ISO 3166-1, or empty")
	}
	if g.Basis != "" {
		if err := checkCode("Disclosed.Basis", g.Basis); err != nil {
			return err
		}
	}
	return checkKey("Disclosed.Key", g.Key)
}

// Disclosures yields to whom data of a subject was given, oldest first.
func (d *Desk) Disclosures(ctx context.Context, subject string) iter.Seq2[Disclosed, error] {
	return func(yield func(Disclosed, error) bool) {
		for rec, err := range d.store.Scan(ctx, disclosuresOf, []any{subject}) {
			g := Disclosed{Subject: subject}
			var id, cats string
			var at int64
			if err == nil {
				err = rec.Scan(&id, &at, &g.Recipient, &g.Country, &cats, &g.Basis)
			}
			if err == nil {
				err = json.Unmarshal([]byte(cats), &g.Categories)
			}
			g.At = storage.Time(at)
			if !yield(g, err) || err != nil {
				return
			}
		}
	}
}

// NoticeState is how far a recipient was told (GDPR art. 19).
type NoticeState string

// The states of a notice.
const (
	NoticeDue          NoticeState = "due"
	NoticeSent         NoticeState = "sent" // handed to the Notifier
	NoticeAcknowledged NoticeState = "acknowledged"
	NoticeImpossible   NoticeState = "impossible" // or of disproportionate effort, with reason
)

// Notice is what became of telling one recipient.
type Notice struct {
	Recipient string
	State     NoticeState
	Attempts  int
	Reason    string
	At        time.Time
}

var (
	noticeColumns = []string{"request", "recipient", "state", "attempts", "reason", "at"}
	noticesOf     = &storage.Select{From: schema.RequestNotice, Columns: noticeColumns, Where: storage.By("request"), Order: []string{"recipient"}}
	noticeOf      = &storage.Select{From: schema.RequestNotice, Columns: noticeColumns, Where: storage.By("request", "recipient"), Mode: storage.Current}
	setNotice     = &storage.Write{Verb: storage.Update, Table: schema.RequestNotice, Set: []string{"state", "attempts", "reason", "at"}, Where: storage.By("request", "recipient")}
)

// Notices yields the recipients of a request's data, by name, with what they were
// told. The person gets this list on request.
func (d *Desk) Notices(ctx context.Context, id string) iter.Seq2[Notice, error] {
	return func(yield func(Notice, error) bool) {
		for rec, err := range d.store.Scan(ctx, noticesOf, []any{id}) {
			var n Notice
			if err == nil {
				n, err = scanNotice(rec.Scan)
			}
			if !yield(n, err) || err != nil {
				return
			}
		}
	}
}

func scanNotice(scan func(...any) error) (n Notice, err error) {
	var at int64
	var request string
	err = scan(&request, &n.Recipient, &n.State, &n.Attempts, &n.Reason, &at)
	n.At = storage.Time(at)
	return n, err
}

// RecipientNotice is what a [Notifier] gets, as JSON.
type RecipientNotice struct {
	Request    string `json:"request"`
	Controller string `json:"controller"`
	Recipient  string `json:"recipient"`
	Article    string `json:"article"` // A16, A17 or A18
	Subject    string `json:"subject"` // the key under which the data was given
	Language   string `json:"language"`
	Text       string `json:"text"` // the letter
}

// Notify hands a notice to the Notifier for each recipient that is still due. It
// must not run inside a transaction and may be repeated: a recipient may then be
// told twice, never not at all. It returns how many were handed over.
func (d *Desk) Notify(ctx context.Context, id string, act Act) (int, error) {
	if d.store.State(ctx) != storage.Outside {
		return 0, storage.ErrInTx
	}
	if d.o.Notifier == nil {
		return 0, wrap(ErrCapability, invalid("Options.Notifier", "is not set"))
	}
	r, err := d.load(ctx, id)
	if err != nil {
		return 0, err
	}
	if _, _, ok := next(r.state, EventRecipient); !ok {
		return 0, &TransitionError{r.state, EventRecipient}
	}
	sent := 0
	var failed []error
	for n, err := range d.Notices(ctx, id) {
		if err != nil {
			return sent, err
		}
		if n.State != NoticeDue {
			continue
		}
		if err := d.notify(ctx, r, n); err != nil {
			failed = append(failed, err)
			continue
		}
		if err := d.setNotice(ctx, id, n.Recipient, NoticeSent, "", act); err != nil {
			return sent, err
		}
		sent++
	}
	return sent, errors.Join(failed...)
}

func (d *Desk) notify(ctx context.Context, r *row, n Notice) error {
	l, err := d.makeLetter(ctx, r, LetterRecipient, &letterExtra{Recipient: n.Recipient})
	if err != nil {
		return err
	}
	for _, subject := range r.subjects {
		b, err := json.Marshal(RecipientNotice{r.id, d.controller.Name, n.Recipient, r.kind.Article(), subject, l.Language, l.Text})
		if err != nil {
			return err
		}
		if err := d.o.Notifier.Notify(ctx, n.Recipient, b); err != nil {
			return &SourceError{"notifier", FaultError, err}
		}
	}
	return nil
}

// Acknowledge records that a recipient was told, or confirmed it.
func (d *Desk) Acknowledge(ctx context.Context, id, recipient string, act Act) error {
	return d.setNotice(ctx, id, recipient, NoticeAcknowledged, "", act)
}

// Impossible records that a recipient cannot be told, or only with a
// disproportionate effort; the reason is a short code.
func (d *Desk) Impossible(ctx context.Context, id, recipient, reason string, act Act) error {
	if err := checkCode("Impossible.reason", reason); err != nil {
		return err
	}
	return d.setNotice(ctx, id, recipient, NoticeImpossible, reason, act)
}

func (d *Desk) setNotice(ctx context.Context, id, recipient string, to NoticeState, reason string, act Act) error {
	_, err := d.do(ctx, stepping{id: id, event: EventRecipient, act: act, code: string(to), detail: [2]string{recipient, reason},
		plain: d.o.Sealer == nil,
		change: func(ctx context.Context, r *row, _ State) ([]storage.Op, error) {
			var n Notice
			var at int64
			var request string
			err := d.store.Get(ctx, noticeOf, []any{id, recipient}, &request, &n.Recipient, &n.State, &n.Attempts, &n.Reason, &at)
			if errors.Is(err, storage.ErrNotFound) {
				return nil, invalid("recipient", "is not among those of the request")
			}
			if err != nil {
				return nil, err
			}
			return []storage.Op{setNotice.With(string(to), n.Attempts+1, reason, storage.Micros(d.now()), id, recipient)}, nil
		}})
	return err
}

// recipientsTold reports ErrRecipients while somebody is still to be told.
func (d *Desk) recipientsTold(ctx context.Context, r *row) error {
	for n, err := range d.Notices(ctx, r.id) {
		if err != nil {
			return err
		}
		if n.State == NoticeDue {
			return ErrRecipients
		}
	}
	return nil
}
