package pseudonym

import (
	"context"

	"github.com/gdprkit/gdprkit/gdpr"
)

// Seal encrypts plain under the subject's key and binds it to the place, which
// [Place] makes. The first value of a subject makes its key; inside a transaction
// the key commits or vanishes with it. Empty values are sealed too. At most
// [MaxValue] bytes.
//
// It returns ErrShredded for a subject whose key of the place's compartment was
// destroyed: a person who returns needs [Vault.Readmit].
func (v *Vault) Seal(ctx context.Context, subject, place string, plain []byte) ([]byte, error) {
	f, record, err := v.fields.find(place)
	if err != nil {
		return nil, err
	}
	if len(plain) > MaxValue {
		return nil, gdpr.Invalid("plain", "has %d bytes; the limit is %d, use SealReader", len(plain), MaxValue)
	}
	e, err := v.entry(ctx, subject, f.compartment, true)
	if err != nil {
		return nil, err
	}
	return e.seal(f, record, plain), nil
}

// seal allocates once: the result, in which the plaintext is padded and encrypted.
func (e *entry) seal(f *field, record string, plain []byte) []byte {
	d := e.domain(f)
	zeros := padding(len(plain))
	end := headerSize + len(plain) + zeros + 1
	out := make([]byte, end, end+tagSize)
	copy(out, d.head[:])
	random(out[nonceAt:headerSize])
	copy(out[headerSize:], plain)
	out[end-1] = byte(zeros)

	aad, own := e.aad(d, f, record)
	out = e.aead.Seal(out[:headerSize], out[nonceAt:headerSize], out[headerSize:end], aad)
	if own {
		e.busy.Store(false)
	}
	return out
}

// aad returns the additional data, in the entry's own buffer unless another
// goroutine is using that. The caller gives it back by setting busy to false.
func (e *entry) aad(d *domain, f *field, record string) (aad []byte, own bool) {
	size := len(d.prefix) + len(f.suffix) + 4 + len(record)
	if !e.busy.CompareAndSwap(false, true) {
		return appendAAD(make([]byte, 0, size), d.prefix, f.suffix, record), false
	}
	if cap(e.scratch) < size {
		e.scratch = make([]byte, 0, size)
	}
	return appendAAD(e.scratch[:0], d.prefix, f.suffix, record), true
}

// Open is the inverse of [Vault.Seal], for the same subject and place. See the
// package's errors for the five reasons why a value does not open.
func (v *Vault) Open(ctx context.Context, subject, place string, sealed []byte) ([]byte, error) {
	f, record, err := v.fields.find(place)
	if err != nil {
		return nil, err
	}
	if err := checkSealed(sealed); err != nil {
		return nil, err
	}
	if v.opts.Guard != nil {
		if err := v.allow(ctx, "pseudonym.open", subject); err != nil {
			return nil, err
		}
	}
	before := v.dead.dug.Load()
	e, err := v.entry(ctx, subject, f.compartment, false)
	if err != nil {
		return nil, v.lost(ctx, err)
	}
	plain, ok := e.open(f, record, sealed)
	if v.dead.has(e.kid, before) { // shredded while we were at it
		return nil, ErrShredded
	}
	if !ok {
		return nil, v.whyDamaged(ctx, e, f, sealed)
	}
	return plain, nil
}

func (e *entry) open(f *field, record string, sealed []byte) ([]byte, bool) {
	d := e.domain(f)
	if [nonceAt]byte(sealed) != d.head {
		return nil, false
	}
	aad, own := e.aad(d, f, record)
	body, err := e.aead.Open(nil, sealed[nonceAt:headerSize], sealed[headerSize:], aad)
	if own {
		e.busy.Store(false)
	}
	if err != nil {
		return nil, false
	}
	return unpad(body)
}

// whyDamaged tells a value of an earlier, destroyed key from a damaged one.
func (v *Vault) whyDamaged(ctx context.Context, e *entry, f *field, sealed []byte) error {
	if [nonceAt]byte(sealed) == e.domain(f).head {
		return ErrDamaged
	}
	if _, back, err := v.tombstone(ctx, e.subject, e.compartment); err == nil && back {
		return ErrShredded
	}
	return ErrDamaged
}

// SealText seals a string for a text column; see [Vault.Seal] and [Text].
func (v *Vault) SealText(ctx context.Context, subject, place, plain string) (string, error) {
	b, err := v.Seal(ctx, subject, place, []byte(plain))
	if err != nil {
		return "", err
	}
	return Text(b), nil
}

// OpenText is the inverse of [Vault.SealText].
func (v *Vault) OpenText(ctx context.Context, subject, place, sealed string) (string, error) {
	b, err := ParseText(sealed)
	if err != nil {
		return "", err
	}
	plain, err := v.Open(ctx, subject, place, b)
	return string(plain), err
}
