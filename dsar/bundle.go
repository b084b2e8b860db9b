package dsar

import (
	"archive/zip"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/frame"
	"github.com/gdprkit/gdprkit/storage"
)

// The formats in a bundle. They carry their version and stay readable.
const (
	DataFormat     = "gdprkit.dev/dsar-data/v1"
	ManifestFormat = "gdprkit.dev/dsar-manifest/v1"
)

// Manifest is the last file of a bundle: what it holds, and what it does not.
type Manifest struct {
	Format      string            `json:"format"`
	Request     string            `json:"request"`
	Kind        Kind              `json:"kind"`
	Controller  string            `json:"controller"`
	Language    string            `json:"language"`
	Plan        string            `json:"plan"`        // the plan whose approval signed off the redactions
	Made        time.Time         `json:"made"`        // date of the plan, so that equal data makes equal bundles
	Sections    []ManifestSection `json:"sections"`    // at least one per source
	Files       []ManifestFile    `json:"files"`       // all but the manifest itself
	Redacted    int               `json:"redacted"`    // values about other persons (art. 15(4))
	Withheld    int               `json:"withheld"`    // records not given, by ground in Sections
	Disclosures int               `json:"disclosures"` // recipients logged
}

// ManifestSection counts one section of a source. A source without records has
// one with State "empty".
type ManifestSection struct {
	Source   string         `json:"source"`
	Category string         `json:"category,omitempty"`
	Table    string         `json:"table,omitempty"`
	State    SourceState    `json:"state"`
	Records  int            `json:"records"`
	Redacted int            `json:"redacted,omitempty"`
	Withheld map[string]int `json:"withheld,omitempty"` // by ground
	File     string         `json:"file,omitempty"`

	section *Section
	subject string
	rows    [][]string // the first ones, for index.html
}

// ManifestFile names a file of the bundle with its SHA-256, in hexadecimal.
type ManifestFile struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Limits of what index.html shows; the data files have everything.
const (
	maxShown      = 100       // records per section
	maxShownBytes = 512 << 10 // of all cells together
)

// Bundle writes the copy of the data to w as a ZIP archive: data.json, a CSV file
// per section, index.html for reading, and manifest.json with a SHA-256 of each.
// For an access request it also has what art. 15(1) and (2) ask for, or fails with
// an [*IncompleteError] before the first byte. It reads the sources twice and
// keeps none of their records in memory. With Options.Encrypt, w gets the
// encrypted archive.
//
// It must not run inside a transaction. After an error what was written is no
// complete archive.
func (d *Desk) Bundle(ctx context.Context, id string, w io.Writer, act Act) (*Manifest, error) {
	return d.bundle(ctx, id, w, act, func() error { return nil })
}

// bundle calls last when all is written, before it records that a copy left.
func (d *Desk) bundle(ctx context.Context, id string, w io.Writer, act Act, last func() error) (*Manifest, error) {
	if d.store.State(ctx) != storage.Outside {
		return nil, storage.ErrInTx
	}
	if err := d.checkAct(&act); err != nil {
		return nil, err
	}
	r, err := d.load(ctx, id)
	if err != nil {
		return nil, err
	}
	b, err := d.newBundler(ctx, r)
	if err != nil {
		return nil, err
	}
	if err := d.recordOnly(ctx, r, "request.bundle_started", act); err != nil {
		return nil, err
	}
	if err := b.write(during(ctx, r), w); err != nil {
		return nil, err
	}
	if err := last(); err != nil {
		return nil, err
	}
	act.Key = b.key(act.Key) // a copy with other contents is another copy
	_, err = d.do(ctx, stepping{id: id, event: EventBundle, act: act, code: b.hash,
		change: func(_ context.Context, now *row, _ State) ([]storage.Op, error) {
			if now.plan != r.plan {
				return nil, ErrPlan
			}
			return nil, nil
		}})
	return &b.m, err
}

func (b *bundler) key(given string) string {
	h := frame.Hash("gdprkit/dsar/copy/v1", given, b.hash)
	return hex.EncodeToString(h[:])
}

// recordOnly writes an audit entry about something that is no step.
func (d *Desk) recordOnly(ctx context.Context, r *row, action string, act Act) error {
	if d.o.Auditor == nil {
		return nil
	}
	return d.store.InTx(ctx, func(ctx context.Context) error {
		if d.o.Actor != nil {
			ctx = d.o.Actor(ctx, act.By)
		}
		return d.o.Auditor.Record(ctx, action, r.subject, gdpr.Clear("request", r.id), gdpr.Clear("kind", string(r.kind)))
	})
}

