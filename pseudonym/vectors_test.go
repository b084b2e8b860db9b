package pseudonym

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"io"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/frame"
	"github.com/gdprkit/gdprkit/internal/segment"
)

var update1 = flag.Bool("update-vectors", false, "write testdata/v1/vectors.json anew")

// vectors are the published ones of version 1.
type vectors struct {
	Tenant      string      `json:"tenant"`
	Subject     string      `json:"subject"`
	Compartment string      `json:"compartment"`
	KEnc        string      `json:"k_enc"`
	KTok        string      `json:"k_tok"`
	KID         string      `json:"kid"`
	Epoch       int         `json:"epoch"`
	TEK         string      `json:"tek"`
	Wrapped     string      `json:"wrapped"`
	Sealed      []vecSealed `json:"sealed"`
	Stream      vecSealed   `json:"stream"`
	Tokens      []vecToken  `json:"tokens"`
	IndexRoot   string      `json:"index_root"`
	Indexes     []vecToken  `json:"indexes"`
	TombKey     string      `json:"tombstone_key"`
	TombTag     string      `json:"tombstone_tag"`
	Record      vecRecord   `json:"journal_record"`
	Record2     vecRecord   `json:"journal_record_2"`
}

type vecSealed struct {
	Place  string `json:"place"`
	HID    string `json:"hid"`
	AAD    string `json:"aad"`
	Plain  string `json:"plain"`
	Sealed string `json:"sealed"`
	Text   string `json:"text,omitempty"`
}

type vecToken struct {
	Domain string `json:"domain"`
	Value  string `json:"value,omitempty"`
	Out    string `json:"out"`
}

type vecRecord struct {
	Kind  int    `json:"kind"`
	N     int64  `json:"n"`
	Day   int64  `json:"day"`
	LogID string `json:"log_id"`
	Tag   string `json:"tag"`
	KID   string `json:"kid"`
	Prev  string `json:"prev"`

	Closed []string `json:"closed,omitempty"` // since version 2

	Bytes string `json:"record"`
	Hash  string `json:"hash"`
}

func seq(from byte) (k [keySize]byte) {
	for i := range k {
		k[i] = from + byte(i)
	}
	return k
}

func unhex(t *testing.T, s string) []byte {
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

// makeVectors writes new ones; nonces and salts are random.
func makeVectors(t *testing.T) {
	enc, tok, tek, root, tomb := seq(0), seq(0x40), seq(0x80), seq(0xa0), seq(0xc0)
	kid := keyID(bytes.Repeat([]byte{0x11}, 16))
	v := vectors{Tenant: "acme", Subject: "c-1042", Compartment: ID, Epoch: 3,
		KEnc: hex.EncodeToString(enc[:]), KTok: hex.EncodeToString(tok[:]), KID: hex.EncodeToString(kid[:]),
		TEK: hex.EncodeToString(tek[:]), IndexRoot: hex.EncodeToString(root[:]), TombKey: hex.EncodeToString(tomb[:])}
	v.Wrapped = hex.EncodeToString(wrap(newGCM(tek[:]), append(enc[:], tok[:]...),
		wrapAAD(v.Tenant, v.Subject, v.Compartment, kid, v.Epoch)))
	e := newEntry(v.Tenant, v.Subject, v.Compartment, kid, append(bytes.Clone(enc[:]), tok[:]...))
	fs := newFields(nil)
	for _, plain := range []string{"", "ada@example.org", string(bytes.Repeat([]byte("x"), 300))} {
		place := Place("contacts", "email", "1042")
		f, record, err := fs.find(place)
		require.NoError(t, err)
		b := e.use(new(cell), f, place, record).seal([]byte(plain))
		v.Sealed = append(v.Sealed, vecSealed{Place: place, HID: hex.EncodeToString(b[2:18]), Plain: hex.EncodeToString([]byte(plain)),
			AAD: hex.EncodeToString(appendAAD(nil, e.domain(f).prefix, f.suffix, record)), Sealed: hex.EncodeToString(b), Text: Text(b)})
	}
	v.Stream = makeStream(t, e, fs)
	for _, d := range []string{"subject", "actor"} {
		v.Tokens = append(v.Tokens, vecToken{Domain: d, Out: e.token(d).text})
	}
	k, err := newIndexKey(secretValue{1, root}, v.Tenant, "email")
	require.NoError(t, err)
	v.Indexes = append(v.Indexes, vecToken{"email", "Ada@example.org", hex.EncodeToString(k.append(nil, "Ada@example.org"))})
	tag := tombTag(tomb[:], v.Tenant, v.Subject)
	v.TombTag = hex.EncodeToString(tag[:])
	r := record{ver: 1, kind: kindShred, n: 7, day: 20_778, log: keyID(bytes.Repeat([]byte{0x22}, 16)), tag: tag, kid: kid, prev: seq(0xe0)}
	b := r.encode()
	h := hashRecord(b)
	v.Record = vecRecord{Kind: kindShred, N: 7, Day: 20_778, LogID: hex.EncodeToString(r.log[:]), Tag: v.TombTag, KID: v.KID,
		Prev: hex.EncodeToString(r.prev[:]), Bytes: hex.EncodeToString(b), Hash: hex.EncodeToString(h[:])}
	v.Record2 = v.Record
	v.Record2.Closed = []string{ID, Ordinary, Request, Statutory}
	r.ver = 2
	for _, c := range v.Record2.Closed {
		r.closed.add(c)
	}
	b = r.encode()
	h = hashRecord(b)
	v.Record2.Bytes, v.Record2.Hash = hex.EncodeToString(b), hex.EncodeToString(h[:])
	out, err := json.MarshalIndent(v, "", "  ")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile("testdata/v1/vectors.json", append(out, '\n'), 0o644))
}

