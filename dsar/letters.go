package dsar

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

//go:embed letters/*.tmpl
var letterFiles embed.FS

// The letters, by the names that their templates have.
const (
	LetterReceived        = "received"
	LetterIdentity        = "identity"
	LetterExtension       = "extension"
	LetterAnswer          = "answer"
	LetterNothing         = "nothing"
	LetterRefusal         = "refusal"
	LetterFee             = "fee"
	LetterRestricted      = "restricted"
	LetterLift            = "lift"
	LetterErasure         = "erasure"
	LetterRecipient       = "recipient"
	LetterNotIdentifiable = "not_identifiable"
)

var letterNames = []string{LetterReceived, LetterIdentity, LetterExtension, LetterAnswer, LetterNothing, LetterRefusal,
	LetterFee, LetterRestricted, LetterLift, LetterErasure, LetterRecipient, LetterNotIdentifiable}

// languages of the built-in letters and bundles.
var languages = []string{"nl", "en", "de", "fr"}

// Letter is a letter as it was made.
type Letter struct {
	Name     string
	Language string
	Template string // SHA-256 of the template's text, hex
	Text     string // plain text, lines of free length; empty when it is no longer kept
	At       time.Time

	n        int64
	source   string
	enclosed []byte
}

// letterSet holds one set of templates per language.
type letterSet struct {
	sets  map[string]*template.Template
	texts map[string]string // language + "/" + name to source text
}

func newLetterSet(override fs.FS) (*letterSet, error) {
	ls := &letterSet{map[string]*template.Template{}, map[string]string{}}
	for _, lang := range languages {
		t := template.New(lang).Option("missingkey=error")
		b, err := letterFiles.ReadFile("letters/" + lang + ".tmpl")
		if err != nil {
			return nil, err
		}
		if t, err = t.Parse(string(b)); err != nil {
			return nil, err
		}
		if override != nil {
			if b, err := fs.ReadFile(override, lang+".tmpl"); err == nil {
				if t, err = t.Parse(string(b)); err != nil {
					return nil, invalid("Options.Letters", "%s.tmpl does not parse", lang)
				}
			}
		}
		for _, name := range letterNames {
			def := t.Lookup(name)
			if def == nil {
				return nil, invalid("Options.Letters", "%s.tmpl lacks %s", lang, name)
			}
			ls.texts[lang+"/"+name] = treeText(def.Tree)
		}
		ls.sets[lang] = t
	}
	return ls, nil
}

func treeText(t *parse.Tree) string { return t.Root.String() }

// pick returns the best language that there are letters in.
func (ls *letterSet) pick(lang string) string {
	base, _, _ := strings.Cut(strings.ToLower(lang), "-")
	if slices.Contains(languages, base) {
		return base
	}
	return "en"
}

// letterData is what a template sees.
type letterData struct {
	Controller gdpr.Controller
	Request    *Request
	Date       string // today, in the controller's time zone
	Received   string
	Due        string
	*letterExtra
}

// letterExtra is what a single letter needs beside the request.
type letterExtra struct {
	Extension  *Extension
	Refusal    *Refusal
	Fee        *Fee
	Sources    int
	Records    int
	Redacted   int
	Items      map[Outcome]int
	Kept       []KeptLine
	Recipients []Notice
	Opening    string
	Suppressed bool
	LiftOn     string
	Recipient  string
	Why        string
}

// KeptLine is one line of the list of what stays after an erasure.
type KeptLine struct {
	Category string
	Outcome  Outcome
	Ground   string
	Until    string // date, or "" while until released
	Records  int
	FreeText bool // prose in these records may still name the person
}

