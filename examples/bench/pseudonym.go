package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"path/filepath"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/pseudonym/keyring"
	"github.com/gdprkit/gdprkit/storage"
)

// pseudonymCases measures package pseudonym.
func pseudonymCases() []Case {
	return []Case{
		{Op: "pseudonym: seal 256 B", Baseline: "crypto/cipher Seal, kept key, random nonce, equal AAD", Goal: 1.3,
			Setup: func(e *Env) (ours, base func(int) error, err error) { return sealing(e, bareSeal) }},
		{Op: "pseudonym: open 256 B", Baseline: "crypto/cipher Open, kept key, equal AAD", Goal: 1.3,
			Setup: func(e *Env) (ours, base func(int) error, err error) { return opening(e, bareOpen) }},
		{Op: "pseudonym: seal 256 B against Tink", Baseline: "tink-go 2.9.0 AES256-GCM Encrypt", Goal: 0.6,
			Setup: func(e *Env) (ours, base func(int) error, err error) { return sealing(e, tinkSeal) }},
		{Op: "pseudonym: open 256 B against Tink", Baseline: "tink-go 2.9.0 AES256-GCM Decrypt", Goal: 0.6,
			Setup: func(e *Env) (ours, base func(int) error, err error) { return opening(e, tinkOpen) }},
		{Op: "pseudonym: open, key not in cache", Baseline: "key row by PK + unwrap + Open, by hand", Goal: 1.15, Setup: uncached},
		{Op: "pseudonym: blind index", Baseline: "HMAC-SHA-256, kept state", Goal: 1.3, Setup: blindIndex},
		{Op: "pseudonym: shred", Baseline: "durable single-row UPDATE", Rate: true, Wall: true, Goal: 0.2, N: 60, Setup: shred},
		{Op: "pseudonym: shred 100k fields", Baseline: "shred 1 field", Wall: true, Goal: 1.2, N: 40, Setup: shredMany},
	}
}

const (
	benchSubject = "c-1042"
	benchRecord  = "1042"
)

var benchPlace = pseudonym.Place("contacts", "email", benchRecord)

// newVault opens a vault on a tenant of its own, with a keyring.
func newVault(e *Env, o *pseudonym.Options) (*pseudonym.Vault, storage.Store, error) {
	secret, err := keyring.RawKey(make([]byte, 32))
	if err != nil {
		return nil, nil, err
	}
	ring, err := keyring.Create(filepath.Join(e.Dir, fmt.Sprintf("ring-%d", time.Now().UnixNano())), secret, nil)
	if err != nil {
		return nil, nil, err
	}
	s := e.Tenant()
	v, err := pseudonym.New(s, ring, o)
	if err != nil {
		return nil, nil, err
	}
	if err := v.Ready(ctx); err != nil {
		return nil, nil, err
	}
	go func() { // as a host does
		if err := v.Run(ctx); err != nil {
			panic(err)
		}
	}()
	return v, s, nil
}

// aadOf returns additional data as long as that of the vault's values.
func aadOf(s storage.Store) []byte {
	return make([]byte, 16+18+4+len(s.Scope())+4+len(benchSubject)+4+len(pseudonym.Ordinary)+
		4+len("contacts.email")+4+len(benchRecord))
}

