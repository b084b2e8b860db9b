package keyring

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
)

const (
	version     = "gdprkit.dev/keyring/v1"
	kdfRaw      = "raw"
	kdfArgon2id = "argon2id"
	maxFile     = 16 << 20
)

// header is the first line of the file, in clear and authenticated.
type header struct {
	Version string `json:"version"`
	KDF     string `json:"kdf"`
	Salt    []byte `json:"salt,omitempty"`
	Time    uint32 `json:"time,omitempty"`
	Memory  uint32 `json:"memoryKiB,omitempty"`
	Threads uint8  `json:"threads,omitempty"`
}

// body is the second line, encrypted: base64 of nonce ‖ ciphertext ‖ tag.
type body struct {
	Serial uint64         `json:"serial"`
	Keys   map[string]kek `json:"keys"`
}

type kek struct {
	Key     []byte `json:"key"`
	Created int64  `json:"created"` // seconds since 1970
}

func newHeader(s Secret) *header {
	h := &header{Version: version, KDF: s.kdf()}
	if s.passphrase {
		h.Salt = make([]byte, 16)
		_, _ = rand.Read(h.Salt)
		h.Time, h.Memory, h.Threads = kdfTime, kdfMemory, kdfThreads
	}
	return h
}

// check refuses a header before anything is spent on it.
func (h *header) check() error {
	switch {
	case h.Version != version:
		return fmt.Errorf("%w: its version is not %s; a newer release wrote it, or it is damaged", ErrFormat, version)
	case h.KDF == kdfRaw:
		return nil
	case h.KDF != kdfArgon2id:
		return fmt.Errorf("%w: its key derivation is unknown", ErrFormat)
	case h.Time == 0 || h.Time > maxTime || h.Memory < minMemory || h.Memory > maxMemory ||
		h.Threads == 0 || h.Threads > maxThreads:
		return fmt.Errorf("%w: its Argon2id cost is outside t 1–%d, memory %d KiB–%d KiB, threads 1–%d; bring back an intact copy",
			ErrFormat, maxTime, minMemory, maxMemory, maxThreads)
	case len(h.Salt) < 16 || len(h.Salt) > 64:
		return fmt.Errorf("%w: its salt has %d bytes", ErrFormat, len(h.Salt))
	}
	return nil
}

func encode(h *header, key []byte, b *body) ([]byte, error) {
	line, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	gcm, err := newGCM(key)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, gcm.NonceSize())
	_, _ = rand.Read(nonce)
	ct := gcm.Seal(nonce, nonce, plain, line)
	line = append(line, '\n')
	line = base64.StdEncoding.AppendEncode(line, ct)
	return append(line, '\n'), nil
}

// split separates the lines and checks the header.
func split(file []byte) (h *header, line, ct []byte, err error) {
	line, rest, ok := bytes.Cut(file, []byte{'\n'})
	h = new(header)
	if !ok || json.Unmarshal(line, h) != nil {
		return nil, nil, nil, ErrFormat
	}
	if err := h.check(); err != nil {
		return nil, nil, nil, err
	}
	rest = bytes.TrimSuffix(rest, []byte{'\n'})
	ct, err = base64.StdEncoding.Strict().DecodeString(string(rest))
	if err != nil || len(ct) < 12+16 || bytes.ContainsAny(rest, "\r\n") {
		return nil, nil, nil, ErrFormat
	}
	return h, line, ct, nil
}

func decode(line, ct, key []byte) (*body, error) {
	gcm, err := newGCM(key)
	if err != nil {
		return nil, err
	}
	plain, err := gcm.Open(nil, ct[:12], ct[12:], line)
	if err != nil {
		return nil, ErrSecret
	}
	b := new(body)
	if err := json.Unmarshal(plain, b); err != nil {
		return nil, ErrFormat
	}
	return b, nil
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