// makeLetter renders and seals a letter. It writes nothing.
func (d *Desk) makeLetter(ctx context.Context, r *row, name string, extra any) (*Letter, error) {
	n := r.version
	if name != LetterReceived {
		n++ // the step that makes it is still to come
	}
	x, _ := extra.(*letterExtra)
	if x == nil {
		x = new(letterExtra)
	}
	lang := d.letters.pick(r.language)
	if x.Refusal != nil {
		n := *x.Refusal
		n.Ground = groundWords(lang, word(lang, n.Ground))
		x.Refusal = &n
	}
	x.Kept = slices.Clone(x.Kept)
	for i := range x.Kept {
		x.Kept[i].Ground = groundWords(lang, x.Kept[i].Ground)
	}
	data := letterData{Controller: d.controller, Request: d.view(r), letterExtra: x,
		Date: d.day(d.now()), Received: d.day(storage.Time(r.received)), Due: d.lastDay(r.due)}
	var b bytes.Buffer
	if err := d.letters.sets[lang].ExecuteTemplate(&b, name, data); err != nil {
		return nil, invalid("Options.Letters", "%s/%s does not render", lang, name)
	}
	source := d.letters.texts[lang+"/"+name]
	sum := sha256.Sum256([]byte(source))
	l := &Letter{Name: name, Language: lang, Template: hex.EncodeToString(sum[:]), Text: strings.TrimSpace(b.String()) + "\n",
		At: d.now(), n: n, source: source}
	if d.o.Sealer == nil {
		return l, nil // given to the caller, not kept
	}
	var err error
	l.enclosed, err = d.encloseBytes(ctx, r.id, letterPlace(r.id, l.n), []byte(l.Text), true)
	return l, err
}

func letterPlace(id string, n int64) string {
	return place("gdpr_request_letter", "text", id+"/"+itoa(n))
}

func (d *Desk) day(t time.Time) string { return d.date(t).String() }

var (
	addLetter = &storage.Write{Verb: storage.Insert, Table: schema.RequestLetter, Set: []string{"request", "n", "letter", "language", "template", "at", "text"}}
	addText   = &storage.Write{Verb: storage.InsertNew, Table: schema.LetterText, Set: []string{"hash", "text"}}
	lettersOf = &storage.Select{From: schema.RequestLetter, Columns: []string{"n", "letter", "language", "template", "at", "text"}, Where: storage.By("request"), Order: []string{"n"}}
	textOf    = &storage.Select{From: schema.LetterText, Columns: []string{"text"}, Where: storage.By("hash")}
)

func (l *Letter) ops(r *row) []storage.Op {
	return []storage.Op{
		addLetter.With(r.id, l.n, l.Name, l.Language, l.Template, storage.Micros(l.At), bytesOrNil(l.enclosed)),
		addText.With(l.Template, l.source),
	}
}

// Letters yields the letters of a request in the order in which they were made.
// Without a Sealer their texts were not kept.
func (d *Desk) Letters(ctx context.Context, id string) iter.Seq2[*Letter, error] {
	return func(yield func(*Letter, error) bool) {
		for rec, err := range d.store.Scan(ctx, lettersOf, []any{id}) {
			l := new(Letter)
			var at int64
			if err == nil {
				err = rec.Scan(&l.n, &l.Name, &l.Language, &l.Template, &at, &l.enclosed)
			}
			if err == nil && len(l.enclosed) > 0 {
				var b []byte
				b, err = d.discloseBytes(ctx, id, letterPlace(id, l.n), l.enclosed)
				l.Text = string(b)
			}
			l.At = storage.Time(at)
			if !yield(l, err) || err != nil {
				return
			}
		}
	}
}

// LetterTemplate returns the text of the template with that hash, as it was when it
// made a letter.
func (d *Desk) LetterTemplate(ctx context.Context, hash string) (string, error) {
	var s string
	err := d.store.Get(ctx, textOf, []any{hash}, &s)
	return s, err
}

// again returns the request of a repeated step, with the letter that the step made.
func (d *Desk) again(ctx context.Context, r *row, key string) (*row, error) {
	n, err := d.eventNumber(ctx, key)
	if err != nil {
		return nil, err
	}
	for l, err := range d.Letters(ctx, r.id) {
		if err != nil {
			return nil, err
		}
		if l.n == n {
			r.letter = l
		}
	}
	return r, nil
}

var eventN = &storage.Select{From: schema.RequestEvent, Columns: []string{"n"}, Where: storage.By("key")}

func (d *Desk) eventNumber(ctx context.Context, key string) (int64, error) {
	var n int64
	err := d.store.Get(ctx, eventN, []any{key}, &n)
	return n, err
}
