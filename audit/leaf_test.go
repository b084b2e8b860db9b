package audit

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestOtherSpellings: a leaf has one text; any other spelling is refused.
func TestOtherSpellings(t *testing.T) {
	const head = `{"v":1,"log":"00112233445566778899aabbccddeeff","id":"0198c0de-0000-7000-8000-000000000000","salt":"AAAAAAAAAAAAAAAAAAAAAA","at":1,"by":"","act":"a","sub":["AAAAAAAAAAAAAAAAAAAAAA"],"attr":[`
	var v leafView
	for _, good := range []string{
		``, `["k","s","x"]`, `["k","b",true],["l","b",false]`, `["k","n",null]`, `["k","i","-9223372036854775808"]`,
		`["k","i","18446744073709551615"]`, `["k","t","-62135596800.000000000"]`, `["k","p",0,"AA"]`, `["k","u","_w"]`,
		`["k","s","\u0000\b\"\\é"]`, `["k","f","7ff8000000000001"]`, `["k","r",""]`,
	} {
		require.True(t, v.parse([]byte(head+good+"]}")), good)
	}
	for _, bad := range []string{
		`["k","s","x"],["k","s","y"]`, `["k","s","\u00e9"]`, `["k","s","\u000a"]`, `["k","s","\/"]`, `["k","s","\u001F"]`,
		`["k","i","01"]`, `["k","i","-0"]`, `["k","i","18446744073709551616"]`, `["k","i","-9223372036854775809"]`, `["k","i",1]`,
		`["k","d","9223372036854775808"]`, `["k","t","1.5"]`, `["k","t","01.000000000"]`, `["k","b",tru]`, `["k","n",nul]`,
		`["k","p",1,"AA"]`, `["k","p",00,"AA"]`, `["k","u","AA"]`, `["k","r","AB"]`, `["k","r","A"]`, `["k","r","AA="]`,
		`["k","f","7FF8000000000001"]`, `["k","f","7ff"]`, `["k","x","y"]`, `["k","s","x"],`, ` ["k","s","x"]`, `["k","s","\xff"]`, "[\"k\",\"s\",\"\xff\"]",
	} {
		require.False(t, v.parse([]byte(head+bad+"]}")), bad)
	}
	require.False(t, v.parse([]byte(head+"]} ")))
	require.False(t, v.parse(nil))
}
