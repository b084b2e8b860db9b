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
