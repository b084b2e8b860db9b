package consent

import (
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"github.com/gdprkit/gdprkit/gdpr"
)

// UnsubscribeHeaders returns the header fields List-Unsubscribe and
// List-Unsubscribe-Post of a message (RFC 2369 section 3.2, RFC 8058 section 3.1).
// The link is https and holds the token of [Ledger.WithdrawalLink]; mailto is
// optional. The DKIM signature must cover both fields.
func UnsubscribeHeaders(link, mailto string) (list, post string, err error) {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "https" || u.Host == "" || strings.ContainsAny(link, "<> \t\r\n,") {
		return "", "", gdpr.Invalid("UnsubscribeHeaders.link", "must be an https URL without spaces and brackets (RFC 8058 section 3.1)")
	}
	list = "<" + link + ">"
	if mailto != "" {
		if !strings.HasPrefix(mailto, "mailto:") || strings.ContainsAny(mailto, "<> \t\r\n") {
			return "", "", gdpr.Invalid("UnsubscribeHeaders.mailto", "must be a mailto URL without spaces and brackets")
		}
		list += ", <" + mailto + ">"
	}
	return list, oneClickField + "=" + oneClickValue, nil
}

const (
	oneClickField = "List-Unsubscribe"
	oneClickValue = "One-Click"
)

// OneClickURL returns the URL to which a receiver of the two header fields may post,
// or "" when they do not offer one-click (RFC 8058 section 3.1): exactly one https
// URL in angle brackets, and the exact Post field.
func OneClickURL(list, post string) string {
	if strings.TrimSpace(post) != oneClickField+"="+oneClickValue {
		return ""
	}
	found := ""
	for _, u := range bracketed(list) {
		if strings.HasPrefix(strings.ToLower(u), "https://") {
			if found != "" {
				return ""
			}
			found = u
		}
	}
	return found
}

// bracketed returns the URLs in angle brackets, outside of comments; white space
// inside the brackets is ignored (RFC 2369 section 2).
func bracketed(s string) (urls []string) {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '(':
			depth++
		case s[i] == ')' && depth > 0:
			depth--
		case s[i] == '<' && depth == 0:
			end := strings.IndexByte(s[i:], '>')
			if end < 0 {
				return urls
			}
			urls = append(urls, strings.Map(func(r rune) rune {
				if r == ' ' || r == '\t' || r == '\r' || r == '\n' {
					return -1
				}
				return r
			}, s[i+1:i+end]))
			i += end
		}
	}
	return urls
}

// OneClickAnswer says how an endpoint answers a request to an unsubscribe link.
type OneClickAnswer int

// The answers.
const (
	ShowPage      OneClickAnswer = iota // GET, HEAD: a page with a button, no change of state, status 200
	DoUnsubscribe                       // call Ledger.Unsubscribe, then answer 200 without redirect
	BadRequest                          // 400
	WrongMethod                         // 405
)

// maxOneClick bounds the body of a one-click request; it has 26 bytes or little more.
const maxOneClick = 4096

// OneClick reads a request to an unsubscribe link (RFC 8058 section 3.2). A form in
// either encoding with List-Unsubscribe=One-Click is the wish to be taken off; a GET
// never is, because mail scanners follow links. It reads at most 4 KiB of the body
// and nothing else of the request: no cookie, no session.
func OneClick(r *http.Request) OneClickAnswer {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return ShowPage
	case http.MethodPost:
	default:
		return WrongMethod
	}
	if r.Body == nil {
		return BadRequest
	}
	body := http.MaxBytesReader(nil, r.Body, maxOneClick)
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return BadRequest
	}
	switch kind {
	case "application/x-www-form-urlencoded":
		text := make([]byte, maxOneClick)
		n := 0
		for n < len(text) {
			m, err := body.Read(text[n:])
			n += m
			if err != nil {
				break
			}
		}
		if v, err := url.ParseQuery(string(text[:n])); err == nil && v.Get(oneClickField) == oneClickValue {
			return DoUnsubscribe
		}
	case "multipart/form-data":
		form, err := multipart.NewReader(body, params["boundary"]).ReadForm(maxOneClick)
		if err == nil && len(form.Value[oneClickField]) == 1 && form.Value[oneClickField][0] == oneClickValue {
			return DoUnsubscribe
		}
	}
	return BadRequest
}
