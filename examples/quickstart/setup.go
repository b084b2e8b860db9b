package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite"

	"github.com/gdprkit/gdprkit"
	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/datamap"
	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/examples/internal/crm"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/pseudonym/keyring"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage/journal"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

var (
	//go:embed crm.yaml
	crmMap []byte
	//go:embed schedule.json
	crmSchedule []byte
	//go:embed purposes.json
	purposes []byte
)

var controller = gdpr.Controller{
	Name: "Coffee Works B.V.", Address: "Kerkstraat 1\n3511 AB Utrecht", Contact: "privacy@coffee.example",
	DPO: "dpo@coffee.example", Authority: "Autoriteit Persoonsgegevens", Country: "NL", TimeZone: "Europe/Amsterdam",
	Languages: []string{"en", "nl"},
}

// host is what a CRM holds open: its database, and our library beside it.
type host struct {
	dir  string
	sql  *sql.DB // the CRM's own pool
	keys *sql.DB
	db   *sqlstore.DB
	live *datamap.Live // the CRM's tables as the map describes them
	kit  *gdprkit.Kit
}

type story struct {
	*host
	config *config
	own    bool // the CRM is the invented one
	tables []string
	before map[string]int
	schema string
	signer ed25519.PrivateKey
	ring   *keyring.Keyring
	mapped *datamap.Map
	plan   *retention.Schedule
	chosen string // the person of the requests
	backup string // path of last night's backup
}

// written are the files that a run leaves; an earlier run's are replaced.
var written = []string{"crm.db", "keys.db", "journal", "keyring", "access.zip", "statement.bundle", "audit.bundle", "audit.pub", "anchor", "drill"}

func (c *config) begin(ctx context.Context) (*story, error) {
	for _, name := range written {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := os.RemoveAll(filepath.Join(c.out, name+suffix)); err != nil {
				return nil, err
			}
		}
	}
	s := &story{config: c, own: c.crm == ""}
	if err := s.read(); err != nil {
		return nil, err
	}
	if err := s.makeCRM(ctx); err != nil {
		return nil, err
	}
	if _, err := journal.Create(filepath.Join(c.out, "journal")); err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(c.out, "anchor"), 0o700); err != nil {
		return nil, err
	}
	if err := s.makeKeys(); err != nil {
		return nil, err
	}
	var err error
	s.host, err = s.open(ctx, c.out)
	return s, err
}

// read takes the map, the schedule and nothing else from the user.
func (s *story) read() error {
	text, schedule := crmMap, crmSchedule
	if !s.own {
		var err error
		if text, err = os.ReadFile(s.config.mapFile); err != nil {
			return fmt.Errorf("-map cannot be read: %w", err)
		}
		schedule = nil
	}
	if s.config.schedule != "" {
		var err error
		if schedule, err = os.ReadFile(s.config.schedule); err != nil {
			return fmt.Errorf("-schedule cannot be read: %w", err)
		}
	}
	var err error
	if s.mapped, err = datamap.Parse(text); err != nil {
		return err
	}
	if schedule != nil {
		s.plan, err = retention.ParseSchedule(schedule)
	}
	return err
}

func (s *story) makeCRM(ctx context.Context) error {
	path := filepath.Join(s.config.out, "crm.db")
	if !s.own {
		return copyDatabase(ctx, s.config.crm, path)
	}
	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(path))
	if err != nil {
		return err
	}
	return errors.Join(crm.Fill(ctx, db, s.config.contacts, 20261121, time.Now()), db.Close())
}

// copyDatabase makes a consistent copy, also of a database that is in use.
func copyDatabase(ctx context.Context, from, to string) error {
	if _, err := os.Stat(from); err != nil {
		return fmt.Errorf("no SQLite database there: %w", err)
	}
	db, err := sql.Open("sqlite", "file:"+from+"?mode=ro")
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, `VACUUM INTO ?`, to); err != nil {
		return fmt.Errorf("%s cannot be copied; is it an SQLite database? %w", from, err)
	}
	return nil
}

func (s *story) makeKeys() error {
	raw := make([]byte, 32)
	rand.Read(raw) // in a real host: 32 bytes from its store of secrets
	secret, err := keyring.RawKey(raw)
	if err != nil {
		return err
	}
	if s.ring, err = keyring.Create(filepath.Join(s.config.out, "keyring"), secret, nil); err != nil {
		return err
	}
	_, s.signer, err = ed25519.GenerateKey(rand.Reader)
	return err
}

