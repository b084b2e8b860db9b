package sqltest_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/streamingaead/subtle"

	"github.com/gdprkit/gdprkit/internal/segment"
)

// Streams open what tink-go wrote, and the reverse.
func TestStreamsAgainstTink(t *testing.T) {
	key, ad := bytes.Repeat([]byte{9}, 32), []byte("contacts.file/7")
	tink, err := subtle.NewAESGCMHKDF(key, "SHA256", 32, segment.Size, 0)
	require.NoError(t, err)
	first := segment.Size - 40 - 16
	for _, n := range []int{0, 1, first - 1, first, first + 1, first + segment.Size - 16, 200_000} {
		plain := bytes.Repeat([]byte("x"), n)
		var out bytes.Buffer
		w, err := tink.NewEncryptingWriter(&out, ad)
		require.NoError(t, err)
		_, err = w.Write(plain)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		got, err := io.ReadAll(segment.Decrypt(&out, key, ad))
		require.NoError(t, err)
		require.True(t, bytes.Equal(plain, got))

		ours, err := segment.Encrypt(bytes.NewReader(plain), key, ad)
		require.NoError(t, err)
		r, err := tink.NewDecryptingReader(ours, ad)
		require.NoError(t, err)
		got, err = io.ReadAll(r)
		require.NoError(t, err)
		require.True(t, bytes.Equal(plain, got))
	}
}
