package shape

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The numbers are made up; only their check digits are right.
func TestOf(t *testing.T) {
	for in, want := range map[string]string{
		"ann@example.org": "e-mail", "NL91 ABNA 0417 1643 00": "IBAN", "111222333": "BSN", "123456782": "BSN",
		"123456789": "", "85.07.30-033.28": "rijksregisternummer", "85073003329": "", "+31 6 12345678": "phone",
		"(0475) 12 34 56": "phone", "10.0.0.1": "IP address", "": "", "hello": "", "12345": "",
	} {
		require.Equal(t, want, Of(in), in)
	}
}

func TestByName(t *testing.T) {
	for in, want := range map[string]string{
		"FirstName": "name", "email_address": "e-mail", "phone_mobile": "phone", "CustomerId": "", "BillingPostalCode": "address",
		"Total": "", "last_ip": "online identifier", "user_agent": "online identifier", "notes": "free text", "shipment": "", "birthdate": "birth date",
	} {
		require.Equal(t, want, ByName(in), in)
	}
	require.Equal(t, "A9", SensitiveByName("member_religion"))
	require.Equal(t, "A87", SensitiveByName("BSN"))
	require.Empty(t, SensitiveByName("region"))
}

func TestNormal(t *testing.T) {
	require.Equal(t, Phone("+31 (0)6 123 456 78"), Phone("06-12345678"))
	require.Equal(t, Name("François  TREMBLAY-Rey"), Name("francois tremblay rey"))
	require.Equal(t, "a@b.nl", Email(" A@B.nl "))
	require.Empty(t, Phone("12345"))
}

func TestSample(t *testing.T) {
	var s Sample
	for range 30 {
		s.Add("x")
	}
	s.Add("a@b.nl")
	require.Empty(t, s.Shape())
	s.Add("c@d.nl")
	require.Equal(t, "e-mail", s.Shape())
	s.Add("")
	require.Equal(t, 32, s.N)
}