func makeStream(t *testing.T, e *entry, fs *fields) vecSealed {
	place := Place("contacts", "scan", "1042")
	f, rec, err := fs.find(place)
	require.NoError(t, err)
	head, additional := e.streamHead(f, rec)
	key, err := e.streamKey()
	require.NoError(t, err)
	body, err := segment.Encrypt(bytes.NewReader([]byte("a scanned letter")), key, additional)
	require.NoError(t, err)
	b, err := io.ReadAll(body)
	require.NoError(t, err)
	return vecSealed{Place: place, HID: hex.EncodeToString(head[2:]), AAD: hex.EncodeToString(additional),
		Plain: hex.EncodeToString([]byte("a scanned letter")), Sealed: hex.EncodeToString(append(head[:], b...))}
}

// The published values open and compute the same for ever.
func TestVectorsV1(t *testing.T) {
	if *update1 {
		makeVectors(t)
	}
	raw, err := os.ReadFile("testdata/v1/vectors.json")
	require.NoError(t, err)
	var v vectors
	require.NoError(t, json.Unmarshal(raw, &v))
	kid := keyID(unhex(t, v.KID))
	key, err := unwrap(newGCM(unhex(t, v.TEK)), unhex(t, v.Wrapped), wrapAAD(v.Tenant, v.Subject, v.Compartment, kid, v.Epoch))
	require.NoError(t, err)
	require.Equal(t, v.KEnc+v.KTok, hex.EncodeToString(key))
	e := newEntry(v.Tenant, v.Subject, v.Compartment, kid, key)
	fs := newFields(nil)
	for _, s := range v.Sealed {
		f, record, err := fs.find(s.Place)
		require.NoError(t, err)
		b, err := ParseText(s.Text)
		require.NoError(t, err)
		require.Equal(t, s.Sealed, hex.EncodeToString(b))
		require.Equal(t, s.HID, hex.EncodeToString(b[2:18]))
		require.Equal(t, s.AAD, hex.EncodeToString(appendAAD(nil, e.domain(f).prefix, f.suffix, record)))
		plain, ok := e.use(new(cell), f, s.Place, record).open(b)
		require.True(t, ok)
		require.Equal(t, s.Plain, hex.EncodeToString(plain))
	}
	f, record, err := fs.find(v.Stream.Place)
	require.NoError(t, err)
	head, additional := e.streamHead(f, record)
	require.Equal(t, v.Stream.AAD, hex.EncodeToString(additional))
	b := unhex(t, v.Stream.Sealed)
	require.Equal(t, head[:], b[:nonceAt])
	skey, err := e.streamKey()
	require.NoError(t, err)
	plain, err := io.ReadAll(segment.Decrypt(bytes.NewReader(b[nonceAt:]), skey, additional))
	require.NoError(t, err)
	require.Equal(t, v.Stream.Plain, hex.EncodeToString(plain))
	checkDerived(t, &v, e)
}

func checkDerived(t *testing.T, v *vectors, e *entry) {
	for _, x := range v.Tokens {
		require.Equal(t, x.Out, e.token(x.Domain).text)
		m := hmac.New(sha256.New, unhex(t, v.KTok)) // spelt out once, beside the library's own way
		m.Write(frame.Append([]byte("gdprkit/token/v1\x00"), x.Domain))
		require.Equal(t, x.Out, base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:16]))
	}
	for _, x := range v.Indexes {
		k, err := newIndexKey(secretValue{1, [keySize]byte(unhex(t, v.IndexRoot))}, v.Tenant, x.Domain)
		require.NoError(t, err)
		require.Equal(t, x.Out, hex.EncodeToString(k.append(nil, x.Value)))
	}
	tag := tombTag(unhex(t, v.TombKey), v.Tenant, v.Subject)
	require.Equal(t, v.TombTag, hex.EncodeToString(tag[:]))
	for i, want := range []vecRecord{v.Record, v.Record2} {
		b := unhex(t, want.Bytes)
		r, ok := parseRecord(b)
		require.True(t, ok)
		require.Equal(t, byte(i+1), r.ver)
		require.Equal(t, want.N, r.n)
		require.Equal(t, want.Day, r.day)
		require.Equal(t, want.KID, hex.EncodeToString(r.kid[:]))
		for _, c := range []string{ID, Ordinary, Proof, Request, Statutory} {
			require.Equal(t, slices.Contains(want.Closed, c), r.closed.has(c))
		}
		require.Equal(t, b, r.encode())
		h := hashRecord(b)
		require.Equal(t, want.Hash, hex.EncodeToString(h[:]))
	}
}
