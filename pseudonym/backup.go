package pseudonym

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

const (
	backupVersion = "gdprkit.dev/keys/v1"
	backupPage    = 500
	maxBackupLine = 1 << 20
)

// backupTables stand in the order in which they can be read one after the other
// while keys are made, shredded and moved: the head first, so that a backup never
// claims more than it holds; what was destroyed after the keys; the epochs last.
var backupTables = []*storage.Table{schema.KeyHead, schema.Key, schema.KeySecret, schema.KeyToken,
	schema.KeyTombstone, schema.KeyRecord, schema.KeyFence, schema.KeyIncarnation, schema.KeyEpoch}

// backupLine is one line: the header, a row, or the end.
type backupLine struct {
	Version string            `json:"version,omitempty"`
	Tenant  string            `json:"tenant,omitempty"`
	Table   string            `json:"t,omitempty"`
	Row     []json.RawMessage `json:"r,omitempty"`
	Rows    int               `json:"rows,omitempty"`
}

// ExportKeys writes the rows of the key store as lines of JSON, all keys in their
// wrapped form, for a backup that is kept apart from the data and for no longer
// than Options.Window. It opens nothing without the key wrapper. Restoring an old
// backup of the data together with the newest one of the keys loses no erasure.
func (v *Vault) ExportKeys(ctx context.Context, w io.Writer) error {
	if v.keys.State(ctx) != storage.Outside {
		return storage.ErrInTx
	}
	if err := v.look(ctx); err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	if err := enc.Encode(backupLine{Version: backupVersion, Tenant: v.tenant}); err != nil {
		return err
	}
	rows := 0
	for _, t := range backupTables {
		for row, err := range v.keys.Scan(ctx, wholeTable(t), nil) {
			if err != nil {
				return unavailable("export the keys", err)
			}
			line, err := exportRow(t, row)
			if err != nil {
				return unavailable("export the keys", err)
			}
			if err := enc.Encode(line); err != nil {
				return err
			}
			rows++
		}
	}
	if err := enc.Encode(backupLine{Rows: rows + 1}); err != nil {
		return err
	}
	return out.Flush()
}

// wholeTable is made anew for each call: it is used too seldom to be kept.
func wholeTable(t *storage.Table) *storage.Select {
	return &storage.Select{From: t, Columns: columnsOf(t), Order: t.Key}
}

func columnsOf(t *storage.Table) []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}

// places returns destinations for the columns of a table.
func places(t *storage.Table) []any {
	dest := make([]any, len(t.Columns))
	for i, c := range t.Columns {
		switch c.Kind {
		case storage.Int:
			dest[i] = new(int64)
		case storage.Text:
			dest[i] = new(string)
		case storage.Bytes:
			dest[i] = new([]byte)
		}
	}
	return dest
}

func exportRow(t *storage.Table, row storage.Row) (backupLine, error) {
	dest := places(t)
	if err := row.Scan(dest...); err != nil {
		return backupLine{}, err
	}
	line := backupLine{Table: t.Name}
	for _, d := range dest {
		b, err := json.Marshal(d)
		if err != nil {
			return line, err
		}
		line.Row = append(line.Row, b)
	}
	return line, nil
}

// ImportKeys puts a backup made by [Vault.ExportKeys] in the place of the key
// store's rows, all or nothing. Keys that the backup itself, or the store as it
// was, knows to be destroyed stay out. Then the store is compared with the
// journal, as after any restore: [ErrRestored] asks for [Vault.Replay]. Reason says
// why in words without personal data, at most 512 bytes.
func (v *Vault) ImportKeys(ctx context.Context, r io.Reader, reason string) error {
	if v.keys.State(ctx) != storage.Outside {
		return storage.ErrInTx
	}
	if reason == "" || len(reason) > 512 {
		return gdpr.Invalid("reason", "must have 1 to 512 bytes")
	}
	rows, err := v.readBackup(r)
	if err != nil {
		return err
	}
	trimRecords(rows)
	err = v.keys.InTx(ctx, func(ctx context.Context) error {
		if _, err := lockHead(ctx, v.keys, headKeys, head{}); err != nil { // no shred meanwhile
			return err
		}
		if err := v.mergeFences(ctx, rows); err != nil {
			return err
		}
		return v.replaceKeys(ctx, rows, reason)
	})
	if err != nil {
		return unavailable("import the keys", err)
	}
	v.cache.clear()
	v.secrets.clear()
	v.indexes.clear()
	v.teks.clear()
	v.expire()
	return v.look(ctx)
}

