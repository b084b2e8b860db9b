package segment

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

var key = bytes.Repeat([]byte{7}, 32)

func encrypted(t testing.TB, plain, additional []byte) []byte {
	r, err := Encrypt(bytes.NewReader(plain), key, additional)
	require.NoError(t, err)
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	return b
}

func TestRoundTrip(t *testing.T) {
	first := Size - headerSize - tagSize
	for _, n := range []int{0, 1, first - 1, first, first + 1, first + Size - tagSize, first + Size - tagSize + 1, 300_000} {
		plain := bytes.Repeat([]byte("x"), n)
		b := encrypted(t, plain, []byte("ad"))
		got, err := io.ReadAll(Decrypt(iotest.OneByteReader(bytes.NewReader(b)), key, []byte("ad")))
		require.NoError(t, err)
		require.Equal(t, n, len(got))
		require.True(t, bytes.Equal(plain, got))
		_, err = io.ReadAll(Decrypt(bytes.NewReader(b), key, []byte("da")))
		require.ErrorIs(t, err, ErrDamaged)
	}
}

func TestCutAnywhere(t *testing.T) {
	plain := bytes.Repeat([]byte("abcdefgh"), 20_000)
	b := encrypted(t, plain, nil)
	for n := 0; n < len(b); n += 997 {
		got, err := io.ReadAll(Decrypt(bytes.NewReader(b[:n]), key, nil))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.True(t, bytes.HasPrefix(plain, got))
	}
	for _, n := range []int{Size, 2 * Size} { // at the end of a segment
		_, err := io.ReadAll(Decrypt(bytes.NewReader(b[:n]), key, nil))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	}
}

func TestSwappedSegments(t *testing.T) {
	b := encrypted(t, bytes.Repeat([]byte("x"), 4*Size), nil)
	s := bytes.Clone(b)
	copy(s[Size:], b[2*Size:3*Size])
	copy(s[2*Size:], b[Size:2*Size])
	got, err := io.ReadAll(Decrypt(bytes.NewReader(s), key, nil))
	require.ErrorIs(t, err, ErrDamaged)
	require.Len(t, got, Size-headerSize-tagSize, "only what authenticated was released")
}

func TestReaderFails(t *testing.T) {
	boom := errors.New("boom")
	r, err := Encrypt(iotest.ErrReader(boom), key, nil)
	require.NoError(t, err)
	_, err = io.ReadAll(r)
	require.ErrorIs(t, err, boom)
	_, err = io.ReadAll(Decrypt(iotest.ErrReader(boom), key, nil))
	require.ErrorIs(t, err, boom)
}

// A source that ends before its time, as the body of a request does whose client went
// away, must not be taken for one that has ended: half a file would be sealed as a whole.
func TestSourceThatWasCut(t *testing.T) {
	for _, size := range []int{0, 1, Size - headerSize - tagSize - 1, Size - headerSize - tagSize, Size, 3 * Size} {
		plain := io.MultiReader(bytes.NewReader(make([]byte, size)), iotest.ErrReader(io.ErrUnexpectedEOF))
		r, err := Encrypt(plain, make([]byte, 32), nil)
		require.NoError(t, err)
		_, err = io.ReadAll(r)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%d bytes", size)
	}
}

func FuzzDecrypt(f *testing.F) {
	good := encrypted(f, bytes.Repeat([]byte("hello "), 12_000), nil)
	f.Add(uint(0), byte(1), uint(0), []byte(nil))
	f.Add(uint(70_000), byte(128), uint(5), []byte("x"))
	f.Fuzz(func(t *testing.T, at uint, x byte, cut uint, tail []byte) {
		b := bytes.Clone(good)
		b[at%uint(len(b))] ^= x
		b = append(b[:uint(len(b))-cut%uint(len(b))], tail...)
		_, err := io.ReadAll(Decrypt(bytes.NewReader(b), key, nil))
		if (err == nil) != bytes.Equal(b, good) {
			t.Fatal("opened a forged stream, or not a good one")
		}
	})
}
