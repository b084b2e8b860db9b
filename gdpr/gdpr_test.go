package gdpr_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
)

const canary = "canary-7f3a"

// Neither a secret nor a personal value comes out of any way of formatting.
func TestNothingPrintsASecret(t *testing.T) {
	personal := gdpr.Personal("name", "subject-1", canary)
	for _, v := range []any{gdpr.NewSecret([]byte(canary)), personal.Value.Any()} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T|%v", "%10.3v"} {
			if strings.Contains(verb, "%T") {
				require.NotContains(t, fmt.Sprintf(verb, v, v), canary)
				continue
			}
			require.NotContains(t, fmt.Sprintf(verb, v), canary)
			require.NotContains(t, fmt.Sprintf(verb, &v), canary)
			for _, in := range []any{struct{ V any }{v}, struct{ v any }{v}, []any{v}, map[string]any{"v": v}, &struct{ v any }{v}} {
				out := fmt.Sprintf(verb, in)
				require.NotContains(t, out, canary)
				require.NotContains(t, out, fmt.Sprint([]byte(canary))[1:8])
				require.NotContains(t, strings.ToLower(out), fmt.Sprintf("%x", canary))
			}
		}
		require.NotContains(t, fmt.Sprint(v), canary)
		require.NotContains(t, fmt.Sprintf("%x", v), fmt.Sprintf("%x", canary))
		j, err := json.Marshal(map[string]any{"v": v})
		require.NoError(t, err)
		require.JSONEq(t, `{"v":"[redacted]"}`, string(j))
		var buf bytes.Buffer
		slog.New(slog.NewJSONHandler(&buf, nil)).Info("m", "v", v)
		slog.New(slog.NewTextHandler(&buf, nil)).Info("m", "v", v)
		require.NotContains(t, buf.String(), canary)
	}
	require.Nil(t, gdpr.Secret{}.Reveal())
	require.Empty(t, gdpr.PersonalValue{}.Reveal()+gdpr.PersonalValue{}.Subject())
	p := personal.Value.Any().(gdpr.PersonalValue)
	require.Equal(t, canary, p.Reveal())
	require.Equal(t, "subject-1", p.Subject())
}

func TestASecretIsACopy(t *testing.T) {
	in := []byte("key")
	s := gdpr.NewSecret(in)
	in[0] = 'x'
	require.Equal(t, "key", string(s.Reveal()))
	require.Equal(t, 3, s.Len())
	text, err := s.MarshalText()
	require.NoError(t, err)
	require.Equal(t, "[redacted]", string(text))
}

func TestClearValuesArePlain(t *testing.T) {
	a := gdpr.Clear("code", "erased")
	require.Equal(t, gdpr.ClearValue("erased"), a.Value.Any())
}

func TestInvalidNamesFieldAndRule(t *testing.T) {
	err := fmt.Errorf("wrapped: %w", gdpr.Invalid("Act.Purpose", "has %d bytes", 9))
	require.ErrorIs(t, err, gdpr.ErrInvalid)
	var inv *gdpr.InvalidError
	require.True(t, errors.As(err, &inv))
	require.Equal(t, "gdpr: Act.Purpose: has 9 bytes", inv.Error())
}

func TestCheckSubject(t *testing.T) {
	for s, ok := range map[string][2]bool{ // strict, loose
		"c-4711": {true, true}, "客戶7": {true, true}, strings.Repeat("x", 191): {true, true},
		"ann@example.org": {false, true}, "Ann Onymous": {false, true}, "a\u00a0b": {false, true},
		"": {}, "a\tb": {}, "a\x00": {}, "a\xff": {}, strings.Repeat("x", 192): {}, "\u0085": {},
	} {
		for i, loose := range []bool{false, true} {
			err := gdpr.CheckSubject("Act.Subject", s, loose)
			require.Equal(t, ok[i], err == nil, "%q loose=%v", s, loose)
			if err != nil {
				require.ErrorIs(t, err, gdpr.ErrInvalid)
				require.Contains(t, err.Error(), "Act.Subject")
				require.True(t, len(s) < 3 || !strings.Contains(err.Error(), s), "the error repeats the key")
			}
		}
	}
}

func TestControllerCheck(t *testing.T) {
	good := gdpr.Controller{Name: "Acme BV", Contact: "privacy@acme.example", Country: "NL", TimeZone: "Europe/Amsterdam", YearEnd: "02-29"}
	require.NoError(t, good.Check())
	m, d, err := good.FinancialYearEnd()
	require.NoError(t, err)
	require.Equal(t, "February 29", fmt.Sprint(m, " ", d))
	good.YearEnd = ""
	m, d, err = good.FinancialYearEnd()
	require.NoError(t, err)
	require.Equal(t, "December 31", fmt.Sprint(m, " ", d))
	for field, spoil := range map[string]func(c *gdpr.Controller){
		"Controller.Name":     func(c *gdpr.Controller) { c.Name = "" },
		"Controller.Contact":  func(c *gdpr.Controller) { c.Contact = "" },
		"Controller.Country":  func(c *gdpr.Controller) { c.Country = "nl" },
		"Controller.Role":     func(c *gdpr.Controller) { c.Role = "owner" },
		"Controller.TimeZone": func(c *gdpr.Controller) { c.TimeZone = "" },
		"Controller.YearEnd":  func(c *gdpr.Controller) { c.YearEnd = "02-30" },
	} {
		c := good
		spoil(&c)
		err := c.Check()
		require.ErrorIs(t, err, gdpr.ErrInvalid)
		require.Contains(t, err.Error(), field)
	}
	for _, zone := range []string{"Europe/Nowhere", "Local"} { // "Local" is whatever the process runs in
		c := good
		c.TimeZone = zone
		require.ErrorIs(t, c.Check(), gdpr.ErrInvalid)
	}
}