// open is what a host does at each start.
func (s *story) open(ctx context.Context, dir string) (*host, error) {
	h := &host{dir: dir}
	if err := s.wire(ctx, h); err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

func (s *story) wire(ctx context.Context, h *host) (err error) {
	dir := h.dir
	if h.sql, err = sql.Open("sqlite", sqlstore.SQLiteDSN(filepath.Join(dir, "crm.db"))); err != nil {
		return err
	}
	if h.keys, err = sql.Open("sqlite", sqlstore.SQLiteDSN(filepath.Join(dir, "keys.db"))); err != nil {
		return err
	}
	if h.db, err = sqlstore.New(h.sql, sqlstore.SQLite, nil); err != nil {
		return err
	}
	keys, err := sqlstore.New(h.keys, sqlstore.SQLite, nil)
	if err != nil {
		return err
	}
	if s.schema == "" {
		if err := s.measure(ctx, h.sql); err != nil {
			return err
		}
	}
	if err := errors.Join(h.db.Migrate(ctx), keys.Migrate(ctx)); err != nil {
		return err
	}
	if h.live, err = datamap.Open(ctx, h.db, s.mapped, nil); err != nil {
		return fmt.Errorf("the map does not fit this database; give its own, or mend it: %w", err)
	}
	catalogue, err := consent.ParseCatalogue(purposes)
	if err != nil {
		return err
	}
	j, err := journal.Open(filepath.Join(dir, "journal"))
	if err != nil {
		return err
	}
	h.kit, err = gdprkit.Open(ctx, h.db, "coffee-works", s.ring, &gdprkit.Options{
		Controller: &controller, Catalogue: catalogue, Schedule: s.plan,
		Sources: h.live.Sources(), Sweeps: s.sweeps(h.live),
		Keys: keys, Journal: j, Signer: s.signer, Anchor: audit.NewFileAnchor(filepath.Join(dir, "anchor")),
		Information: s.information(h.live), Addresses: h.addresses,
	})
	return err
}

// addresses are those in the map's e-mail and phone columns, also of linked tables.
func (h *host) addresses(ctx context.Context, subject string) iter.Seq2[gdprkit.Address, error] {
	return func(yield func(gdprkit.Address, error) bool) {
		for i, err := range h.live.Identifiers(ctx, subject) {
			if !yield(gdprkit.Address{Value: i.Value}, err) || err != nil {
				return
			}
		}
	}
}

func (h *host) close() {
	for _, db := range []*sql.DB{h.sql, h.keys} {
		if db != nil {
			db.Close()
		}
	}
}

// sweeps are those of the categories that the schedule has rules for.
func (s *story) sweeps(live *datamap.Live) []retention.Source {
	if s.plan == nil {
		return nil
	}
	return live.Sweeps(s.plan.Categories()...)
}

// told is what an access answer says beside the data, by category (GDPR art. 15(1)).
var told = map[string]dsar.CategoryInformation{
	"contact": {Title: "Your contact details", Purposes: []string{"to answer you and to deliver"}, Recipients: []string{"Parcel Post B.V. (delivery)"}, Retention: "three years after the last contact or purchase", Source: "you"},
	"deal":    {Title: "Offers and orders", Purposes: []string{"to perform the contract"}, NoRecipients: true, Retention: "five years after the order was closed", Source: "you and our sales staff"},
	"invoice": {Title: "Invoices", Purposes: []string{"to be paid, and to keep the books"}, Recipients: []string{"Books & Co (accountant)", "the tax authority"}, Retention: "seven years after the end of the calendar year (AWR art. 52(4))", Source: "made from your orders"},
	"call":    {Title: "Phone calls", Purposes: []string{"to answer questions and complaints"}, NoRecipients: true, Retention: "two years", Source: "our sales staff"},
	"mail":    {Title: "E-mail", Purposes: []string{"to answer questions and complaints"}, Recipients: []string{"Mailhost GmbH (hosting)"}, Retention: "two years", Source: "you and our sales staff"},
}

func (s *story) information(live *datamap.Live) dsar.Information {
	all := dsar.Information{NoAutomated: true, NoTransfers: true, Categories: maps.Clone(told)}
	for _, source := range live.Sources() {
		for _, section := range source.Sections() {
			if _, ok := told[section.Category]; !ok { // a CRM that we do not know
				all.Categories[section.Category] = dsar.CategoryInformation{
					Purposes: []string{"see the privacy notice"}, NoRecipients: true, Retention: "see the privacy notice", Source: "you and our staff",
				}
			}
		}
	}
	return all
}

// measure remembers what the CRM was before we came.
func (s *story) measure(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, `SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'gdpr\_%' ESCAPE '\' AND tbl_name NOT LIKE 'gdpr\_%' ESCAPE '\' ORDER BY type, name`)
	if err != nil {
		return err
	}
	defer rows.Close()
	var all strings.Builder
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return err
		}
		if strings.HasPrefix(strings.ToUpper(text), "CREATE TABLE") && !strings.HasPrefix(name, "sqlite_") && s.before == nil {
			s.tables = append(s.tables, name)
		}
		all.WriteString(text)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if s.before == nil {
		s.schema = all.String()
		s.before, err = crm.Counts(ctx, db, s.tables)
		return err
	}
	if all.String() != s.schema {
		return errors.New("the CRM's own tables were altered")
	}
	return nil
}
