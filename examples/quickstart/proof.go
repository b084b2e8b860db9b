package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/dsar"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// state writes the statement that the person gets with the answer.
func (s *story) state(ctx context.Context, request string) error {
	return s.write("statement.bundle", func(f *os.File) error { return s.kit.Desk.Statement(ctx, request, f) })
}

func (s *story) write(name string, f func(*os.File) error) error {
	file, err := os.OpenFile(filepath.Join(s.dir, name), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f(file), file.Close())
}

// proof signs the log, checks it, and hands out what others can check.
func (s *story) proof(ctx context.Context) error {
	heading(6, "The log")
	c, err := s.kit.Log.Checkpoint(ctx)
	if err != nil {
		return err
	}
	report, err := s.kit.Log.Verify(ctx)
	if err != nil {
		return err
	}
	say("%d entries, every byte of them checked; compared with the outside checkpoint of %d.", report.Size, report.Outside)
	say("Checkpoint: size %d, root %x...", c.Size, c.Root[:8])
	keys, err := s.kit.Log.VerifierKeys(ctx)
	if err != nil {
		return err
	}
	if err := s.write("audit.pub", func(f *os.File) error {
		_, err := fmt.Fprintln(f, strings.Join(keys, "\n"))
		return err
	}); err != nil {
		return err
	}
	if err := s.write("audit.bundle", func(f *os.File) error {
		_, err := s.kit.Log.WriteBundle(ctx, f, audit.Bundle{Kind: audit.KindLog})
		return err
	}); err != nil {
		return err
	}
	return s.tamper(ctx)
}

// tamper alters one byte of one entry in a copy of the database.
func (s *story) tamper(ctx context.Context) error {
	path := filepath.Join(s.dir, "drill", "altered.db")
	if err := copyDatabase(ctx, filepath.Join(s.dir, "crm.db"), path); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(path))
	if err != nil {
		return err
	}
	defer db.Close()
	var seq int64
	if err := db.QueryRowContext(ctx, `SELECT seq FROM gdpr_audit_entry WHERE leaf IS NOT NULL ORDER BY seq LIMIT 1 OFFSET 99`).Scan(&seq); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, `UPDATE gdpr_audit_entry SET leaf = CAST(substr(leaf, 1, 60) || x'7e' || substr(leaf, 62) AS BLOB) WHERE seq = ?`, seq); err != nil {
		return err
	}
	altered, err := sqlstore.New(db, sqlstore.SQLite, nil)
	if err != nil {
		return err
	}
	log, err := audit.New(altered.Tenant("coffee-works"), &audit.Options{Signer: s.signer})
	if err != nil {
		return err
	}
	_, err = log.Verify(ctx)
	if err == nil {
		return errors.New("an altered log passed its verification")
	}
	say("One byte of entry %d altered in a copy: %v", seq, err)
	return nil
}

// drill puts last night's backup back, as an operator would, and catches up.
func (s *story) drill(ctx context.Context) error {
	heading(7, "A backup from before the erasure is restored")
	dir := filepath.Join(s.dir, "drill")
	if err := s.putBack(ctx, dir); err != nil {
		return err
	}
	old, err := s.open(ctx, dir)
	if err != nil {
		return err
	}
	defer old.close()
	back, err := old.held(ctx, s.chosen)
	if err != nil {
		return err
	}
	say("The erased person is back with %s.", plural(back, "record", "records"))
	_, err = old.kit.Log.Checkpoint(ctx)
	if !errors.Is(err, audit.ErrRolledBack) {
		return fmt.Errorf("the restored log was not noticed: %v", err)
	}
	say("The log refuses to sign: %v", err)
	d, err := old.kit.Ledger.Check(ctx, consent.Query{Subject: s.chosen, Purpose: "newsletter", Channel: "email"})
	if err != nil {
		return err
	}
	say("The ledger denies every processing: %s.", d.Reason)
	return s.catchUp(ctx, old)
}

func (s *story) putBack(ctx context.Context, dir string) error {
	if err := copyDatabase(ctx, filepath.Join(s.dir, "keys.db"), filepath.Join(dir, "keys.db")); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(s.dir, "journal"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "journal"), text, 0o600); err != nil {
		return err
	}
	return os.CopyFS(filepath.Join(dir, "anchor"), os.DirFS(filepath.Join(s.dir, "anchor")))
}

func (h *host) held(ctx context.Context, subject string) (n int, err error) {
	for _, err := range h.live.Source().Collect(ctx, subject, dsar.Scope{}) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func (s *story) catchUp(ctx context.Context, old *host) error {
	done, err := old.kit.Replay(ctx, "s1", "restore-drill")
	if err != nil {
		return err
	}
	left, err := old.held(ctx, s.chosen)
	if err != nil {
		return err
	}
	now, err := s.held(ctx, s.chosen)
	if err != nil {
		return err
	}
	say("Replayed from the journal: %s, %s; %d records erased or masked, %d kept for a duty.",
		plural(done.Stops, "stop", "stops"), plural(done.Erasures.Subjects, "erasure", "erasures"), done.Erasures.Items, done.Erasures.Kept)
	if left != now {
		return fmt.Errorf("after the replay %d records are left, not %d", left, now)
	}
	say("The restored database now holds of the person what the live one does: %s, masked or kept for a duty.", plural(left, "record", "records"))
	_, err = old.kit.Log.Checkpoint(ctx)
	return err
}

func (s *story) end(took time.Duration) {
	fmt.Printf("\nDone in %.1f s. Look around in %s:\n", took.Seconds(), s.dir)
	for _, line := range [][2]string{
		{"access.zip", "the answer to the person: open index.html"},
		{"statement.bundle", "the statement of the erasure, checked offline"},
		{"audit.bundle", "the whole log; audit.pub is the key to check it"},
		{"crm.db, keys.db, journal", "the CRM, the keys, and what a restore is compared with"},
	} {
		row(line[0], "", line[1])
	}
	fmt.Printf("\n   go run ./audit/cmd/auditverify -key %s %s\n", filepath.Join(s.dir, "audit.pub"), filepath.Join(s.dir, "audit.bundle"))
}
