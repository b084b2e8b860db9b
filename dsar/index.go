package dsar

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"
	"sync"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
)

//go:embed index.tmpl
var indexText string

//go:embed index.css
var indexStyle string

var indexTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("index").Option("missingkey=zero").Parse(indexText))
})

// indexCSP allows nothing but the one style sheet in the page: no script, no
// image, no font, nothing from elsewhere.
var indexCSP = sync.OnceValue(func() string {
	sum := sha256.Sum256([]byte(strings.TrimSpace(indexStyle)))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
})

// indexPage is what the template of index.html sees.
type indexPage struct {
	Lang        string
	T           *indexWords
	CSP         string
	Style       template.CSS
	M           *Manifest
	C           *gdpr.Controller
	Made        string
	Access      bool
	Titles      map[string]string
	Info        []shownInformation
	Automated   string
	Transfers   string
	Disclosures []Disclosed
	Day         func(time.Time) string
	Ground      func(string) string
	Period      func(string) string
	Shown       []shownSection
}

// shownInformation is what is told about a category; Below says that its recipients
// stand in the list of disclosures.
type shownInformation struct {
	CategoryInformation
	Below bool
}

type shownSection struct {
	Title string
	Count string
	Tall  bool // too many columns for a table: one card per record
	Heads []string
	Rows  [][]shownCell
	More  string
}

type shownCell struct{ Head, Cell string }

// wide is the number of columns from which a section is shown as cards.
const wide = 6

// index writes index.html.
func (b *bundler) index(context.Context) error {
	b.nameFiles()
	w, err := b.begin("index.html")
	if err != nil {
		return err
	}
	p := indexPage{
		Lang: b.lang, T: indexLanguage(b.lang), CSP: indexCSP(), Style: template.CSS(strings.TrimSpace(indexStyle)),
		M: &b.m, C: &b.d.controller, Made: b.d.day(b.at), Access: b.r.kind == Access, Titles: map[string]string{},
		Automated: b.info.Automated, Transfers: b.info.Transfers, Disclosures: b.shown, Day: b.d.day,
		Ground: func(id string) string { return groundWords(b.lang, id) },
		Period: func(s string) string { return periodWords(b.lang, s) },
	}
	if b.r.kind == Portability {
		t := *p.T
		t.Title, t.Intro = t.PortTitle, t.PortIntro
		p.T = &t
	}
	b.describe(&p)
	if err := indexTemplate().Execute(w, &p); err != nil {
		return err
	}
	return b.end()
}

// nameFiles gives the sections the names that their CSV files will have.
func (b *bundler) nameFiles() {
	n := 0
	for i := range b.m.Sections {
		m := &b.m.Sections[i]
		if m.section != nil && m.Records > sum(m.Withheld) {
			n++
			m.File = fileName(n, m.Table)
		}
	}
}

func (b *bundler) describe(p *indexPage) {
	for i := range b.m.Sections {
		m := &b.m.Sections[i]
		info, known := b.info.Categories[m.Category]
		if info.Title == "" {
			info.Title = m.Category
		}
		if _, done := p.Titles[m.Category]; !done && m.Category != "" {
			p.Titles[m.Category] = info.Title
			if known {
				p.Info = append(p.Info, shownInformation{info, b.cats[m.Category]})
			}
		}
		if m.section != nil && len(m.rows) > 0 {
			p.Shown = append(p.Shown, b.show(p, m))
		}
	}
}

func (b *bundler) show(p *indexPage, m *ManifestSection) shownSection {
	s := shownSection{Title: m.section.Title, Count: fmt.Sprintf("%s: %d", p.T.Records, m.Records)}
	if s.Title == "" {
		s.Title = m.Table
		if m.Table == m.Category { // a source made of functions
			s.Title = p.Titles[m.Category]
		}
	}
	c := b.d.newCopier(b.r, b.f)
	cols := c.columns(m.section)
	for _, i := range cols {
		head := m.section.Columns[i].Title
		if head == "" {
			head = m.section.Columns[i].Name
		}
		s.Heads = append(s.Heads, head)
	}
	s.Tall = len(s.Heads) > wide
	for _, row := range m.rows {
		cells := make([]shownCell, len(row))
		for i, v := range row {
			if v == redactedText {
				v = p.T.Redacted
			}
			cells[i] = shownCell{s.Heads[i], v}
		}
		if len(row) == 1 { // the records of a source made of functions are documents
			if members := spread(row[0]); members != nil {
				if m.Source == OwnSource {
					members = ownWords(b.lang, members)
				}
				s.Tall, cells = true, members
			}
		}
		s.Rows = append(s.Rows, cells)
	}
	if m.Records-sum(m.Withheld) > len(m.rows) {
		s.More = m.File
	}
	return s
}
