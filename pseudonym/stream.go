package pseudonym

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/gdprkit/gdprkit/internal/frame"
	"github.com/gdprkit/gdprkit/internal/segment"
)

// Sealed stream, version 1: u8 2 ‖ u8 suite ‖ hid[16], then a stream of Tink's
// AES256-GCM-HKDF with segments of 64 KiB. Its key is HKDF-SHA-256(K_enc, info
// "gdprkit/stream/v1"), its additional data "gdprkit/stream/v1\0" ‖ bytes[0:18] ‖
// lp(tenant) ‖ lp(subject) ‖ lp(compartment) ‖ lp(field) ‖ lp(record).
const streamLabel = "gdprkit/stream/v1"

// streamHead returns the first bytes and what the stream is bound to.
func (e *entry) streamHead(f *field, record string) (head [nonceAt]byte, additional []byte) {
	head[0], head[1] = versionStream, suiteGCM
	h := hid(e.enc[:], f.table)
	copy(head[2:], h[:])
	b := append([]byte(streamLabel), 0)
	b = append(b, head[:]...)
	b = frame.Append(b, e.tenant, e.subject, e.compartment)
	b = append(b, f.suffix...)
	return head, frame.Append(b, record)
}

func (e *entry) streamKey() ([]byte, error) {
	return hkdf.Key(sha256.New, e.enc[:], nil, streamLabel, keySize)
}

// SealReader returns a reader of the sealed form of plain, for files and other
// values that are too long for [Vault.Seal]. It holds one segment of 64 KiB in
// memory.
func (v *Vault) SealReader(ctx context.Context, subject, place string, plain io.Reader) (io.Reader, error) {
	f, record, err := v.fields.find(place)
	if err != nil {
		return nil, err
	}
	e, err := v.entry(ctx, subject, f.compartment, true)
	if err != nil {
		return nil, err
	}
	head, additional := e.streamHead(f, record)
	key, err := e.streamKey()
	if err != nil {
		return nil, err
	}
	body, err := segment.Encrypt(plain, key, additional)
	if err != nil {
		return nil, err
	}
	return io.MultiReader(bytes.NewReader(head[:]), body), nil
}

// OpenReader returns a reader of the plaintext of a sealed stream. Each segment is
// released only after it has authenticated; a stream that was cut ends with an
// error that wraps ErrDamaged and io.ErrUnexpectedEOF, so do not act on a stream
// before its end. A shred of the subject in this process ends it with ErrShredded, one
// in another process once this one looks at the key store, as Run does; without, the
// stream goes on to its end.
func (v *Vault) OpenReader(ctx context.Context, subject, place string, sealed io.Reader) (io.Reader, error) {
	f, record, err := v.fields.find(place)
	if err != nil {
		return nil, err
	}
	if err := v.allow(ctx, "pseudonym.open", subject); err != nil {
		return nil, err
	}
	in := bufio.NewReader(sealed)
	first, err := in.Peek(nonceAt)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := checkStream(first); err != nil {
		return nil, err
	}
	e, err := v.entry(ctx, subject, f.compartment, false)
	if err != nil {
		return nil, v.lost(ctx, err)
	}
	head, additional := e.streamHead(f, record)
	if [nonceAt]byte(first) != head {
		return nil, ErrDamaged
	}
	key, err := e.streamKey()
	if err != nil {
		return nil, err
	}
	if _, err := in.Discard(nonceAt); err != nil {
		return nil, err
	}
	return &openReader{v: v, e: e, in: segment.Decrypt(in, key, additional)}, nil
}

// checkStream looks at what can be seen without the key.
func checkStream(first []byte) error {
	switch {
	case len(first) == 0 || first[0] >= 0x20:
		return ErrNotSealed
	case first[0] != versionStream || len(first) > 1 && first[1] != suiteGCM:
		return ErrVersion
	case len(first) < nonceAt:
		return fmt.Errorf("%w: %w", ErrDamaged, io.ErrUnexpectedEOF)
	}
	return nil
}

type openReader struct {
	v  *Vault
	e  *entry
	in io.Reader
}

func (r *openReader) Read(b []byte) (int, error) {
	n, err := r.in.Read(b)
	if r.v.dead.has(r.e.kid, never) {
		clear(b[:n])
		return 0, ErrShredded
	}
	if errors.Is(err, segment.ErrDamaged) {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return n, fmt.Errorf("%w: %w", ErrDamaged, io.ErrUnexpectedEOF)
		}
		return n, ErrDamaged
	}
	return n, err
}
