package consent

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/frame"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

const (
	confirmPrefix  = "gc1."
	withdrawPrefix = "gw1."
)

var b64 = base64.RawURLEncoding.Strict()

// tokenRow is a row of gdpr_consent_token.
type tokenRow struct {
	hash             []byte
	kind             string
	subject, purpose string
	channel          string
	version          int
	address          []byte
	expires, used    int64
	body             string // the act to be recorded, in codes
}

const (
	kindConfirm    = "confirm"
	kindPreference = "preference"
)

var (
	tokenColumns = []string{"hash", "kind", "subject", "purpose", "channel", "version", "address", "expires", "used", "body"}
	insertToken  = &storage.Write{Verb: storage.Insert, Table: schema.ConsentToken, Set: tokenColumns}
	tokenByHash  = &storage.Select{From: schema.ConsentToken, Columns: tokenColumns, Where: storage.By("hash"), Mode: storage.Current}
	useToken     = &storage.Write{Verb: storage.Update, Table: schema.ConsentToken, Set: []string{"used"}, Where: storage.By("hash", "used"), Must: true}
	setTokenBody = &storage.Write{Verb: storage.Update, Table: schema.ConsentToken, Set: []string{"body", "expires"}, Where: storage.By("hash")}
	oldTokens    = &storage.Write{Verb: storage.Delete, Table: schema.ConsentToken, Where: []storage.Term{{Column: "expires", Cmp: storage.Lt}}}

	linkOf      = &storage.Select{From: schema.ConsentLink, Columns: []string{"id"}, Where: storage.By("subject")}
	subjectLink = &storage.Select{From: schema.ConsentLink, Columns: []string{"subject"}, Where: storage.By("id"), Mode: storage.Current}
	insertLink  = &storage.Write{Verb: storage.InsertNew, Table: schema.ConsentLink, Set: []string{"id", "subject"}}
)

// newToken returns a random token and its row, without what it stands for.
func (l *Ledger) newToken(kind string) (gdpr.Secret, *tokenRow) {
	raw := make([]byte, 32)
	rand.Read(raw)
	text := confirmPrefix + b64.EncodeToString(raw)
	return gdpr.NewSecret([]byte(text)), &tokenRow{hash: tokenHash(raw), kind: kind, expires: storage.Micros(l.now().Add(l.tokenLife))}
}

// decodeToken reads the 32 bytes of a token. It demands the one spelling: the decoder
// would skip line feeds.
func decodeToken(prefix, text string) ([]byte, bool) {
	body, ok := strings.CutPrefix(text, prefix)
	raw, err := b64.DecodeString(body)
	return raw, ok && err == nil && len(raw) == 32 && b64.EncodeToString(raw) == body
}

func tokenHash(raw []byte) []byte {
	sum := sha256.Sum256(raw)
	return sum[:]
}

func (r *tokenRow) insert() storage.Op {
	return insertToken.With(r.hash, r.kind, r.subject, r.purpose, r.channel, r.version, nonNil(r.address), r.expires, r.used, r.body)
}

// token finds the row of a token of this tenant, or returns a [*TokenError].
func (l *Ledger) token(ctx context.Context, kind, text string) (*tokenRow, error) {
	raw, ok := decodeToken(confirmPrefix, text)
	if !ok {
		return nil, &TokenError{"malformed"}
	}
	r := new(tokenRow)
	err := l.store.Get(ctx, tokenByHash, []any{tokenHash(raw)}, &r.hash, &r.kind, &r.subject, &r.purpose, &r.channel, &r.version, &r.address, &r.expires, &r.used, &r.body)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil, &TokenError{"unknown"}
	case err != nil:
		return nil, err
	case r.kind != kind:
		return nil, &TokenError{"kind"}
	case r.used == 0 && r.expires <= storage.Micros(l.now()):
		return nil, &TokenError{"expired"}
	}
	return r, nil
}

// PreferenceToken returns a token that opens the preference page of one person until
// it expires. Send it to the person only.
func (l *Ledger) PreferenceToken(ctx context.Context, subject string) (gdpr.Secret, error) {
	if err := gdpr.CheckSubject("PreferenceToken.subject", subject, l.loose); err != nil {
		return gdpr.Secret{}, err
	}
	text, row := l.newToken(kindPreference)
	row.subject, row.body = subject, "{}"
	_, err := l.store.Apply(ctx, row.insert())
	return text, err
}

// Preferences returns whose preference page a token opens. It may be used again
// until it expires.
func (l *Ledger) Preferences(ctx context.Context, token string) (subject string, err error) {
	r, err := l.token(ctx, kindPreference, token)
	if err != nil {
		return "", err
	}
	return r.subject, nil
}

// CleanTokens deletes the tokens that expired more than 30 days ago.
func (l *Ledger) CleanTokens(ctx context.Context) (int64, error) {
	n, err := l.store.Apply(ctx, oldTokens.With(storage.Micros(l.now().Add(-30*24*time.Hour))))
	if err != nil {
		return 0, err
	}
	return n[0], nil
}

