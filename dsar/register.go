package dsar

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/gdprkit/gdprkit/storage"
)

// RegisterLine is one request in the register that an authority asks for: dates,
// extension, outcome, and nothing about who the person is.
type RegisterLine struct {
	ID            string   `json:"id"`
	Kind          Kind     `json:"kind"`
	Article       string   `json:"article"`
	Channel       Channel  `json:"channel"`
	Capacity      Capacity `json:"capacity"`
	Identity      Identity `json:"identity"`
	Received      string   `json:"received"` // date in the controller's time zone, as the others
	Recorded      string   `json:"recorded"`
	Due           string   `json:"due"`
	Unpaused      string   `json:"unpaused"`
	PausedDays    int      `json:"pausedDays"`
	Extended      string   `json:"extended,omitempty"` // date on which the person was told
	ExtendedWhy   string   `json:"extensionReason,omitempty"`
	State         State    `json:"state"`
	Outcome       string   `json:"outcome,omitempty"` // for a refusal its ground
	Closed        string   `json:"closed,omitempty"`
	Late          bool     `json:"late"` // closed after Due, or open and overdue
	DuplicateOf   string   `json:"duplicateOf,omitempty"`
	FileForgotten bool     `json:"fileForgotten"`
}

// Register yields a line for every request received in the period, from inclusive
// to exclusive; zero times do not bound it.
func (d *Desk) Register(ctx context.Context, from, to time.Time) iter.Seq2[RegisterLine, error] {
	return func(yield func(RegisterLine, error) bool) {
		for r, err := range d.rows(ctx, Filter{From: from, To: to}) {
			if err != nil {
				yield(RegisterLine{}, err)
				return
			}
			l, err := d.line(ctx, r)
			if !yield(l, err) || err != nil {
				return
			}
		}
	}
}

func (d *Desk) line(ctx context.Context, r *row) (RegisterLine, error) {
	end := r.closed
	if r.state.Open() {
		end = storage.Micros(d.now())
	}
	l := RegisterLine{
		ID: r.id, Kind: r.kind, Article: r.kind.Article(), Channel: r.channel, Capacity: r.capacity, Identity: r.identity,
		Received: d.day(storage.Time(r.received)), Recorded: d.day(storage.Time(r.recorded)), Due: d.lastDay(r.due), Unpaused: d.lastDay(r.unpaused),
		PausedDays: int(r.pauseDays), State: r.state, Late: end >= r.due, DuplicateOf: r.canonical, FileForgotten: r.forgotten != 0,
	}
	if !r.state.Open() {
		l.Outcome, l.Closed = r.outcome, d.day(storage.Time(r.closed))
	}
	if r.extended == 0 {
		return l, nil
	}
	l.Extended = d.day(storage.Time(r.extended))
	for e, err := range d.events(ctx, r.id) {
		if err != nil {
			return l, err
		}
		if e.Event == EventExtend {
			l.ExtendedWhy = e.Code
		}
	}
	return l, nil
}

var registerHead = []string{"id", "kind", "article", "channel", "capacity", "identity", "received", "recorded", "due", "unpaused", "paused_days",
	"extended", "extension_reason", "state", "outcome", "closed", "late", "duplicate_of", "file_forgotten"}

func (l *RegisterLine) cells() []string {
	return []string{l.ID, string(l.Kind), l.Article, string(l.Channel), string(l.Capacity), string(l.Identity), l.Received, l.Recorded, l.Due, l.Unpaused,
		strconv.Itoa(l.PausedDays), l.Extended, l.ExtendedWhy, string(l.State), l.Outcome, l.Closed, strconv.FormatBool(l.Late), l.DuplicateOf, strconv.FormatBool(l.FileForgotten)}
}

// WriteRegisterCSV writes the register of a period as CSV (RFC 4180), with a header.
func (d *Desk) WriteRegisterCSV(ctx context.Context, w io.Writer, from, to time.Time) error {
	out := bufio.NewWriter(w)
	out.WriteString(strings.Join(registerHead, ",") + "\r\n") // errors stay and show at Flush
	var line []byte
	for l, err := range d.Register(ctx, from, to) {
		if err != nil {
			return err
		}
		line = line[:0]
		for i, c := range l.cells() {
			if i > 0 {
				line = append(line, ',')
			}
			line = appendText(line, c)
		}
		out.Write(append(line, '\r', '\n'))
	}
	return out.Flush()
}

// WriteRegisterJSON writes the register of a period as JSON, one object per line.
func (d *Desk) WriteRegisterJSON(ctx context.Context, w io.Writer, from, to time.Time) error {
	out := json.NewEncoder(w)
	for l, err := range d.Register(ctx, from, to) {
		if err != nil {
			return err
		}
		if err := out.Encode(l); err != nil {
			return err
		}
	}
	return nil
}
