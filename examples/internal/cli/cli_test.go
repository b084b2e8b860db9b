package cli

import (
	"bytes"
	"errors"
	"flag"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	var out bytes.Buffer
	f := flag.NewFlagSet("x", flag.ContinueOnError)
	n := f.Int("n", 0, "a number")
	require.NoError(t, Parse(f, []string{"-n", "3"}, &out))
	require.Equal(t, 3, *n)
	require.EqualError(t, Parse(f, []string{"-m"}, &out), "flag provided but not defined: -m; see -help")
	require.Empty(t, out.String())
	require.ErrorIs(t, Parse(f, []string{"-help"}, &out), flag.ErrHelp)
	require.Contains(t, out.String(), "a number")
}

func TestLine(t *testing.T) {
	require.Equal(t, "a; b", Line(errors.New("a\n\tb\n")))
	require.Equal(t, "1; 2; 3; and 2 more", Line(errors.New("1\n2\n3\n4\n5")))
}
