package dsar

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gdprkit/gdprkit/internal/frame"
)

func TestStringsAreJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		var got string
		require.NoError(t, json.Unmarshal(appendString(nil, s), &got))
		require.Equal(t, s, got)
	})
	var got string
	require.NoError(t, json.Unmarshal(appendString(nil, "a\xffb\x00\u2028"), &got))
	require.Equal(t, "a\uFFFDb\x00\u2028", got)
}

func TestValues(t *testing.T) {
	at := time.Date(2026, 3, 2, 1, 2, 3, 4000, time.FixedZone("", 3600))
	for want, v := range map[string]any{
		`null`: nil, `true`: true, `-7`: int64(-7), `0.5`: 0.5, `"NaN"`: nan(), `"AQI="`: []byte{1, 2}, `"2026-03-02T00:02:03.000004Z"`: at,
		`{"a":[1,null]}`: json.RawMessage(`{ "a": [1, null] }`),
	} {
		b, err := appendValue(nil, v, FormatPlain)
		require.NoError(t, err)
		require.Equal(t, want, string(b))
	}
	b, err := appendValue(nil, at, FormatDate)
	require.NoError(t, err)
	require.Equal(t, `"2026-03-02"`, string(b))
	for _, v := range []any{int(1), struct{}{}, json.RawMessage(`{`), []string{"a"}} {
		_, err := appendValue(nil, v, FormatPlain)
		require.ErrorIs(t, err, errContract)
	}
}

func nan() float64 { var z float64; return z / z }

func TestCellsAreCSVAndNoFormulas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[=+@\-\t ,"a-z\n;]{0,12}`).Draw(t, "s")
		b, err := appendCell(nil, s, FormatPlain)
		require.NoError(t, err)
		line := string(b) + ",x\r\n"
		rec, err := csv.NewReader(strings.NewReader(line)).Read()
		require.NoError(t, err)
		require.Equal(t, s, strings.TrimPrefix(rec[0], "'"))
		require.False(t, formula(rec[0]), "a spreadsheet would run %q", rec[0])
	})
	for _, s := range []string{"=1+1", "+1", "-1", "@x", "\t=1", " =1", "＝1", "＋1"} {
		b, _ := appendCell(nil, s, FormatPlain)
		require.True(t, strings.HasPrefix(string(b), `"'`), "%q", s)
	}
}

func TestFileNamesAreMadeHere(t *testing.T) {
	require.Equal(t, "csv/001-etc-passwd.csv", fileName(1, "../../etc/passwd"))
	require.Equal(t, "csv/012-con.csv", fileName(12, "CON"))
	require.Len(t, fileName(1, strings.Repeat("a", 99)), len("csv/001-.csv")+40)
}

func FuzzJournalRecord(f *testing.F) {
	f.Add([]byte(journalFirst + strings.Repeat("x", 200)))
	f.Add([]byte(journalMagic + "\x01" + strings.Repeat("x", 40) + "\x00\x00\x00\x01i" + strings.Repeat("x", 64) + "\x00\x00\x00\x01g\x00\x00\x00\x02{}"))
	f.Add([]byte(journalMagic + "\x02" + strings.Repeat("x", 40) + "\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, ours, err := parseJournal(b)
		if err == nil && ours {
			require.Len(t, e.subject, 32)
		}
	})
}

// The first version of a record stays readable.
func TestJournalRecordOfVersion1(t *testing.T) {
	b := append([]byte(journalFirst), make([]byte, 8)...)
	b = append(b, bytes.Repeat([]byte{7}, 32)...)
	b = append(b, make([]byte, 64)...)
	e, ours, err := parseJournal(frame.Append(b, "A17-1-b", `{"categories":["note"]}`, strings.Repeat("i", 32)))
	require.NoError(t, err)
	require.True(t, ours)
	require.Equal(t, &journaled{kind: journalErased, subject: bytes.Repeat([]byte{7}, 32), ground: "A17-1-b", scope: Scope{Categories: []string{"note"}}}, e)
}

func FuzzString(f *testing.F) {
	f.Add("a\"b\\\x01")
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		require.NoError(t, json.Unmarshal(appendString(nil, s), &got))
		if utf8.ValidString(s) {
			require.Equal(t, s, got)
		}
	})
}
