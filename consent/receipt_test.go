package consent

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"github.com/stretchr/testify/require"
)

func kantara(t testing.TB) *jsonschema.Schema {
	c := jsonschema.NewCompiler()
	c.Draft, c.AssertFormat, c.LoadURL = jsonschema.Draft4, true, refuseURL
	doc, err := os.ReadFile("testdata/kantara/schema.json")
	require.NoError(t, err)
	require.NoError(t, c.AddResource("mem:///kantara.json", bytes.NewReader(doc)))
	s, err := c.Compile("mem:///kantara.json")
	require.NoError(t, err)
	return s
}

func validReceipt(t testing.TB, r *Receipt) {
	t.Helper()
	doc, err := json.Marshal(r)
	require.NoError(t, err)
	var v any
	require.NoError(t, json.Unmarshal(doc, &v))
	require.NoError(t, kantara(t).Validate(v))
}

func TestKantaraExampleIsValid(t *testing.T) {
	doc, err := os.ReadFile("testdata/kantara/example.json")
	require.NoError(t, err)
	var v any
	require.NoError(t, json.Unmarshal(doc, &v))
	require.NoError(t, kantara(t).Validate(v))
}

func TestReceiptNamesControllerWordsAndRecipients(t *testing.T) {
	b := open(t, nil)
	rec, err := b.Give(ctx, giving("c-1", "news", "email", 1))
	require.NoError(t, err)
	r, err := b.Receipt(ctx, "c-1", rec.ID)
	require.NoError(t, err)
	require.Equal(t, "Acme BV", r.Controllers[0].Name)
	require.Equal(t, "Send me news.", r.Statement)
	require.Equal(t, rec.TextHash, r.TextHash)
	require.Equal(t, day(1).Unix(), r.Timestamp)
	require.Contains(t, r.Services[0].Purposes[0].ThirdPartyName, "Mailer GmbH")
	_, err = b.Receipt(ctx, "c-2", rec.ID)
	require.ErrorIs(t, err, ErrNoRecord)
}

// Receipts of every kind of consent validate against the published schema.
func TestReceiptsValidateAgainstTheSchema(t *testing.T) {
	b := open(t, nil)
	health := Act{Subject: "c-1", Purpose: "health", At: day(1), Evidence: &Evidence{Method: Signed, Explicit: true}}
	kid := Act{Subject: "kid", Purpose: "game", At: day(1), Audience: "child", Age: 11, Country: "BE",
		Evidence: &Evidence{Method: Form, By: ByGuardian, Guardian: "Eve Jones", GuardianCheck: "card"}}
	game := func(a Act) Act { a.Evidence = nil; a.At = day(2); return a }
	receipts := map[string]*Receipt{}
	for name, write := range map[string]func() (Record, error){
		"given":         func() (Record, error) { return b.Give(ctx, giving("c-2", "news", "email", 1)) },
		"refused":       func() (Record, error) { return b.Refuse(ctx, giving("c-3", "news", "email", 1)) },
		"refused plain": func() (Record, error) { return b.Refuse(ctx, Act{Subject: "c-3", Purpose: "product-a", At: day(1)}) },
		"withdrawn": func() (Record, error) {
			return b.Withdraw(ctx, Act{Subject: "c-4", Purpose: "news", Channel: "sms", At: day(1)})
		},
		"health":           func() (Record, error) { return b.Give(ctx, health) },
		"health withdrawn": func() (Record, error) { return b.Withdraw(ctx, game(health)) },
		"guardian":         func() (Record, error) { return b.Give(ctx, kid) },
		"confirmed": func() (Record, error) {
			p, err := b.Request(ctx, giving("c-5", "optin", "email", 1))
			require.NoError(t, err)
			return b.Confirm(ctx, string(p.Token.Reveal()), map[string]string{"ip": "192.0.2.1"})
		},
		"objected": func() (Record, error) {
			return b.ObjectMarketing(ctx, Act{Subject: "c-6", Purpose: "news", At: day(1)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			rec, err := write()
			require.NoError(t, err)
			r, err := b.Receipt(ctx, rec.Subject, rec.ID)
			require.NoError(t, err)
			validReceipt(t, r)
			require.Equal(t, rec.Event, r.Event)
			receipts[name] = r
			doc, err := json.Marshal(r)
			require.NoError(t, err)
			require.NotContains(t, string(doc), "Jones", "sealed evidence stays sealed")
		})
	}
	require.True(t, receipts["health"].Sensitive)
	require.Equal(t, []string{"health"}, receipts["health"].Special)
	require.False(t, receipts["given"].Sensitive)
	require.Equal(t, ByGuardian, receipts["guardian"].By)
	require.Equal(t, "It is fine with me.", receipts["guardian"].Statement, "the words for children")
	require.Equal(t, BySubject, receipts["given"].By)

	merged, err := b.Merge(ctx, Act{Subject: "c-2", Other: "c-3", At: day(5)})
	require.NoError(t, err)
	_, err = b.Receipt(ctx, "c-2", merged.ID)
	require.ErrorIs(t, err, ErrGround, "there is no receipt of a merge")
}

// A receipt can be had of a purpose that the catalogue has no more.
func TestReceiptOfAPurposeThatIsGone(t *testing.T) {
	b := open(t, nil)
	require.NoError(t, b.Publish(ctx))
	rec, err := b.Give(ctx, giving("c-1", "product-a", "", 1))
	require.NoError(t, err)
	c, err := NewCatalogue(fixture()[0])
	require.NoError(t, err)
	later, err := New(b.db.Tenant("acme"), c, b.opts)
	require.NoError(t, err)
	r, err := later.Receipt(ctx, "c-1", rec.ID)
	require.NoError(t, err)
	require.Equal(t, "Yes, I agree.", r.Statement)
	validReceipt(t, r)
}
