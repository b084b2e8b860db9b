package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gdprkit/gdprkit/pseudonym/keyring"
	"github.com/gdprkit/gdprkit/storage/journal"
)

// state is what must not lie in the CRM's database. A production host keeps the two
// secrets in its own store of secrets.
type state struct {
	ring    *keyring.Keyring
	journal *journal.File
	signer  ed25519.PrivateKey
	anchor  string
}

func openState(dir string) (s *state, err error) {
	s = &state{anchor: filepath.Join(dir, "anchor")}
	if err := os.MkdirAll(s.anchor, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the directory given by -state: %w", err)
	}
	raw, err := secret(filepath.Join(dir, "kek.secret"), 32)
	if err != nil {
		return nil, err
	}
	seed, err := secret(filepath.Join(dir, "signer.secret"), ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	s.signer = ed25519.NewKeyFromSeed(seed)
	key, err := keyring.RawKey(raw)
	if err != nil {
		return nil, err
	}
	ringFile, journalFile := filepath.Join(dir, "keyring"), filepath.Join(dir, "journal")
	if missing(ringFile) {
		s.ring, err = keyring.Create(ringFile, key, nil)
	} else {
		s.ring, err = keyring.Open(ringFile, key, nil)
	}
	if err != nil {
		return nil, err
	}
	if missing(journalFile) {
		s.journal, err = journal.Create(journalFile)
	} else {
		s.journal, err = journal.Open(journalFile)
	}
	return s, err
}

func missing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// secret reads a file of n random bytes, and makes it the first time.
func secret(path string, n int) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err == nil && len(b) != n {
		return nil, fmt.Errorf("%s must have %d bytes", path, n)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return b, err
	}
	b = make([]byte, n)
	rand.Read(b)
	return b, os.WriteFile(path, b, 0o600)
}