func bareGCM() (cipher.AEAD, error) {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func sealing(e *Env, baseline func(plain, aad []byte) (func(int) error, error)) (ours, base func(int) error, err error) {
	v, s, err := newVault(e, nil)
	if err != nil {
		return nil, nil, err
	}
	plain := make([]byte, 256)
	if _, err := v.Seal(ctx, benchSubject, benchPlace, plain); err != nil { // makes the key
		return nil, nil, err
	}
	base, err = baseline(plain, aadOf(s))
	return func(n int) error {
		for range n {
			b, err := v.Seal(ctx, benchSubject, benchPlace, plain)
			if err != nil {
				return err
			}
			Sink = b
		}
		return nil
	}, base, err
}

func opening(e *Env, baseline func(plain, aad []byte) (func(int) error, error)) (ours, base func(int) error, err error) {
	v, s, err := newVault(e, nil)
	if err != nil {
		return nil, nil, err
	}
	plain := make([]byte, 256)
	sealed, err := v.Seal(ctx, benchSubject, benchPlace, plain)
	if err != nil {
		return nil, nil, err
	}
	base, err = baseline(plain, aadOf(s))
	return func(n int) error {
		for range n {
			b, err := v.Open(ctx, benchSubject, benchPlace, sealed)
			if err != nil {
				return err
			}
			Sink = b
		}
		return nil
	}, base, err
}

// Sink keeps results alive.
var Sink []byte

func bareSeal(plain, aad []byte) (func(int) error, error) {
	gcm, err := bareGCM()
	return func(n int) error {
		for range n {
			out := make([]byte, 12, 12+len(plain)+16)
			if _, err := rand.Read(out); err != nil {
				return err
			}
			Sink = gcm.Seal(out, out, plain, aad)
		}
		return nil
	}, err
}

func bareOpen(plain, aad []byte) (func(int) error, error) {
	gcm, err := bareGCM()
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, 12)
	sealed := gcm.Seal(nil, nonce, plain, aad)
	return func(n int) error {
		for range n {
			b, err := gcm.Open(nil, nonce, sealed, aad)
			if err != nil {
				return err
			}
			Sink = b
		}
		return nil
	}, nil
}

func tinkSeal(plain, aad []byte) (func(int) error, error) {
	a, err := newTink()
	return func(n int) error {
		for range n {
			b, err := a.Encrypt(plain, aad)
			if err != nil {
				return err
			}
			Sink = b
		}
		return nil
	}, err
}

func tinkOpen(plain, aad []byte) (func(int) error, error) {
	a, err := newTink()
	if err != nil {
		return nil, err
	}
	sealed, err := a.Encrypt(plain, aad)
	return func(n int) error {
		for range n {
			b, err := a.Decrypt(sealed, aad)
			if err != nil {
				return err
			}
			Sink = b
		}
		return nil
	}, err
}

