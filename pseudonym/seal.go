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
	if len(plain) > MaxValue {
		return nil, gdpr.Invalid("plain", "has %d bytes; the limit is %d, use SealReader", len(plain), MaxValue)
	}
	var own cell
	c, err := v.cell(ctx, subject, place, true, &own)
	if err != nil {
		return nil, err
	}
	sealed := c.seal(plain)
	c.done()
	return sealed, nil
}

// Open is the inverse of [Vault.Seal], for the same subject and place. See the
// package's errors for the five reasons why a value does not open.
func (v *Vault) Open(ctx context.Context, subject, place string, sealed []byte) ([]byte, error) {
	if !looksSealed(sealed) {
		return nil, whyNotSealed(sealed)
	}
	if v.opts.Guard != nil {
		if err := v.allow(ctx, "pseudonym.open", subject); err != nil {
			return nil, err
		}
	}
	before := v.dead.dug.Load()
	var own cell
	c, err := v.cell(ctx, subject, place, false, &own)
	if err != nil {
		return nil, v.lost(ctx, err)
	}
	plain, ok := c.open(sealed)
	c.done()
	if v.dead.has(c.entry.kid, before) { // shredded while we were at it
		return nil, ErrShredded
	}
	if !ok {
		return nil, v.whyDamaged(ctx, c, sealed)
	}
	return plain, nil
}

// whyDamaged tells a value of an earlier, destroyed key from a damaged one.
func (v *Vault) whyDamaged(ctx context.Context, c *cell, sealed []byte) error {
	if [nonceAt]byte(sealed) == c.domain.head {
		return ErrDamaged
	}
	if _, back, err := v.tombstone(ctx, c.entry.subject, c.entry.compartment); err == nil && back {
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
