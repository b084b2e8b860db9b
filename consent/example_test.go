package consent_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/consent"
	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

var ctx = context.Background()

// monday is when the examples take place.
var monday = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

// newsletter is a purpose with everything that a valid consent needs.
var newsletter = consent.Purpose{
	ID: "news", Version: 1, Basis: consent.Consent, Marketing: true, Channels: []string{"email"}, Validity: "P24M",
	Texts: []consent.Text{{
		Language: "en", Statement: "Send me the monthly news by e-mail.",
		Notice: consent.Notice{
			Controller: "Acme BV, Amsterdam", Purpose: "monthly news about our products", Data: "e-mail address, name",
			Withdrawal: "at any time by the link in each mail", Transfers: "none", Automated: "none",
		},
	}},
}

func open(purposes ...consent.Purpose) *consent.Ledger {
	ledger, err := openOn(memstore.New(nil).Tenant("acme"), nil, purposes...)
	if err != nil {
		panic(err)
	}
	return ledger
}

func openOn(store storage.Store, log consent.Auditor, purposes ...consent.Purpose) (*consent.Ledger, error) {
	catalogue, err := consent.NewCatalogue(purposes...)
	if err != nil {
		return nil, err
	}
	return consent.New(store, catalogue, &consent.Options{
		Auditor: log, Secret: gdpr.NewSecret([]byte("32 random bytes from a safe place")),
		Controller: &gdpr.Controller{Name: "Acme BV", Contact: "privacy@acme.example", Country: "NL", TimeZone: "Europe/Amsterdam"},
		Now:        func() time.Time { return monday.Add(time.Hour) },
	})
}

func Example() {
	ledger := open(newsletter)
	query := consent.Query{Subject: "c-1042", Purpose: "news", Channel: "email"}
	fmt.Println(ledger.Gate(ctx, query))

	_, err := ledger.Give(ctx, consent.Act{
		Subject: "c-1042", Purpose: "news", Channel: "email", At: monday,
		Evidence: &consent.Evidence{Method: consent.Checkbox, Form: "signup-7"},
	})
	fmt.Println(err, ledger.Gate(ctx, query))

	_, err = ledger.Withdraw(ctx, consent.Act{Subject: "c-1042", Purpose: "news", At: monday.Add(time.Minute)})
	fmt.Println(err, ledger.Gate(ctx, query))
	// Output:
	// consent: denied for purpose news: no_consent
	// <nil> <nil>
	// <nil> consent: denied for purpose news: withdrawn
}

func ExampleLedger_Check() {
	ledger := open(newsletter)
	_, _ = ledger.Give(ctx, consent.Act{
		Subject: "c-1042", Purpose: "news", Channel: "email", At: monday, Evidence: &consent.Evidence{Method: consent.Checkbox},
	})
	_, _ = ledger.Withdraw(ctx, consent.Act{Subject: "c-1042", Purpose: "news", At: monday.Add(10 * time.Minute)})

	for _, at := range []time.Time{{}, monday.Add(5 * time.Minute)} { // now, and back then
		d, err := ledger.Check(ctx, consent.Query{Subject: "c-1042", Purpose: "news", Channel: "email", At: at})
		fmt.Println(d.Allowed, d.Reason.Text(), err)
	}
	// Output:
	// false The person withdrew the consent (GDPR art. 7(3)). <nil>
	// true The person gave consent and it stands (GDPR art. 6(1)(a)). <nil>
}

func ExampleLedger_Request() {
	p := newsletter
	p.DoubleOptIn = true
	ledger := open(p)
	pending, err := ledger.Request(ctx, consent.Act{
		Subject: "c-1042", Purpose: "news", Channel: "email", At: monday,
		Evidence: &consent.Evidence{Method: consent.Checkbox, Form: "signup-7"},
	})
	fmt.Println(pending.Token, err) // for the mail only; printing it shows nothing

	link := string(pending.Token.Reveal())
	purpose, _, _ := ledger.Peek(ctx, link) // the GET of the page, or of a mail scanner
	fmt.Println(purpose, ledger.Gate(ctx, consent.Query{Subject: "c-1042", Purpose: "news", Channel: "email"}))
	first, _ := ledger.Confirm(ctx, link, nil) // the POST of the button
	again, _ := ledger.Confirm(ctx, link, nil)
	fmt.Println(first.Event, first.ID == again.ID)
	// Output:
	// [redacted] <nil>
	// news consent: denied for purpose news: requested
	// given true
}

func ExampleOneClick() {
	ledger := open(newsletter)
	_, _ = ledger.Give(ctx, consent.Act{
		Subject: "c-1042", Purpose: "news", Channel: "email", At: monday, Evidence: &consent.Evidence{Method: consent.Checkbox},
	})
	endpoint := func(w http.ResponseWriter, r *http.Request) {
		switch consent.OneClick(r) {
		case consent.ShowPage:
			fmt.Fprint(w, "a page with a button")
		case consent.DoUnsubscribe:
			if err := ledger.Unsubscribe(r.Context(), strings.TrimPrefix(r.URL.Path, "/u/")); errors.Is(err, consent.ErrToken) {
				http.Error(w, err.Error(), http.StatusNotFound)
			}
		case consent.WrongMethod:
			w.WriteHeader(http.StatusMethodNotAllowed)
		default:
			w.WriteHeader(http.StatusBadRequest)
		}
	}
	token, _ := ledger.WithdrawalLink(ctx, "c-1042", "news", "email")
	_, post, _ := consent.UnsubscribeHeaders("https://crm.example.com/u/"+token, "")
	fmt.Println(post)

	r := httptest.NewRequest("POST", "/u/"+token, strings.NewReader(post))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	endpoint(w, r)
	fmt.Println(w.Code, ledger.Gate(ctx, consent.Query{Subject: "c-1042", Purpose: "news", Channel: "email"}))
	// Output:
	// List-Unsubscribe=One-Click
	// 200 consent: denied for purpose news: withdrawn
}

func ExampleLedger_Filter() {
	ledger := open(newsletter)
	for _, subject := range []string{"c-1", "c-2", "c-3"} {
		_, _ = ledger.Give(ctx, consent.Act{
			Subject: subject, Purpose: "news", Channel: "email", At: monday, Evidence: &consent.Evidence{Method: consent.Button},
		})
	}
	_, _ = ledger.ObjectMarketing(ctx, consent.Act{Subject: "c-2", At: monday})
	selection, err := ledger.Filter(ctx, consent.Campaign{ID: "november", Purpose: "news", Channel: "email"}, func(subject string) error {
		fmt.Println("send to", subject)
		return nil
	})
	fmt.Println(selection.Allowed, selection.Denied, err)
	// Output:
	// send to c-1
	// send to c-3
	// 2 map[objected_marketing:1] <nil>
}

func ExampleCatalogue_Lint() {
	p := newsletter
	p.ConditionOfService = true
	catalogue, _ := consent.NewCatalogue(p)
	for _, finding := range catalogue.Lint(monday) {
		fmt.Println(finding.Code, finding.Text)
	}
	// Output:
	// C101 consent is a condition of the service, so it is hardly free (GDPR art. 7(4))
	// C206 no categories of data: minimisation cannot be checked (GDPR art. 5(1)(c))
}
