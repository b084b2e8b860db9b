package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"filippo.io/age"
	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/gdprkit/gdprkit"
	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/datamap"
	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/retention"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

type config struct {
	dsn, mapFile, schedule, controller, state, recipient, tenant, by, approver string

	json bool
}

type app struct {
	*config
	stdout, stderr io.Writer
	sql            *sql.DB
	db             *sqlstore.DB
	live           *datamap.Live
	kit            *gdprkit.Kit
}

// open leaves what it opened in a, also after an error; the caller closes it.
func (a *app) open(ctx context.Context) error {
	m, schedule, err := a.read()
	if err != nil {
		return err
	}
	if err := a.connect(ctx); err != nil {
		return err
	}
	names := &datamap.Options{}
	if a.db.Dialect() == sqlstore.Postgres {
		names.Names = datamap.SnakeCase
	}
	if a.live, err = datamap.Open(ctx, a.db, m, names); err != nil {
		return fmt.Errorf("the map does not fit this database; give its own, or mend it: %w", err)
	}
	if err := a.db.Migrate(ctx); err != nil {
		return err
	}
	return a.wire(ctx, schedule)
}

func (a *app) close() {
	if a.sql != nil {
		a.sql.Close()
	}
}

func (c *config) read() (*datamap.Map, *retention.Schedule, error) {
	if c.dsn == "" || c.mapFile == "" {
		return nil, nil, errors.New("give -dsn and -map")
	}
	text, err := os.ReadFile(c.mapFile)
	if err != nil {
		return nil, nil, fmt.Errorf("-map cannot be read: %w", err)
	}
	m, err := datamap.Parse(text)
	if err != nil || c.schedule == "" {
		return m, nil, err
	}
	if text, err = os.ReadFile(c.schedule); err != nil {
		return nil, nil, fmt.Errorf("-schedule cannot be read: %w", err)
	}
	s, err := retention.ParseSchedule(text)
	return m, s, err
}

// connect tells the engine from the DSN.
func (a *app) connect(ctx context.Context) (err error) {
	dialect := sqlstore.Postgres
	if file, ok := strings.CutPrefix(a.dsn, "sqlite:"); ok {
		if _, err := os.Stat(file); err != nil {
			return fmt.Errorf("no SQLite database there: %w", err)
		}
		dialect = sqlstore.SQLite
		a.sql, err = sql.Open("sqlite", sqlstore.SQLiteDSN(file))
	} else if strings.HasPrefix(a.dsn, "postgres://") || strings.HasPrefix(a.dsn, "postgresql://") {
		a.sql, err = sql.Open("pgx", a.dsn)
	} else if rest, ok := strings.CutPrefix(a.dsn, "mysql://"); ok {
		dialect = sqlstore.MySQL
		a.sql, err = openMySQL(rest)
	} else {
		return errors.New("-dsn must begin with sqlite:, postgres:// or mysql://")
	}
	if err != nil {
		return err
	}
	if err := a.sql.PingContext(ctx); err != nil {
		return fmt.Errorf("-dsn cannot be reached for reading and writing: %w", err)
	}
	a.db, err = sqlstore.New(a.sql, dialect, nil)
	return err
}

// openMySQL reads user:password@host:port/database?parameters.
func openMySQL(rest string) (*sql.DB, error) {
	login, place, ok := strings.Cut(rest, "@")
	if !ok {
		return nil, errors.New("-dsn of MySQL has the form mysql://user:password@host:port/database")
	}
	host, path, _ := strings.Cut(place, "/")
	network := "tcp"
	c, err := mysql.ParseDSN(login + "@" + network + "(" + host + ")/" + path)
	if err != nil {
		return nil, errors.New("-dsn of MySQL has the form mysql://user:password@host:port/database")
	}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

func (a *app) wire(ctx context.Context, schedule *retention.Schedule) error {
	s, err := openState(a.state)
	if err != nil {
		return err
	}
	controller, err := a.responsible()
	if err != nil {
		return err
	}
	encrypt, err := a.encrypt()
	if err != nil {
		return err
	}
	a.kit, err = gdprkit.Open(ctx, a.db, a.tenant, s.ring, &gdprkit.Options{
		Controller: controller, Schedule: schedule, Sources: a.live.Sources(), Sweeps: a.sweeps(schedule),
		Journal: s.journal, Signer: s.signer, Anchor: audit.NewFileAnchor(s.anchor),
		Information: a.information(), Addresses: a.addresses,
		Adjust: gdprkit.Adjust{DSAR: func(o *dsar.Options) { o.Encrypt = encrypt }},
	})
	if errors.Is(err, pseudonym.ErrUnknownRef) {
		return fmt.Errorf("the keyring in -state %s is not the one that this database was used with: %w", a.state, err)
	}
	return err
}

// encrypt wraps exports for the person's age key, if one was given.
func (c *config) encrypt() (func(io.Writer) (io.WriteCloser, error), error) {
	if c.recipient == "" {
		return nil, nil
	}
	to, err := age.ParseX25519Recipient(c.recipient)
	if err != nil {
		return nil, errors.New("-recipient is not an age public key")
	}
	return func(w io.Writer) (io.WriteCloser, error) { return age.Encrypt(w, to) }, nil
}

// responsible reads who the controller is.
func (c *config) responsible() (*gdpr.Controller, error) {
	if c.controller == "" {
		return &gdpr.Controller{
			Name: "Example controller (give -controller FILE)", Contact: "privacy@controller.example",
			Authority: "the supervisory authority of your country", Country: "NL", TimeZone: "Europe/Amsterdam", Languages: []string{"en"},
		}, nil
	}
	text, err := os.ReadFile(c.controller)
	if err != nil {
		return nil, err
	}
	controller := new(gdpr.Controller)
	if err := json.Unmarshal(text, controller); err != nil {
		return nil, fmt.Errorf("%s: %w", c.controller, err)
	}
	return controller, controller.Check()
}

// sweeps are those of the categories that the schedule has rules for.
func (a *app) sweeps(schedule *retention.Schedule) []retention.Source {
	if schedule == nil {
		return nil
	}
	return a.live.Sweeps(schedule.Categories()...)
}

// information answers art. 15(1) from the map: purposes and grounds by column, the
// rest by reference to the controller's privacy notice.
func (a *app) information() dsar.Information {
	all := dsar.Information{NoAutomated: true, NoTransfers: true, Categories: map[string]dsar.CategoryInformation{}}
	for _, source := range a.live.Sources() {
		for _, section := range source.Sections() {
			all.Categories[section.Category] = dsar.CategoryInformation{
				Purposes: []string{"see the privacy notice"}, NoRecipients: true,
				Retention: "see the retention schedule", Source: "the person and our staff",
			}
		}
	}
	return all
}

// addresses are those in the map's e-mail and phone columns, also of linked tables.
func (a *app) addresses(ctx context.Context, subject string) iter.Seq2[gdprkit.Address, error] {
	return func(yield func(gdprkit.Address, error) bool) {
		for i, err := range a.live.Identifiers(ctx, subject) {
			if !yield(gdprkit.Address{Value: i.Value}, err) || err != nil {
				return
			}
		}
	}
}