// uncached opens values of more subjects than the cache holds.
func uncached(e *Env) (ours, base func(int) error, err error) {
	v, s, err := newVault(e, &pseudonym.Options{CacheSize: 32})
	if err != nil {
		return nil, nil, err
	}
	const subjects = 4000
	plain := make([]byte, 256)
	names, sealed := make([]string, subjects), make([][]byte, subjects)
	err = s.InTx(ctx, func(ctx0 context.Context) error {
		for i := range names {
			names[i] = fmt.Sprintf("c-%06d", i)
			if sealed[i], err = v.Seal(ctx0, names[i], benchPlace, plain); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	at := 0
	ours = func(n int) error {
		for range n {
			at = (at + 1) % subjects
			b, err := v.Open(ctx, names[at], benchPlace, sealed[at])
			if err != nil {
				return err
			}
			Sink = b
		}
		return nil
	}
	base, err = byHand(e, s, names, plain)
	return ours, base, err
}

// byHand reads the same rows with a prepared statement and unwraps keys of its own.
func byHand(e *Env, s storage.Store, names []string, plain []byte) (func(int) error, error) {
	q := "SELECT kid, epoch, state, wrapped FROM gdpr_key WHERE tenant = ? AND subject = ? AND compartment = ?"
	if e.Engine == "postgres" {
		q = "SELECT kid, epoch, state, wrapped FROM gdpr_key WHERE tenant = $1 AND subject = $2 AND compartment = $3"
	}
	stmt, err := e.SQL.Prepare(q)
	if err != nil {
		return nil, err
	}
	kek, err := bareGCM()
	if err != nil {
		return nil, err
	}
	nonce, aad := make([]byte, 12), aadOf(s)
	wrapped := kek.Seal(nil, nonce, make([]byte, 32), aad)
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	sealed := gcm.Seal(nil, nonce, plain, aad)
	at := 0
	return func(n int) error {
		for range n {
			at = (at + 1) % len(names)
			var kid, stored []byte
			var epoch, state int
			if err := stmt.QueryRowContext(ctx, s.Scope(), names[at], pseudonym.Ordinary).Scan(&kid, &epoch, &state, &stored); err != nil {
				return err
			}
			key, err := kek.Open(nil, nonce, wrapped, aad)
			if err != nil {
				return err
			}
			block, err := aes.NewCipher(key)
			if err != nil {
				return err
			}
			gcm, err := cipher.NewGCM(block)
			if err != nil {
				return err
			}
			if Sink, err = gcm.Open(nil, nonce, sealed, aad); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

func blindIndex(e *Env) (ours, base func(int) error, err error) {
	v, _, err := newVault(e, nil)
	if err != nil {
		return nil, nil, err
	}
	const address = "ada.lovelace@example.org"
	dst := make([]byte, 0, pseudonym.IndexSize)
	if _, err := v.Index(ctx, "email", address); err != nil { // makes the root
		return nil, nil, err
	}
	ours = func(n int) error {
		for range n {
			b, err := v.AppendIndex(ctx, dst[:0], "email", address)
			if err != nil {
				return err
			}
			Sink = b
		}
		return nil
	}
	h, in, out := hmac.New(sha256.New, make([]byte, 32)), []byte(address), make([]byte, 0, 32)
	return ours, func(n int) error {
		for range n {
			h.Reset()
			h.Write(in)
			Sink = h.Sum(out[:0])
		}
		return nil
	}, nil
}

// prepare seals fields for n new subjects, outside of what is measured.
func prepare(v *pseudonym.Vault, s storage.Store, prefix string, n int) ([]string, error) {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%s-%d-%d", prefix, time.Now().UnixNano(), i)
	}
	return names, s.InTx(ctx, func(ctx0 context.Context) error {
		for _, name := range names {
			if _, err := v.Seal(ctx0, name, benchPlace, []byte("x")); err != nil {
				return err
			}
		}
		return nil
	})
}

func shredder(v *pseudonym.Vault, names []string) func(int) error {
	at := 0
	return func(n int) error {
		for range n {
			if at == len(names) {
				return fmt.Errorf("only %d subjects were prepared", len(names))
			}
			if err := v.Shred(ctx, names[at]); err != nil {
				return err
			}
			at++
		}
		return nil
	}
}

func shred(e *Env) (ours, base func(int) error, err error) {
	v, s, err := newVault(e, nil)
	if err != nil {
		return nil, nil, err
	}
	names, err := prepare(v, s, "c", 60*(rounds+2))
	if err != nil {
		return nil, nil, err
	}
	base, err = durableUpdate(e)
	return shredder(v, names), base, err
}

// durableUpdate changes one row in a transaction of its own.
func durableUpdate(e *Env) (func(int) error, error) {
	if _, err := e.SQL.Exec("CREATE TABLE IF NOT EXISTS bench_pseudonym_row (id INTEGER PRIMARY KEY, n INTEGER)"); err != nil {
		return nil, err
	}
	var id int
	if err := e.SQL.QueryRow("SELECT id FROM bench_pseudonym_row WHERE id = 1").Scan(&id); err == sql.ErrNoRows {
		if _, err := e.SQL.Exec("INSERT INTO bench_pseudonym_row VALUES (1, 0)"); err != nil {
			return nil, err
		}
	}
	stmt, err := e.SQL.Prepare("UPDATE bench_pseudonym_row SET n = n + 1 WHERE id = 1")
	return func(n int) error {
		for range n {
			if _, err := stmt.Exec(); err != nil {
				return err
			}
		}
		return nil
	}, err
}

// shredMany compares subjects with many sealed values, kept by the host, with
// subjects that have one.
func shredMany(e *Env) (ours, base func(int) error, err error) {
	v, s, err := newVault(e, nil)
	if err != nil {
		return nil, nil, err
	}
	many, err := prepare(v, s, "many", 40*(rounds+2))
	if err != nil {
		return nil, nil, err
	}
	fields := e.Rows(100_000)
	for i := range fields * len(many) / 1000 { // a sample: each value is a call of Seal that writes nothing
		if _, err := v.Seal(ctx, many[i%len(many)], benchPlace, []byte("x")); err != nil {
			return nil, nil, err
		}
	}
	one, err := prepare(v, s, "one", 40*(rounds+2))
	return shredder(v, many), shredder(v, one), err
}

// newTink makes the primitive as tink's documentation does.
func newTink() (tink.AEAD, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, err
	}
	return aead.New(handle)
}
