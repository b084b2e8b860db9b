package audit

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gdprkit/gdprkit/gdpr"
	"golang.org/x/mod/sumdb/note"
)

const (
	algEd25519     = 1
	algCosignature = 4 // c2sp.org/tlog-cosignature
)

var std64 = base64.StdEncoding.Strict()

// keySigner signs notes with any crypto.Signer that has an Ed25519 key. Its name
// is the origin of the log, which exists only once the log does.
type keySigner struct {
	note.Verifier
	vkey string
	key  crypto.Signer
}

func newKeySigner(origin string, key crypto.Signer) (*keySigner, error) {
	pub, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, gdpr.Invalid("Signer", "must have an Ed25519 public key")
	}
	vkey, err := note.NewEd25519VerifierKey(origin, pub)
	if err != nil {
		return nil, err
	}
	v, err := note.NewVerifier(vkey)
	return &keySigner{v, vkey, key}, err
}

// Sign implements note.Signer.
func (s *keySigner) Sign(msg []byte) ([]byte, error) {
	return s.key.Sign(rand.Reader, msg, crypto.Hash(0))
}

// NewVerifier reads a verifier key as c2sp.org/signed-note writes it,
// "name+hash+base64": an Ed25519 key, or one of a witness that cosigns
// (type 0x04, c2sp.org/tlog-cosignature).
func NewVerifier(vkey string) (note.Verifier, error) {
	name, rest, _ := strings.Cut(vkey, "+")
	id, key64, ok := strings.Cut(rest, "+")
	key, err := std64.DecodeString(key64)
	if !ok || err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != algCosignature {
		v, err := note.NewVerifier(vkey)
		if err != nil {
			return nil, gdpr.Invalid("Key", "is not a verifier key of a known kind")
		}
		return v, nil
	}
	sum := sha256.Sum256(append([]byte(name+"\n"), key...))
	hash := binary.BigEndian.Uint32(sum[:])
	if want, err := strconv.ParseUint(id, 16, 32); err != nil || len(id) != 8 || uint32(want) != hash || name == "" {
		return nil, gdpr.Invalid("Key", "has an id that does not fit")
	}
	return &witness{name, hash, key[1:]}, nil
}

// witness verifies a cosignature: 8 bytes of POSIX time and a signature over both.
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (w *witness) Name() string    { return w.name }
func (w *witness) KeyHash() uint32 { return w.hash }
func (w *witness) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	at := binary.BigEndian.Uint64(sig)
	text := fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, msg)
	return ed25519.Verify(w.key, text, sig[8:])
}

// OpenNote checks the signatures of a signed note (c2sp.org/signed-note) and
// returns its text and the names of the keys that signed it. Signatures by other
// keys are ignored; a wrong one by a given key, none by any, or a signature that is
// not written in the one canonical way is an error.
func OpenNote(msg []byte, vkeys ...string) (text string, names []string, err error) {
	n, err := openNote(msg, vkeys)
	if err != nil {
		return "", nil, err
	}
	for _, s := range n.Sigs {
		names = append(names, s.Name)
	}
	return n.Text, names, nil
}

var errNoKey = errors.New("audit: note has no signature by a given key")

func openNote(msg []byte, vkeys []string) (*note.Note, error) {
	vkeys = slices.Compact(slices.Sorted(slices.Values(vkeys))) // a key given twice is ambiguous
	verifiers := make([]note.Verifier, len(vkeys))
	for i, k := range vkeys {
		v, err := NewVerifier(k)
		if err != nil {
			return nil, err
		}
		verifiers[i] = v
	}
	n, err := note.Open(msg, note.VerifierList(verifiers...))
	var unverified *note.UnverifiedNoteError
	if errors.As(err, &unverified) {
		return nil, errNoKey
	}
	if err != nil {
		return nil, errors.New("audit: note is malformed or has a wrong signature")
	}
	for _, s := range append(n.Sigs, n.UnverifiedSigs...) {
		if _, err := std64.DecodeString(s.Base64); err != nil {
			return nil, errors.New("audit: note has a signature that is not canonical base64")
		}
	}
	return n, nil
}

// signNote signs text with each of the keys.
func signNote(text string, signers ...*keySigner) ([]byte, error) {
	list := make([]note.Signer, len(signers))
	for i, s := range signers {
		list[i] = s
	}
	msg, err := note.Sign(&note.Note{Text: text}, list...)
	if err != nil {
		return nil, fmt.Errorf("audit: sign: %w", err)
	}
	var keys []string
	for _, s := range signers {
		keys = append(keys, s.vkey)
	}
	n, err := openNote(msg, keys)
	if err != nil || len(n.Sigs) != len(signers) || !bytes.HasPrefix(msg, []byte(text)) {
		return nil, errors.New("audit: the signer made a signature that its own key does not verify")
	}
	return msg, nil
}

// VerifierKey returns the verifier key of an Ed25519 public key for a log: what a
// host publishes, and what [VerifyBundle] and cmd/auditverify take.
func VerifierKey(origin string, public crypto.PublicKey) (string, error) {
	pub, ok := public.(ed25519.PublicKey)
	if !ok {
		return "", gdpr.Invalid("Key", "must be an Ed25519 public key")
	}
	return note.NewEd25519VerifierKey(origin, pub)
}
