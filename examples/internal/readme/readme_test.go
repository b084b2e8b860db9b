package readme

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit"
	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/pseudonym/keyring"
	"github.com/gdprkit/gdprkit/storage/memstore"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

// TestSnippets demands that every Go snippet of the page stands in readme.go.
func TestSnippets(t *testing.T) {
	page, err := os.ReadFile("../../../README.md")
	require.NoError(t, err)
	code, err := os.ReadFile("readme.go")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	require.Len(t, blocks, 2)
	for _, b := range blocks {
		want := strings.Replace(b[1], "func withdraw(", "withdraw := func(", 1)
		require.Contains(t, flat(string(code)), flat(want))
	}
}

// flat drops the indentation.
func flat(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}

func ring(t *testing.T) *keyring.Keyring {
	t.Helper()
	secret, err := keyring.RawKey(make([]byte, 32))
	require.NoError(t, err)
	r, err := keyring.Create(filepath.Join(t.TempDir(), "keyring"), secret, nil)
	require.NoError(t, err)
	return r
}

func catalogue(t *testing.T) *consent.Catalogue {
	t.Helper()
	text, err := os.ReadFile("../../quickstart/purposes.json")
	require.NoError(t, err)
	c, err := consent.ParseCatalogue([]byte(strings.Replace(string(text), `"doubleOptIn": true, `, "", 1)))
	require.NoError(t, err)
	return c
}

var controller = gdpr.Controller{Name: "Acme B.V.", Contact: "privacy@acme.example", Country: "NL", TimeZone: "Europe/Amsterdam"}

func TestInYourOwnCode(t *testing.T) {
	sqltest.For(t, sqlstore.Postgres, func(t *testing.T, e *sqltest.Engine) {
		pool := e.SQL(t, e.DSN(t))
		_, err := pool.Exec(`CREATE TABLE contacts (id TEXT PRIMARY KEY, newsletter BOOLEAN NOT NULL); INSERT INTO contacts VALUES ('c1', false)`)
		require.NoError(t, err)
		sent := ""
		require.NoError(t, InYourOwnCode(context.Background(), pool, ring(t), controller, catalogue(t), "c1", func(id string) { sent = id }))
		require.Equal(t, "c1", sent)
	})
}

func TestHandler(t *testing.T) {
	kit, err := gdprkit.Open(t.Context(), memstore.New(nil), "acme", ring(t), &gdprkit.Options{Controller: &controller, Catalogue: catalogue(t)})
	require.NoError(t, err)
	link, err := kit.Ledger.WithdrawalLink(t.Context(), "c1", "newsletter", "email")
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("POST /unsubscribe/{token}", Handler(kit, func(*http.Request) string { return "s1" }))
	bodies := map[string]bool{}
	for _, token := range []string{link, "gw1.unknown"} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest("POST", "/unsubscribe/"+token, nil))
		require.Equal(t, http.StatusOK, w.Code)
		bodies[w.Body.String()] = true
	}
	require.Len(t, bodies, 1, "one answer for both")
	d, err := kit.Ledger.Check(t.Context(), consent.Query{Subject: "c1", Purpose: "newsletter", Channel: "email"})
	require.NoError(t, err)
	require.False(t, d.Allowed)
}
