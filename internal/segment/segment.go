// Package segment encrypts streams in the wire format of Tink's AES256-GCM-HKDF
// streaming AEAD with segments of 64 KiB, which is public and has other
// implementations.
//
//	u8 40 ‖ salt[32] ‖ prefix[7], then segments of ciphertext ‖ tag[16]
//
// The key of a stream is HKDF-SHA-256(main key, salt, additional data), the nonce of
// a segment prefix ‖ u32 number ‖ u8 last. The first segment is shorter by the
// header, so that each but the last ends at a multiple of 64 KiB.
package segment

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

const (
	// Size is the length of a full segment of ciphertext.
	Size = 64 << 10

	saltSize   = 32
	prefixSize = 7
	headerSize = 1 + saltSize + prefixSize
	tagSize    = 16
)

var (
	// ErrDamaged is returned when a segment does not authenticate.
	ErrDamaged = errors.New("segment: does not authenticate")

	errTooLong = errors.New("segment: stream has more than 2^32-1 segments")
)

// aead is the state that both directions share.
type aead struct {
	gcm   cipher.AEAD
	nonce [12]byte
	count uint64
}

func newAEAD(key, salt, prefix, additional []byte) (*aead, error) {
	derived, err := hkdf.Key(sha256.New, key, salt, string(additional), 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	a := new(aead)
	copy(a.nonce[:], prefix)
	a.gcm, err = cipher.NewGCM(block)
	return a, err
}

// set prepares the nonce of the current segment.
func (a *aead) set(last bool) error {
	if a.count >= math.MaxUint32 {
		return errTooLong
	}
	binary.BigEndian.PutUint32(a.nonce[prefixSize:], uint32(a.count))
	a.nonce[11] = 0
	if last {
		a.nonce[11] = 1
	}
	return nil
}

// room is how much plaintext the current segment takes.
func (a *aead) room() int {
	if a.count == 0 {
		return Size - headerSize - tagSize
	}
	return Size - tagSize
}

// Encrypt returns a reader of the encrypted stream of plain.
func Encrypt(plain io.Reader, key, additional []byte) (io.Reader, error) {
	head := make([]byte, headerSize)
	head[0] = headerSize
	_, _ = rand.Read(head[1:])
	a, err := newAEAD(key, head[1:1+saltSize], head[1+saltSize:], additional)
	if err != nil {
		return nil, err
	}
	return &pump{out: head, next: (&encrypter{aead: a, in: bufio.NewReader(plain)}).next}, nil
}

type encrypter struct {
	*aead
	in  *bufio.Reader
	buf [Size]byte
}

func (e *encrypter) next() ([]byte, error) {
	n, last, err := fill(e.in, e.buf[:e.room()])
	if err != nil {
		return nil, err
	}
	if err := e.set(last); err != nil {
		return nil, err
	}
	e.count++
	out := e.gcm.Seal(e.buf[:0], e.nonce[:], e.buf[:n], nil)
	if last {
		return out, io.EOF
	}
	return out, nil
}

// Decrypt returns a reader of the plaintext. It yields a segment only after it has
// authenticated. A stream that was cut fails with an error that wraps
// io.ErrUnexpectedEOF.
func Decrypt(sealed io.Reader, key, additional []byte) io.Reader {
	d := &decrypter{in: bufio.NewReader(sealed), key: key, additional: additional}
	return &pump{next: d.next}
}

type decrypter struct {
	*aead
	in              *bufio.Reader
	key, additional []byte
	buf             [Size]byte
}

func (d *decrypter) next() ([]byte, error) {
	if d.aead == nil {
		if err := d.header(); err != nil {
			return nil, err
		}
	}
	n, last, err := fill(d.in, d.buf[:d.room()+tagSize])
	if err != nil {
		return nil, err
	}
	if n < tagSize {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, io.ErrUnexpectedEOF)
	}
	if err := d.set(last); err != nil {
		return nil, err
	}
	d.count++
	out, err := d.gcm.Open(d.buf[:0], d.nonce[:], d.buf[:n], nil)
	switch {
	case err != nil && last:
		return nil, fmt.Errorf("%w: %w", ErrDamaged, io.ErrUnexpectedEOF)
	case err != nil:
		return nil, ErrDamaged
	case last:
		return out, io.EOF
	}
	return out, nil
}

func (d *decrypter) header() error {
	var head [headerSize]byte
	if _, err := io.ReadFull(d.in, head[:]); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%w: %w", ErrDamaged, io.ErrUnexpectedEOF)
		}
		return err
	}
	if head[0] != headerSize {
		return ErrDamaged
	}
	var err error
	d.aead, err = newAEAD(d.key, head[1:1+saltSize], head[1+saltSize:], d.additional)
	return err
}

// fill reads a full buffer, or what is left, and looks ahead for the end. The end is
// io.EOF itself: what wraps it, and io.ErrUnexpectedEOF, a source says that was cut.
func fill(r *bufio.Reader, b []byte) (n int, last bool, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = r.Read(b[n:])
		n += m
	}
	if err == nil {
		_, err = r.Peek(1)
	}
	if err == io.EOF {
		return n, true, nil
	}
	return n, false, err
}

// pump is a reader over pieces. The last piece comes with io.EOF.
type pump struct {
	out  []byte
	err  error
	next func() ([]byte, error)
}

func (p *pump) Read(b []byte) (int, error) {
	for len(p.out) == 0 {
		if p.err != nil {
			return 0, p.err
		}
		if len(b) == 0 {
			return 0, nil
		}
		p.out, p.err = p.next()
	}
	n := copy(b, p.out)
	p.out = p.out[n:]
	return n, nil
}