func (d *Desk) newBundler(ctx context.Context, r *row) (*bundler, error) {
	if _, _, ok := next(r.state, EventBundle); !ok {
		return nil, &TransitionError{r.state, EventBundle}
	}
	switch {
	case !r.identity.settled():
		return nil, ErrIdentity
	case !r.kind.reads():
		return nil, invalid("Bundle", "is for requests of kind access and portability")
	case r.forgotten != 0:
		return nil, ErrExpired
	}
	if err := d.allow(ctx, "request.bundle", r); err != nil {
		return nil, err
	}
	f, err := d.file(ctx, r)
	if err != nil {
		return nil, err
	}
	b := &bundler{d: d, r: r, f: f, at: storage.Time(r.planAt), lang: d.letters.pick(r.language)}
	b.m = Manifest{Format: ManifestFormat, Request: r.id, Kind: r.kind, Controller: d.controller.Name, Language: b.lang, Plan: r.planHash, Made: b.at}
	return b, b.complete(ctx)
}

// complete checks art. 15(1) for the sources in which the work found records.
func (b *bundler) complete(ctx context.Context) error {
	b.info = b.d.o.Information.in(b.lang)
	if b.r.kind != Access {
		return nil // the person did not provide the log of recipients
	}
	cats, shown, err := b.d.disclosed(ctx, b.r)
	if err != nil {
		return err
	}
	b.shown, b.cats = shown, cats
	receipts, err := b.d.Receipts(ctx, b.r.id)
	if err != nil {
		return err
	}
	var found []*Section
	for _, c := range receipts {
		if s := b.d.byName[c.Source]; s != nil && c.Records > 0 {
			found = append(found, s.Sections()...)
		}
	}
	return b.info.check(found, b.d.controller.Authority, cats, shown)
}

// bundler writes one bundle.
type bundler struct {
	d     *Desk
	r     *row
	f     *file
	at    time.Time
	lang  string
	m     Manifest
	hash  string // SHA-256 of the manifest
	shown []Disclosed
	cats  map[string]bool // categories with a logged recipient
	info  Information     // in the language of the answer
	zip   *zip.Writer
	open  *entry
	bytes int // of the rows kept for index.html
	print [2]fingerprint
}

// entry is the file of the archive that is being written.
type entry struct {
	name string
	out  *bufio.Writer
	sum  hash.Hash
	size countWriter
}

type countWriter struct {
	w io.Writer
	n int64
}

func (c *countWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func (b *bundler) write(ctx context.Context, w io.Writer) (err error) {
	if b.d.o.Encrypt != nil {
		e, err := b.d.o.Encrypt(w)
		if err != nil {
			return err
		}
		defer func() {
			if cerr := e.Close(); err == nil {
				err = cerr
			}
		}()
		w = e
	}
	b.zip = zip.NewWriter(w)
	for _, part := range []func(context.Context) error{b.data, b.index, b.tables, b.manifest} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return b.zip.Close()
}

// begin starts a file. Names are made here, never by a source; the time is that of
// the plan.
func (b *bundler) begin(name string) (*bufio.Writer, error) {
	w, err := b.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: b.at})
	if err != nil {
		return nil, err
	}
	e := &entry{name: name, sum: sha256.New()}
	e.size.w = io.MultiWriter(w, e.sum)
	e.out = bufio.NewWriterSize(&e.size, 64<<10)
	b.open = e
	return e.out, nil
}

// end finishes the file and notes it in the manifest.
func (b *bundler) end() error {
	e := b.open
	if err := e.out.Flush(); err != nil {
		return err
	}
	b.open = nil
	b.m.Files = append(b.m.Files, ManifestFile{e.name, e.size.n, hex.EncodeToString(e.sum.Sum(nil))})
	return nil
}

func (b *bundler) manifest(context.Context) error {
	w, err := b.begin("manifest.json")
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(b.m, "", "  ")
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	b.hash = hex.EncodeToString(sum[:])
	if _, err := w.Write(text); err != nil {
		return err
	}
	files := b.m.Files
	if err := b.end(); err != nil {
		return err
	}
	b.m.Files = files // it does not list itself
	return nil
}

// fileName makes a name of a number and the letters and digits of a table.
func fileName(n int, table string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, table)
	clean = strings.Trim(clean, "-")
	if len(clean) > 40 {
		clean = clean[:40]
	}
	return fmt.Sprintf("csv/%03d-%s.csv", n, clean)
}
