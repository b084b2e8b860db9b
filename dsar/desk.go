package dsar

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/deadline"
	"github.com/gdprkit/gdprkit/storage"
)

// Desk handles the requests of data subjects of one tenant. It is safe for
// concurrent use.
type Desk struct {
	store      storage.Store
	controller gdpr.Controller
	loc        *time.Location
	calendar   *deadline.Calendar
	o          Options
	sources    []Source
	byName     map[string]Source
	letters    *letterSet
	onKeyed    func(use string) // told of each keyed hash; only tests set it
}

// The desk's own files are a source like any other: requests belong in the answer
// to an access request too.
const (
	OwnSource   = "gdpr.requests" // its name; no other source may have it
	OwnCategory = "request"       // its data category
)

var sourceName = regexp.MustCompile(`^[a-z0-9_.-]{1,64}$`)

// New returns a desk for the tenant of store, which is the controller. It does no
// I/O.
func New(store storage.Store, controller gdpr.Controller, o *Options) (*Desk, error) {
	if store == nil {
		return nil, invalid("New.store", "is nil")
	}
	if err := controller.Check(); err != nil {
		return nil, err
	}
	d := &Desk{store: store, controller: controller, o: o.withDefaults(), byName: map[string]Source{}}
	err := d.o.check()
	if err != nil {
		return nil, err
	}
	if d.loc, err = controller.Location(); err != nil {
		return nil, err
	}
	if d.calendar, err = newCalendar(controller, d.o.Deadlines); err != nil {
		return nil, err
	}
	if d.letters, err = newLetterSet(d.o.Letters); err != nil {
		return nil, err
	}
	if n := d.o.Secret.Len(); n > 0 && n < minSecret {
		return nil, invalid("Options.Secret", "has %d bytes; at least %d are needed", n, minSecret)
	}
	if d.o.Journal != nil && d.o.Secret.Len() == 0 {
		return nil, invalid("Options.Secret", "is empty; the journal holds keyed hashes")
	}
	own := FromFuncs(OwnSource, OwnCategory, d.Export, d.Forget)
	for _, s := range append(slices.Clone(d.o.Sources), own) {
		if err := d.add(s); err != nil {
			return nil, err
		}
	}
	d.o.Information = d.o.Information.withOwn(d.o.FileFor)
	return d, nil
}

func (d *Desk) add(s Source) error {
	if s == nil {
		return invalid("Options.Sources", "holds nil")
	}
	name := s.Name()
	if !sourceName.MatchString(name) {
		return invalid("Source.Name", "must have 1 to 64 bytes of a-z, 0-9, \"_\", \"-\", \".\"")
	}
	if d.byName[name] != nil {
		return invalid("Source.Name", "%s is given twice", name)
	}
	tables := map[string]bool{}
	for _, sec := range s.Sections() {
		if sec.Category == "" || len(sec.Category) > 64 || sec.Table == "" || len(sec.Table) > 128 {
			return invalid("Section", "of source %s: category (1 to 64 bytes) and table (1 to 128) are needed", name)
		}
		if tables[sec.Table] {
			return invalid("Section.Table", "%s is given twice in source %s", sec.Table, name)
		}
		tables[sec.Table] = true
	}
	d.byName[name] = s
	d.sources = append(d.sources, s)
	return nil
}

func (d *Desk) now() time.Time { return d.o.Now().Truncate(time.Microsecond) }

func (d *Desk) allow(ctx context.Context, action string, r *row) error {
	if d.o.Guard == nil {
		return nil
	}
	if err := d.o.Guard.Allow(ctx, action, r.subject, gdpr.Clear("request", r.id), gdpr.Clear("kind", string(r.kind))); err != nil {
		return fmt.Errorf("%s: %w: %w", action, gdpr.ErrDenied, err)
	}
	return nil
}
