package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

const chinookMap = "../../datamap/testdata/chinook.yaml"

// crm makes a Chinook on an engine and returns the -dsn for it.
func crm(t *testing.T, e *sqltest.Engine) string {
	t.Helper()
	if e.Dialect == sqlstore.SQLite {
		file := filepath.Join(t.TempDir(), "crm.db")
		sqltest.LoadChinook(t, e, e.SQL(t, sqlstore.SQLiteDSN(file)))
		return "sqlite:" + file
	}
	dsn := e.DSN(t)
	sqltest.LoadChinook(t, e, e.SQL(t, dsn))
	if e.Dialect == sqlstore.Postgres {
		return dsn
	}
	c, err := mysql.ParseDSN(dsn)
	require.NoError(t, err)
	require.Equal(t, "tcp", c.Net)
	return "mysql://" + c.User + ":" + c.Passwd + "@" + c.Addr + "/" + c.DBName
}

type tool struct {
	t    *testing.T
	base []string
}

func (o tool) run(want int, args ...string) (stdout, stderr string) {
	o.t.Helper()
	var out, errs bytes.Buffer
	code := run(o.t.Context(), append(o.base, args...), &out, &errs)
	require.Equal(o.t, want, code, "%s\n%s", out.String(), errs.String())
	return out.String(), errs.String()
}

// ofThisRun matches what two exports of the same data never share: ids that the
// library makes, the moments at which it made them, and the hash of a plan, which
// covers them.
var ofThisRun = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{64}|"` + strconv.Itoa(time.Now().Year()) + `-[0-9T:.+Z-]+"`)

// dataOf returns data.json without what is of this run and without the section of the
// log, which on a server holds what was sealed by then; and the sections of the CRM,
// byte for byte.
func dataOf(t *testing.T, path string) (whole, crm string) {
	t.Helper()
	z, err := zip.OpenReader(path)
	require.NoError(t, err)
	defer z.Close()
	f, err := z.Open("data.json")
	require.NoError(t, err)
	text, err := io.ReadAll(f)
	require.NoError(t, err)
	var all struct {
		Sections []json.RawMessage `json:"sections"`
	}
	require.NoError(t, json.Unmarshal(text, &all))
	for _, s := range all.Sections {
		if bytes.HasPrefix(s, []byte(`{"source":"crm"`)) {
			crm += string(s)
		}
		if bytes.HasPrefix(s, []byte(`{"source":"gdpr.log"`)) {
			text = bytes.Replace(text, s, nil, 1)
		}
	}
	return ofThisRun.ReplaceAllString(string(text), "~"), crm
}

type items struct {
	Plan  string
	Items []map[string]string
}

func TestSameOnEveryEngine(t *testing.T) {
	var whole, data []string
	var erased [][]map[string]string
	sqltest.EachInTurn(t, func(t *testing.T, e *sqltest.Engine) {
		if e.Name == "postgres-pq" {
			return // the program has one driver for PostgreSQL
		}
		dir := t.TempDir()
		o := tool{t, []string{"-dsn", crm(t, e), "-map", chinookMap, "-state", filepath.Join(dir, "state"), "-json"}}
		o.run(0, "check")
		o.run(0, "export", "-subject", "customer:5", "-out", filepath.Join(dir, "a.zip"))
		all, own := dataOf(t, filepath.Join(dir, "a.zip"))
		whole, data = append(whole, all), append(data, own)

		var plan, done items
		out, _ := o.run(0, "erase", "-subject", "customer:5")
		require.NoError(t, json.Unmarshal([]byte(out), &plan))
		o.run(2, "erase", "-subject", "customer:5", "-approve", strings.Repeat("0", 64))
		out, _ = o.run(0, "erase", "-subject", "customer:5", "-approve", plan.Plan, "-statement", filepath.Join(dir, "s.bundle"))
		require.NoError(t, json.Unmarshal([]byte(out), &done))
		require.Len(t, done.Items, len(plan.Items))
		erased = append(erased, done.Items)
		o.run(0, "duplicates")
		o.run(0, "verify")
	})
	require.NotEmpty(t, data)
	for i := range data {
		require.Equal(t, data[0], data[i])
		require.Equal(t, whole[0], whole[i])
		require.Equal(t, erased[0], erased[i])
	}
	require.Contains(t, data[0], `"Email":"frantisekw@jetbrains.com"`)
}

func TestEncryptedExport(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	dir := t.TempDir()
	o := tool{t, []string{"-dsn", crm(t, sqltest.Engines()[0]), "-map", chinookMap, "-state", filepath.Join(dir, "state")}}
	out := filepath.Join(dir, "a.zip.age")
	o.run(0, "-recipient", key.Recipient().String(), "export", "-subject", "customer:7", "-out", out)
	f, err := os.Open(out)
	require.NoError(t, err)
	defer f.Close()
	r, err := age.Decrypt(f, key)
	require.NoError(t, err)
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	_, err = zip.NewReader(bytes.NewReader(text), int64(len(text)))
	require.NoError(t, err)
}

func TestBadCalls(t *testing.T) {
	file, state := crm(t, sqltest.Engines()[0]), t.TempDir()
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "not a command"},
		{[]string{"-bogus"}, "not defined"},
		{[]string{"check"}, "-dsn and -map"},
		{[]string{"-dsn", "oracle:x", "-map", chinookMap, "check"}, "must begin with"},
		{[]string{"-dsn", "sqlite:nofile.db", "-map", chinookMap, "check"}, "no SQLite database"},
		{[]string{"-dsn", file, "-map", "../quickstart/crm.yaml", "check"}, "does not fit"},
		{[]string{"-dsn", file, "-map", chinookMap, "-state", state, "export"}, "-subject and -out"},
		{[]string{"-dsn", file, "-map", chinookMap, "-state", state, "sweep"}, "-schedule"},
		{[]string{"-dsn", file, "-map", chinookMap, "-state", state, "export", "-subject", "custmer:17", "-out", "x.zip"}, "begins with one of customer: staff:"},
		{[]string{"-dsn", file, "-map", chinookMap, "-state", t.TempDir(), "verify"}, "not the one that this database was used with"},
	} {
		_, errs := tool{t, nil}.run(2, c.args...)
		require.Contains(t, errs, c.says)
		require.NotContains(t, errs, "goroutine")
		require.Equal(t, 1, strings.Count(errs, "\n"), "one line: %s", errs)
	}
}
