package consent_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// recording is a purpose for which the caller is asked by word of mouth.
var recording = consent.Purpose{
	ID: "recording", Version: 1, Basis: consent.Consent, Channels: []string{"phone"},
	Texts: []consent.Text{{
		Language: "en", Statement: "May I record this call to train colleagues?",
		Notice: consent.Notice{
			Controller: "Acme BV, Amsterdam", Purpose: "training of colleagues", Data: "voice, what is said",
			Withdrawal: "at any time during the call", Transfers: "none", Automated: "none",
		},
	}},
}

// A call is the host's own entry in the audit log; whether it may be recorded is the
// ledger's to say, during the whole call.
func Example_callLog() {
	store := memstore.New(nil).Tenant("acme")
	calls, err := audit.New(store, nil)
	if err != nil {
		panic(err)
	}
	ledger, err := openOn(store, calls, recording)
	if err != nil {
		panic(err)
	}
	may := func() bool {
		return ledger.Gate(ctx, consent.Query{Subject: "c-1042", Purpose: "recording", Channel: "phone"}) == nil
	}
	fmt.Println("record before asking:", may())
	_, err = ledger.Give(ctx, consent.Act{
		Subject: "c-1042", Purpose: "recording", Channel: "phone", At: monday,
		Evidence: &consent.Evidence{Method: consent.Verbal, Form: "script-3"},
	})
	fmt.Println("record after yes:", may(), err)
	_, err = ledger.Withdraw(ctx, consent.Act{Subject: "c-1042", Purpose: "recording", At: monday.Add(time.Minute)})
	fmt.Println("record after no:", may(), err)

	err = calls.Record(ctx, "crm.call", "c-1042", gdpr.Clear("start", monday.Format(time.RFC3339)), slog.Duration("duration", 260*time.Second))
	fmt.Println("logged:", err)
	for e, err := range calls.Entries(ctx, audit.Filter{Subject: "c-1042"}) {
		if err == nil && e.Action == "crm.call" {
			fmt.Println(e.Action, e.Attrs)
		}
	}
	// Output:
	// record before asking: false
	// record after yes: true <nil>
	// record after no: false <nil>
	// logged: <nil>
	// crm.call [start=2026-11-02T09:00:00Z duration=4m20s]
}

func TestS28CallsStandInTheReportOfThePerson(t *testing.T) {
	calls, err := audit.New(memstore.New(nil).Tenant("acme"), nil)
	require.NoError(t, err)
	for _, subject := range []string{"c-1", "c-2"} {
		require.NoError(t, calls.Record(ctx, "crm.call", subject, gdpr.Clear("start", "2026-11-02T09:00:00Z"), slog.Duration("duration", 260*time.Second)))
	}
	var found []string
	for doc, err := range calls.Export(ctx, "c-1") {
		require.NoError(t, err)
		require.True(t, json.Valid(doc))
		found = append(found, string(doc))
	}
	require.Len(t, found, 1, "only the person's own")
	require.Contains(t, found[0], "crm.call")
	require.Contains(t, found[0], "2026-11-02T09:00:00Z")
	require.Contains(t, found[0], "duration")
}
