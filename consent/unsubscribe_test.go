package consent

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type unsubscribeVectors struct {
	Headers []struct {
		ID   string  `json:"id"`
		List string  `json:"list_unsubscribe"`
		Post *string `json:"list_unsubscribe_post"`
		URL  *string `json:"one_click_url"`
	} `json:"headers"`
	Requests []requestVector `json:"requests"`
}

type requestVector struct {
	ID       string            `json:"id"`
	Repeat   string            `json:"repeat_of"`
	Method   string            `json:"method"`
	Path     string            `json:"path"`
	Headers  map[string]string `json:"headers"`
	Body     string            `json:"body"`
	Status   []int             `json:"status"`
	Recorded any               `json:"recorded"`
}

func vectors(t *testing.T) (v unsubscribeVectors) {
	doc, err := os.ReadFile("testdata/unsubscribe.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(doc, &v))
	return v
}

func TestUnsubscribeHeaderVectors(t *testing.T) {
	for _, h := range vectors(t).Headers {
		post, want := "", ""
		if h.Post != nil {
			post = *h.Post
		}
		if h.URL != nil {
			want = *h.URL
		}
		require.Equal(t, want, OneClickURL(h.List, post), h.ID)
	}
	list, post, err := UnsubscribeHeaders("https://crm.example.com/u/gw1.abc", "mailto:u@crm.example.com?subject=x")
	require.NoError(t, err)
	require.Equal(t, "https://crm.example.com/u/gw1.abc", OneClickURL(list, post))
	for _, bad := range []string{"", "http://crm.example.com/u", "https:///u", "https://a b/", "https://a/<x>"} {
		_, _, err := UnsubscribeHeaders(bad, "")
		require.Error(t, err, bad)
	}
}

// The endpoint of a host, as the documentation tells it to be written.
func endpoint(b *bench, r *http.Request) int {
	switch OneClick(r) {
	case ShowPage:
		return http.StatusOK
	case DoUnsubscribe:
		if b.Unsubscribe(r.Context(), strings.TrimPrefix(r.URL.Path, "/u/")) != nil {
			return http.StatusNotFound
		}
		return http.StatusOK
	case WrongMethod:
		return http.StatusMethodNotAllowed
	}
	return http.StatusBadRequest
}

func TestUnsubscribeRequestVectors(t *testing.T) {
	v := vectors(t)
	b := open(t, nil)
	_, err := b.Give(ctx, giving("c-1", "news", "email", 1))
	require.NoError(t, err)
	token, err := b.WithdrawalLink(ctx, "c-1", "news", "email")
	require.NoError(t, err)
	for _, q := range v.Requests {
		if q.Repeat != "" {
			i := slices.IndexFunc(v.Requests, func(o requestVector) bool { return o.ID == q.Repeat })
			o := v.Requests[i]
			q.Method, q.Path, q.Headers, q.Body = o.Method, o.Path, o.Headers, o.Body
		} else if q.Recorded == true { // each begins with a consent that stands
			_, err := b.Give(ctx, giving("c-1", "news", "email", 100))
			require.NoError(t, err)
		}
		path := strings.Replace(q.Path, "/u/T", "/u/"+token, 1)
		path = strings.Replace(path, "/u/F", "/u/gw1."+strings.Repeat("A", 43), 1)
		r, err := http.NewRequest(q.Method, "https://crm.example.com"+path, strings.NewReader(q.Body))
		require.NoError(t, err)
		for k, val := range q.Headers {
			r.Header.Set(k, val)
		}
		before := len(kinds(t, b, "c-1"))
		status := endpoint(b, r)
		if q.Status == nil { // P07 says what must not happen
			q.Status = []int{200}
		}
		require.Contains(t, q.Status, status, q.ID)
		require.Equal(t, q.Recorded == true, len(kinds(t, b, "c-1")) > before, q.ID)
	}
	b.denied(t, ConsentWithdrawn, "c-1", "news", "email")
}
