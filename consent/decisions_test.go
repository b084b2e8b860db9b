package consent

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// decisionFixture adds to the fixture what only the decision table needs.
func decisionFixture() []Purpose {
	v := func(id string, version int, edit func(*Purpose)) Purpose {
		p := Purpose{ID: id, Version: version, Basis: Consent, Texts: english}
		if version > 1 {
			p.Since = day(50)
		}
		if edit != nil {
			edit(&p)
		}
		return p
	}
	third := []Recipient{
		{ID: "swiss", Name: "S", Country: "CH"}, {ID: "dpf", Name: "D", Country: "US", Tool: "A45", Reference: "dpf-list"},
		{ID: "dpf-unlisted", Name: "U", Country: "US", Tool: "A45"}, {ID: "uk", Name: "K", Country: "GB", Tool: "A45", Reference: "uk"},
		{ID: "brazil", Name: "B", Country: "BR"}, {ID: "scc-no-ref", Name: "N", Country: "IN", Tool: "A46-2-c"},
		{ID: "norway", Name: "O", Country: "NO"}, {ID: "claims", Name: "C", Country: "IN", Tool: "A49-1-e", Reference: "case-1"},
		{ID: "risk", Name: "R", Country: "IN", Tool: "A49-1-a"},
	}
	return append(fixture(),
		v("letter", 1, nil), v("letter", 2, nil),
		v("typo", 1, nil), v("typo", 2, func(p *Purpose) { p.AcceptFrom = 1 }),
		v("swap", 1, nil), v("swap", 2, func(p *Purpose) { p.Basis, p.ForAll, p.AcceptFrom = LegitimateInterest, true, 1 }),
		v("future", 1, func(p *Purpose) { p.Since = day(5000) }),
		v("closed", 1, func(p *Purpose) { p.Closed = true }),
		v("later-child", 1, nil), v("later-child", 2, func(p *Purpose) { p.Child, p.AcceptFrom = true, 1 }),
		v("later-health", 1, nil), v("later-health", 2, func(p *Purpose) {
			p.Special, p.SpecialBasis, p.AcceptFrom = []string{"health"}, ExplicitConsent, 1
		}),
		v("scoring", 1, func(p *Purpose) { p.Automated = &Automated{AutomatedConsent, "desk", "points by age of account"} }),
		v("share", 1, func(p *Purpose) {
			p.Basis, p.ForAll, p.Recipients, p.Compatible = LegitimateInterest, true, third, []string{"order"}
		}),
		v("abroad", 1, func(p *Purpose) { p.Recipients = third[8:] }),
		v("no-optout", 1, func(p *Purpose) {
			p.Basis, p.ForAll, p.Marketing, p.Channels = LegitimateInterest, true, true, []string{"email"}
		}),
	)
}

type decisionRow struct{ group, purpose, channel, facts, query, want string }

func decisionRows(t *testing.T) (rows []decisionRow) {
	f, err := os.Open("testdata/decisions.txt")
	require.NoError(t, err)
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if strings.HasPrefix(s.Text(), "#") {
			continue
		}
		c := strings.Split(s.Text(), " | ")
		require.Len(t, c, 6)
		for i := range c {
			if c[i] == "-" {
				c[i] = ""
			}
		}
		rows = append(rows, decisionRow{c[0], c[1], c[2], c[3], c[4], c[5]})
	}
	return rows
}

