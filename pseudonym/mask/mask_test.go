package mask_test

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/pseudonym/mask"
)

func TestMasks(t *testing.T) {
	postcode := func(s string) (string, error) { return mask.Postcode(s, 4) }
	for _, c := range []struct {
		name     string
		f        func(string) (string, error)
		in, want string // want "": refused
	}{
		{"year of a date", mask.Year, "1984-02-29", "1984"},
		{"year of a time", mask.Year, "2026-11-21T18:00:00+01:00", "2026"},
		{"no date", mask.Year, "29-02-1984", ""},
		{"no such date", mask.Year, "1983-02-29", ""},
		{"Dutch postcode", postcode, "1012 ab", "1012"},
		{"British postcode", postcode, "SW1A 2AA", "SW1A"},
		{"short postcode", postcode, "1012", ""},
		{"odd postcode", postcode, "1012_AB", ""},
		{"IPv4", mask.IP, "192.0.2.77", "192.0.2.0"},
		{"IPv6", mask.IP, "2001:db8:1:2:3:4:5:6", "2001:db8:1::"},
		{"mapped", mask.IP, "::ffff:192.0.2.77", "192.0.2.0"},
		{"zone", mask.IP, "fe80::1%eth0", "fe80::"},
		{"no address", mask.IP, "192.0.2", ""},
		{"constant", mask.Constant("erased"), "Ada", "erased"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.f(c.in)
			if c.want == "" {
				require.ErrorIs(t, err, gdpr.ErrInvalid)
				require.NotContains(t, err.Error(), c.in)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
	require.Equal(t, "1984-01-01", mask.StartOfYear(time.Date(1984, 5, 6, 7, 8, 9, 0, time.UTC)).Format(time.DateOnly))
}

func TestUnique(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		s, err := mask.Unique("x-", 14)
		require.NoError(t, err)
		require.Len(t, s, 14)
		require.False(t, seen[s])
		seen[s] = true
	}
	s, err := mask.UniqueEmail(30)
	require.NoError(t, err)
	require.LessOrEqual(t, len(s), 30)
	require.True(t, strings.HasSuffix(s, ".invalid"))
	_, err = mask.Unique("x-", 13)
	require.ErrorIs(t, err, gdpr.ErrInvalid)
	_, err = mask.UniqueEmail(20)
	require.ErrorIs(t, err, gdpr.ErrInvalid)
}

func list(records ...[]string) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func TestGroups(t *testing.T) {
	r, err := mask.Groups(list([]string{"1984", "1012"}, []string{"1984", "1012"}, []string{"1985", "1012"}), 2)
	require.NoError(t, err)
	require.Equal(t, mask.GroupReport{K: 1, Records: 3, Groups: 2, Single: 1, Below: 1, Wanted: 2, Columns: 2}, r)
	// "a","bc" and "ab","c" are different records.
	r, err = mask.Groups(list([]string{"a", "bc"}, []string{"ab", "c"}), 2)
	require.NoError(t, err)
	require.Equal(t, 2, r.Groups)
	_, err = mask.Groups(list([]string{"a"}, []string{"a", "b"}), 2)
	require.ErrorIs(t, err, gdpr.ErrInvalid)
	_, err = mask.Groups(list(), 1)
	require.ErrorIs(t, err, gdpr.ErrInvalid)
	boom := errors.New("boom")
	_, err = mask.Groups(func(yield func([]string, error) bool) { yield(nil, boom) }, 2)
	require.ErrorIs(t, err, boom)
}

func ExampleGroups() {
	people := list([]string{"1984", "1012"}, []string{"1984", "1012"}, []string{"1984", "1013"})
	r, _ := mask.Groups(people, 2)
	fmt.Printf("k=%d, %d of %d records stand alone\n", r.K, r.Single, r.Records)
	// Output: k=1, 1 of 3 records stand alone
}
