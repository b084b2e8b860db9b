package pseudonym_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/internal/pseudonymtest"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

type call struct {
	ID          string
	Caller      string
	Callee      string
	Number      string `gdpr:"calls.number,index=phone,subject=Caller"`
	NumberIndex []byte
	Note        string `gdpr:"calls.note,subject=Callee"`
	Raw         []byte `gdpr:"calls.raw"`
	Length      int
}

// A record that names two people seals each under their own key; forgetting one
// leaves the other.
func TestStructOfTwoPeople(t *testing.T) {
	ctx := t.Context()
	v := pseudonymtest.NewVault(t, memstore.New(nil).Tenant("acme"), pseudonymtest.NewKMS(), nil)
	c := call{ID: "9", Caller: "c-1", Callee: "c-2", Number: "+31 20 123 4567", Note: "asked for Bob", Raw: []byte("x")}
	require.ErrorIs(t, v.SealStruct(ctx, "c-3", c.ID, &c), gdpr.ErrInvalid, "not registered")
	require.NoError(t, v.Register(&call{}))
	want := c
	require.NoError(t, v.SealStruct(ctx, "c-3", c.ID, &c))
	require.NotContains(t, c.Number, "123")
	index, err := v.Index(ctx, "phone", "+31201234567")
	require.NoError(t, err)
	require.Equal(t, index, c.NumberIndex)
	opened := c
	require.NoError(t, v.OpenStruct(ctx, "c-3", c.ID, &opened))
	want.NumberIndex = index
	require.Equal(t, want, opened)

	require.NoError(t, v.Shred(ctx, "c-1"))
	shut := c
	require.ErrorIs(t, v.OpenStruct(ctx, "c-3", c.ID, &shut), pseudonym.ErrShredded)
	require.Equal(t, c, shut, "left as it was")
	note, err := v.OpenText(ctx, "c-2", pseudonym.Place("calls", "note", c.ID), c.Note)
	require.NoError(t, err)
	require.Equal(t, "asked for Bob", note)
	nobody := call{ID: "9", Raw: []byte("in clear")}
	require.ErrorIs(t, v.SealStruct(ctx, "", "9", &nobody), gdpr.ErrInvalid, "a value would stay in clear")
	require.ErrorIs(t, v.OpenStruct(ctx, "", "9", &nobody), gdpr.ErrInvalid)
	plain := call{ID: "9", Caller: "c-2", Callee: "c-2", Number: "in clear"}
	require.ErrorIs(t, v.OpenStruct(ctx, "c-3", "9", &plain), pseudonym.ErrNotSealed)
}

func TestTagErrors(t *testing.T) {
	v := pseudonymtest.NewVault(t, memstore.New(nil).Tenant("acme"), pseudonymtest.NewKMS(), nil)
	for name, value := range map[string]any{
		"no struct": 7,
		"nil":       nil,
		"no tag":    struct{ A string }{},
		"no column": struct {
			A string `gdpr:"a"`
		}{},
		"slash": struct {
			A string `gdpr:"a.b/c"`
		}{},
		"wrong type": struct {
			A int `gdpr:"a.b"`
		}{},
		"unexported": struct {
			a string `gdpr:"a.b"`
		}{},
		"unknown option": struct {
			A string `gdpr:"a.b,indx=email"`
		}{},
		"unknown index": struct {
			A      string `gdpr:"a.b,index=name"`
			AIndex []byte
		}{},
		"no index field": struct {
			A string `gdpr:"a.b,index=email"`
		}{},
		"no subject": struct {
			A string `gdpr:"a.b,subject=S"`
		}{},
		"subject sealed": struct {
			A string `gdpr:"a.b,subject=S"`
			S string `gdpr:"a.s"`
		}{},
		"tag twice": struct {
			A string `gdpr:"a.b"`
			B string `gdpr:"a.b"`
		}{},
		"pointer": struct{ *call }{},
	} {
		t.Run(name, func(t *testing.T) { require.ErrorIs(t, v.Register(value), gdpr.ErrInvalid) })
	}
}

// A transaction that runs again would seal the struct twice; the second time it is told
// so, and a host's bytes that only look alike are sealed.
func TestStructIsNotSealedTwice(t *testing.T) {
	ctx := t.Context()
	v := pseudonymtest.NewVault(t, memstore.New(nil).Tenant("acme"), pseudonymtest.NewKMS(), nil)
	require.NoError(t, v.Register(&call{}))
	for _, c := range []call{
		{Caller: "c-1", Callee: "c-2", Number: "+31 20 123 4567", Note: "asked for Bob", Raw: []byte("x")},
		{Callee: "c-2", Note: "asked for Bob"}, {Raw: []byte("x")},
	} {
		require.NoError(t, v.SealStruct(ctx, "c-3", "9", &c))
		sealed := c
		require.ErrorIs(t, v.SealStruct(ctx, "c-3", "9", &c), gdpr.ErrInvalid)
		require.Equal(t, sealed, c)
	}
	looks := make([]byte, 64)
	looks[0], looks[1] = 1, 1
	c := call{Callee: "c-2", Note: pseudonym.Text(looks), Raw: looks}
	require.NoError(t, v.SealStruct(ctx, "c-3", "9", &c))
	require.NoError(t, v.OpenStruct(ctx, "c-3", "9", &c))
	require.Equal(t, looks, c.Raw)
}