func TestDecisionTable(t *testing.T) {
	rows := decisionRows(t)
	require.GreaterOrEqual(t, len(rows), 200)
	for i, r := range rows {
		t.Run(fmt.Sprintf("%03d/%s/%s", i+1, r.group, r.purpose), func(t *testing.T) {
			b := open(t, nil, decisionFixture()...)
			b.clock.t = day(200)
			for _, f := range strings.Fields(r.facts) {
				b.happen(t, &r, f)
			}
			b.clock.t = day(200)
			q := Query{Subject: "c-1", Purpose: r.purpose, Channel: r.channel}
			for _, f := range strings.Fields(r.query) {
				ask(t, &q, f)
			}
			if q.At.After(b.clock.t) {
				b.clock.t, q.At = q.At, time.Time{} // the future is asked when it comes
			}
			d, err := b.Check(ctx, q)
			if r.purpose == "unknown" {
				require.ErrorIs(t, err, ErrPurpose)
			} else {
				require.NoError(t, err)
			}
			got := "deny " + string(d.Reason)
			if d.Allowed {
				got = "allow " + string(d.Basis)
			}
			require.Equal(t, r.want, got, "%s; %s", r.facts, r.query)
			require.NotEqual(t, "Unknown reason.", d.Reason.Text())
			require.NoError(t, b.Verify(ctx, "c-1"))
		})
	}
}

// happen carries out one fact: name[=purpose[/channel]][:arg…][/version][!]@day[..day].
func (b *bench) happen(t *testing.T, r *decisionRow, fact string) {
	name, when, _ := strings.Cut(fact, "@")
	late := strings.HasPrefix(name, "late:")
	name = strings.TrimPrefix(name, "late:")
	a := Act{Subject: "c-1", Purpose: r.purpose, Channel: r.channel, Language: "en"}
	from, until, _ := strings.Cut(when, "..")
	if from != "" {
		n, err := strconv.Atoi(from)
		require.NoError(t, err)
		a.At = day(n)
		if late {
			b.clock.t = day(200)
		} else {
			b.clock.t = a.At
		}
	} else {
		a.At = b.clock.t
	}
	if until != "" {
		n, _ := strconv.Atoi(until)
		a.Until = day(n)
	}
	if rest, ok := strings.CutSuffix(name, "!"); ok {
		name, a.Evidence = rest, &Evidence{Method: Signed, Explicit: true}
	}
	verb, arg, _ := strings.Cut(name, ":")
	verb, of, has := strings.Cut(verb, "=")
	if has {
		a.Purpose, a.Channel, _ = strings.Cut(of, "/")
	}
	verb, version, _ := strings.Cut(verb, "/")
	a.Version, _ = strconv.Atoi(version)
	require.NoError(t, b.act(verb, arg, a, has), fact)
}

func (b *bench) act(verb, arg string, a Act, named bool) (err error) {
	switch verb {
	case "given", "refused", "child":
		if a.Evidence == nil {
			a.Evidence = ticked()
		}
	}
	switch verb {
	case "given":
		_, err = b.Give(ctx, a)
	case "child":
		part := strings.Split(arg, ":")
		a.Age, _ = strconv.Atoi(part[0])
		a.Country = part[1]
		a.Audience = "child"
		if len(part) > 2 {
			a.Evidence.By, a.Evidence.Guardian, a.Evidence.GuardianCheck = ByBoth, "g-7", "card"
		}
		_, err = b.Give(ctx, a)
	case "refused":
		_, err = b.Refuse(ctx, a)
	case "withdrawn":
		_, err = b.Withdraw(ctx, a)
	case "revoked":
		_, err = b.Revoke(ctx, a)
	case "invalid":
		_, err = b.Invalidate(ctx, a)
	case "requested":
		a.Evidence = ticked()
		_, err = b.Request(ctx, a)
	case "confirmed":
		a.Evidence = ticked()
		var p Pending
		if p, err = b.Request(ctx, a); err == nil {
			_, err = b.Confirm(ctx, string(p.Token.Reveal()), nil)
		}
	case "imported", "imported-out":
		_, err = b.Import(ctx, ImportJob{ID: "old", Purpose: a.Purpose, Channel: a.Channel, Source: "old-crm"},
			oneFlag(LegacyFlag{Subject: a.Subject, OptIn: verb == "imported"}))
	case "held":
		_, err = b.Establish(ctx, a)
	case "sale":
		a.Ground, a.Reference = ExistingCustomer, "order-1"
		_, err = b.Establish(ctx, a)
	case "ceased":
		_, err = b.Cease(ctx, a)
	case "ceased-sale":
		a.Ground = ExistingCustomer
		_, err = b.Cease(ctx, a)
	default:
		err = b.actMore(verb, arg, a, named)
	}
	return err
}