// readBackup reads and checks the whole backup before anything is written.
func (v *Vault) readBackup(r io.Reader) (map[*storage.Table][][]any, error) {
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxBackupLine)
	rows := map[*storage.Table][][]any{}
	count := 0
	for in.Scan() {
		var line backupLine
		dec := json.NewDecoder(bytes.NewReader(in.Bytes()))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&line); err != nil {
			return nil, ErrBackup
		}
		switch {
		case count == 0:
			if line.Version != backupVersion || line.Tenant != v.tenant {
				return nil, ErrBackup
			}
		case line.Table == "":
			if line.Rows != count || in.Scan() {
				return nil, ErrBackup
			}
			return rows, nil
		default:
			if err := importRow(rows, &line); err != nil {
				return nil, err
			}
		}
		count++
	}
	return nil, errors.Join(ErrBackup, in.Err())
}

func importRow(rows map[*storage.Table][][]any, line *backupLine) error {
	i := slices.IndexFunc(backupTables, func(t *storage.Table) bool { return t.Name == line.Table })
	if i < 0 || len(line.Row) != len(backupTables[i].Columns) {
		return ErrBackup
	}
	t := backupTables[i]
	dest := places(t)
	values := make([]any, len(dest))
	for i, d := range dest {
		if err := json.Unmarshal(line.Row[i], d); err != nil {
			return ErrBackup
		}
		switch d := d.(type) {
		case *int64:
			values[i] = *d
		case *string:
			values[i] = *d
		case *[]byte:
			values[i] = append([]byte{}, *d...)
		}
	}
	rows[t] = append(rows[t], values)
	return nil
}

// columnIn returns the place of a column in the rows of a table.
func columnIn(t *storage.Table, name string) int {
	return slices.IndexFunc(t.Columns, func(c storage.Column) bool { return c.Name == name })
}

// trimRecords takes out the records after the head's last: of shreds while the backup
// was made. The next shred needs their places, and their fences say the rest.
func trimRecords(rows map[*storage.Table][][]any) {
	name, incarnation, planned := columnIn(schema.KeyHead, "name"), columnIn(schema.KeyHead, "incarnation"), columnIn(schema.KeyHead, "planned")
	log, n := columnIn(schema.KeyRecord, "incarnation"), columnIn(schema.KeyRecord, "n")
	for _, h := range rows[schema.KeyHead] {
		if h[name] != headKeys {
			continue
		}
		rows[schema.KeyRecord] = slices.DeleteFunc(rows[schema.KeyRecord], func(r []any) bool {
			return string(r[log].([]byte)) == string(h[incarnation].([]byte)) && r[n].(int64) > h[planned].(int64)
		})
	}
}

// mergeFences takes out the keys that the backup or this store knows to be
// destroyed, and keeps this store's fences.
func (v *Vault) mergeFences(ctx context.Context, rows map[*storage.Table][][]any) error {
	dead := map[string]bool{}
	kid := columnIn(schema.KeyFence, "kid")
	for _, row := range rows[schema.KeyFence] {
		dead[string(row[kid].([]byte))] = true
	}
	for row, err := range v.keys.Scan(ctx, wholeTable(schema.KeyFence), nil) {
		if err != nil {
			return err
		}
		dest := places(schema.KeyFence)
		if err := row.Scan(dest...); err != nil {
			return err
		}
		id := *dest[kid].(*[]byte)
		if dead[string(id)] {
			continue
		}
		dead[string(id)] = true
		rows[schema.KeyFence] = append(rows[schema.KeyFence], []any{append([]byte{}, id...), *dest[1].(*int64), *dest[2].(*int64)})
	}
	at := columnIn(schema.Key, "kid")
	rows[schema.Key] = slices.DeleteFunc(rows[schema.Key], func(row []any) bool { return dead[string(row[at].([]byte))] })
	at = columnIn(schema.KeyToken, "kid")
	rows[schema.KeyToken] = slices.DeleteFunc(rows[schema.KeyToken], func(row []any) bool { return dead[string(row[at].([]byte))] })
	return nil
}

func (v *Vault) replaceKeys(ctx context.Context, rows map[*storage.Table][][]any, reason string) error {
	for _, t := range backupTables {
		if _, err := v.keys.Apply(ctx, (&storage.Write{Verb: storage.Delete, Table: t}).With()); err != nil {
			return err
		}
		insert := &storage.Write{Verb: storage.Insert, Table: t, Set: columnsOf(t)}
		for page := range slices.Chunk(rows[t], backupPage) {
			ops := make([]storage.Op, len(page))
			for i, row := range page {
				ops[i] = insert.With(row...)
			}
			if _, err := v.keys.Apply(ctx, ops...); err != nil {
				return err
			}
		}
	}
	id := newKeyID("")
	now := storage.Micros(v.now())
	ops := []storage.Op{insIncarnation.With(id[:], "imported", reason, 0, now)}
	if !v.separate() {
		ops = append(ops, updRestored.With(now, headKeys))
	}
	if _, err := v.keys.Apply(ctx, ops...); err != nil {
		return err
	}
	return v.record(ctx, "key.imported", "", gdpr.Clear("reason", reason))
}
