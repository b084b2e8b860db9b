package keyring_test

import (
	"bytes"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/pseudonym/keyring"
)

// A message says what is wrong with the file and how to mend it.
func TestMessagesSayHowToMend(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes and links differ")
	}
	phrase, err := keyring.Passphrase("correct horse battery")
	require.NoError(t, err)
	wrong, err := keyring.Passphrase("correct horse batterie")
	require.NoError(t, err)
	_, path := create(t, phrase, nil)
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	changed := func(from, to string) func() {
		return func() {
			require.NoError(t, os.WriteFile(path, bytes.Replace(file, []byte(from), []byte(to), 1), 0o600))
		}
	}
	for _, c := range []struct {
		name    string
		prepare func()
		path    string
		secret  keyring.Secret
		says    []string
	}{
		{"WrongPassphrase", func() {}, path, wrong, []string{"secret", "last changed to", "intact copy"}},
		{"KeyForPassphrase", func() {}, path, raw(t, 1), []string{"made with a passphrase"}},
		{"LooseMode", func() { require.NoError(t, os.Chmod(path, 0o644)) }, path, phrase, []string{"mode", "chmod 600"}},
		{"Link", func() { require.NoError(t, os.Symlink(path, path+"-link")) }, path + "-link", phrase, []string{"symbolic link", "file itself"}},
		{"AbsurdMemory", changed(`"memoryKiB":65536`, `"memoryKiB":99999999`), path, phrase, []string{"Argon2id cost", "1048576 KiB", "intact copy"}},
		{"AbsurdTime", changed(`"time":3`, `"time":3000`), path, phrase, []string{"Argon2id cost", "t 1–16", "intact copy"}},
		{"UnknownVersion", changed("keyring/v1", "keyring/v9"), path, phrase, []string{"version", "newer release"}},
		{"Missing", func() {}, path + "-missing", phrase, []string{"no such file", "Create"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(path, file, 0o600))
			require.NoError(t, os.Chmod(path, 0o600))
			c.prepare()
			_, err := keyring.Open(c.path, c.secret, nil)
			t.Log(err)
			for _, word := range c.says {
				require.ErrorContains(t, err, word)
			}
		})
	}
}