func (b *bench) actMore(verb, arg string, a Act, named bool) (err error) {
	a.Version = 0
	switch verb {
	case "restrict":
		a.Scope, a.Ground = arg, RestrictAccuracy
		_, err = b.Restrict(ctx, a)
	case "lift":
		a.Scope, a.Told = arg, a.At
		_, err = b.Lift(ctx, a)
	case "object":
		a.Channel = ""
		_, err = b.Object(ctx, a)
	case "uphold":
		_, err = b.Uphold(ctx, a)
	case "override":
		a.Reference, a.Author = "grounds-1", "staff-2"
		_, err = b.Override(ctx, a)
	case "nomail", "suppress", "release", "listed":
		if !named {
			a.Purpose = ""
		}
		a.Channel = arg
		switch verb {
		case "nomail":
			_, err = b.ObjectMarketing(ctx, a)
		case "suppress":
			_, err = b.Suppress(ctx, a)
		case "release":
			a.Reference = "wish-1"
			_, err = b.Release(ctx, a)
		case "listed":
			a.Subject, a.Address = "", "Anna@Example.org"
			_, err = b.Suppress(ctx, a)
		}
	case "country":
		_, err = b.Describe(ctx, Person{Subject: a.Subject, Country: arg, At: day(0)})
	case "kind":
		_, err = b.Describe(ctx, Person{Subject: a.Subject, Kind: Kind(arg), At: day(0)})
	case "dead":
		_, err = b.Describe(ctx, Person{Subject: a.Subject, Deceased: a.At, At: a.At})
	case "erased":
		_, _, err = b.Forget(ctx, a.Subject, "A17-1-a", time.Time{})
	case "readmit":
		_, err = b.Readmit(ctx, a)
	default:
		err = fmt.Errorf("unknown fact %s", verb)
	}
	return err
}

func oneFlag(f LegacyFlag) func(func(LegacyFlag, error) bool) {
	return func(yield func(LegacyFlag, error) bool) { yield(f, nil) }
}

func ask(t *testing.T, q *Query, f string) {
	name, arg, _ := strings.Cut(f, ":")
	n, _ := strconv.Atoi(arg)
	switch name {
	case "at":
		q.At = day(n)
	case "asof":
		q.AsOf = day(n)
	case "data":
		q.Data = []string{arg}
	case "from":
		q.CollectedFor = arg
	case "to":
		q.Recipient = arg
	case "address":
		q.Address = " anna@example.org"
	case "except":
		q.Exception = Ground("A18-2-" + arg)
	default:
		t.Fatalf("unknown query %s", f)
	}
}

func TestDecisionsPageIsPrinted(t *testing.T) {
	var page strings.Builder
	page.WriteString("# Decisions\n\nEach line is a test (testdata/decisions.txt). Day 0 is 1 March 2026; where the query names no time it is asked on day 200.\n")
	group := ""
	for i, r := range decisionRows(t) {
		if r.group != group {
			group = r.group
			fmt.Fprintf(&page, "\n## %s\n\n| # | purpose | channel | what happened | query | answer |\n|---|---|---|---|---|---|\n", group)
		}
		fmt.Fprintf(&page, "| %d | %s | %s | %s | %s | %s |\n", i+1, r.purpose, r.channel, r.facts, r.query, r.want)
	}
	if os.Getenv("GDPRKIT_UPDATE") != "" {
		require.NoError(t, os.WriteFile("DECISIONS.md", []byte(page.String()), 0o644))
	}
	have, err := os.ReadFile("DECISIONS.md")
	require.NoError(t, err)
	require.Equal(t, page.String(), string(have), "run with GDPRKIT_UPDATE=1")
}