// WithdrawalLink returns the token for the List-Unsubscribe link of a mail: opaque,
// without expiry, good only for ending this purpose on this channel. It needs
// Options.Secret, and a purpose that rests on consent or is marketing (ErrGround
// otherwise: nothing could be ended). The same arguments give the same token.
func (l *Ledger) WithdrawalLink(ctx context.Context, subject, purpose, channel string) (string, error) {
	if len(l.secrets) == 0 {
		return "", ErrSecret
	}
	if err := gdpr.CheckSubject("WithdrawalLink.subject", subject, l.loose); err != nil {
		return "", err
	}
	if _, err := l.checkQuery(&Query{Subject: subject, Purpose: purpose, Channel: channel}); err != nil {
		return "", err
	}
	if !l.consentBased(purpose) && !l.marketing(purpose) {
		return "", refuse(ErrGround, "WithdrawalLink.purpose", "purpose %s neither rests on consent nor is marketing", purpose)
	}
	id, err := l.linkID(ctx, subject)
	if err != nil {
		return "", err
	}
	return withdrawPrefix + b64.EncodeToString(append(id, l.linkMAC(0, id, purpose, channel)...)), nil
}

// linkMAC returns HMAC-SHA-256(K_link, "gdprkit/withdraw/v1" ‖ 0 ‖ lp(tenant) ‖ id[16] ‖
// lp(purpose) ‖ lp(channel))[:16].
func (l *Ledger) linkMAC(secret int, id []byte, purpose, channel string) []byte {
	h := hmac.New(sha256.New, l.secrets[secret].link)
	msg := frame.Append([]byte("gdprkit/withdraw/v1\x00"), l.store.Scope())
	h.Write(frame.Append(append(msg, id...), purpose, channel))
	return h.Sum(nil)[:16]
}

// linkID returns the random id of the person in links, making it at the first use.
func (l *Ledger) linkID(ctx context.Context, subject string) (id []byte, err error) {
	err = l.store.Get(ctx, linkOf, []any{subject}, &id)
	if !errors.Is(err, storage.ErrNotFound) {
		return id, err
	}
	fresh := make([]byte, 16)
	rand.Read(fresh)
	if _, err := l.store.Apply(ctx, insertLink.With(fresh, subject)); err != nil {
		return nil, err
	}
	err = l.store.Get(ctx, linkOf, []any{subject}, &id)
	return id, err
}

// readLink returns what a withdrawal token is good for.
func (l *Ledger) readLink(token string) (id []byte, purpose, channel string, err error) {
	raw, ok := decodeToken(withdrawPrefix, token)
	if !ok {
		return nil, "", "", &TokenError{"malformed"}
	}
	id = raw[:16]
	for s := range l.secrets {
		for _, purpose := range l.catalogue.ids {
			for _, p := range l.catalogue.byID[purpose] {
				for _, ch := range p.channels() {
					if hmac.Equal(raw[16:], l.linkMAC(s, id, purpose, ch)) {
						return id, purpose, ch, nil
					}
				}
			}
		}
	}
	return nil, "", "", &TokenError{"unknown"}
}

// Unsubscribe does what the person asks who follows a withdrawal link: it withdraws
// the consent, and against marketing on another ground records the objection, for that
// purpose and channel. Repeating it, or following a link after
// the erasure of the person, has no further effect and the same answer: nil. Call it
// for a POST only; see [OneClick].
func (l *Ledger) Unsubscribe(ctx context.Context, token string) error {
	id, purpose, channel, err := l.readLink(token)
	if err != nil {
		return err
	}
	var subject string
	if err := l.store.Get(ctx, subjectLink, []any{id}, &subject); err != nil {
		if errors.Is(err, storage.ErrNotFound) {
			return nil // erased: nothing to stop
		}
		return err
	}
	if ended, err := l.allEnded(ctx, Query{Subject: subject, Purpose: purpose, Channel: channel}); err != nil || ended {
		return err
	}
	a := Act{Subject: subject, Purpose: purpose, Channel: channel, At: l.now(), Evidence: &Evidence{Method: Button, Source: "list-unsubscribe"}}
	if l.withdrawn(purpose) {
		_, err = l.Withdraw(ctx, a)
	} else {
		_, err = l.ObjectMarketing(ctx, a)
	}
	return err
}

// withdrawn reports whether a link to the purpose withdraws a consent, as it does
// where there was one and is no marketing to object to; else it objects.
func (l *Ledger) withdrawn(purpose string) bool {
	p := l.catalogue.At(purpose, l.now())
	return p != nil && p.Basis == Consent || !l.marketing(purpose)
}

// allEnded reports whether a link has nothing left to end, neither for the record that
// it was made for nor for one that was merged with it.
func (l *Ledger) allEnded(ctx context.Context, q Query) (bool, error) {
	subjects, erased, err := l.cluster(ctx, q.Subject)
	if err != nil {
		return false, err
	}
	of := q.Subject
	for _, q.Subject = range subjects {
		if q.Subject != of && contains(erased, q.Subject) {
			continue
		}
		s, err := l.stateOf(ctx, &q)
		if err != nil || !l.ended(&s, &q) {
			return false, err
		}
	}
	return true, nil
}

// ended reports whether a link has nothing left to end for one record.
func (l *Ledger) ended(s *view, q *Query) bool {
	if l.withdrawn(q.Purpose) {
		return s.pair.Status == Withdrawn
	}
	for i := range s.Stops {
		if !s.Stops[i].Suppress && s.Stops[i].covers(q.Purpose, q.Channel, true) {
			return true
		}
	}
	return false
}

// tokenBody is the part of a request that its confirmation records.
type tokenBody struct {
	Detail detail `json:"detail"`
	Text   []byte `json:"text"`
	Event  string `json:"event"`
}

func (b *tokenBody) encode() (string, error) {
	doc, err := json.Marshal(b)
	return string(doc), err
}
