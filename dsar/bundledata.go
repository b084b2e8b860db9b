package dsar

import (
	"bufio"
	"context"
	"encoding/json"
	"hash/maphash"
	"time"
)

// fingerprint tells, quickly and within this process, whether two readings of the
// sources gave the same.
type fingerprint struct{ h maphash.Hash }

func (p *fingerprint) add(rec *Record, columns []int) {
	p.h.WriteString(rec.Section.Table)
	p.h.WriteByte(0)
	p.h.WriteString(rec.Key)
	var num [8]byte
	for _, i := range columns {
		p.h.WriteByte(0)
		switch v := rec.Values[i].(type) {
		case string:
			p.h.WriteString(v)
		case []byte:
			p.h.Write(v)
		case json.RawMessage:
			p.h.Write(v)
		case int64:
			p.h.Write(putInt(num[:0], v))
		case time.Time:
			p.h.Write(putInt(num[:0], v.UnixNano()))
		default:
			b, _ := appendValue(nil, v, FormatPlain) // other types were refused before
			p.h.Write(b)
		}
	}
}

func putInt(b []byte, v int64) []byte {
	for range 8 {
		b = append(b, byte(v))
		v >>= 8
	}
	return b
}

// data writes data.json: the first reading, which also counts.
func (b *bundler) data(ctx context.Context) error {
	w, err := b.begin("data.json")
	if err != nil {
		return err
	}
	b.print[1].h.SetSeed(b.print[0].h.Seed())
	head, err := json.Marshal(struct {
		Format  string `json:"format"`
		Request string `json:"request"`
		Kind    Kind   `json:"kind"`
	}{DataFormat, b.r.id, b.r.kind})
	if err != nil {
		return err
	}
	w.Write(head[:len(head)-1]) // errors of a bufio.Writer stay and show at end
	w.WriteString(",\"sections\":[")
	for _, s := range b.d.sources {
		if err := b.dataOf(ctx, s, w); err != nil {
			return err
		}
	}
	w.WriteString("\n],\"disclosures\":[")
	if b.r.kind == Access {
		if err := b.disclosures(ctx, w); err != nil {
			return err
		}
	}
	w.WriteString("\n]}\n")
	return b.end()
}

func (b *bundler) dataOf(ctx context.Context, s Source, w *bufio.Writer) error {
	var total Receipt
	before := len(b.m.Sections)
	for _, subject := range b.r.subjects {
		sink := &jsonSink{b: b, w: w, source: s.Name(), subject: subject}
		e := newEncoder(b.d, b.r, b.f, sink)
		err := b.d.guarded(ctx, s, func(ctx context.Context) error { return e.source(ctx, s, subject, &total) })
		if err != nil {
			return err
		}
		sink.close()
	}
	b.m.Redacted += total.Redacted
	b.m.Withheld += total.Withheld
	if before == len(b.m.Sections) {
		b.m.Sections = append(b.m.Sections, ManifestSection{Source: s.Name(), State: SourceEmpty})
		b.comma(w)
		name, _ := json.Marshal(s.Name())
		w.WriteString(`{"source":` + string(name) + `,"state":"empty","records":[]}`)
	}
	return nil
}

// comma separates the sections in data.json; the current one is already listed.
func (b *bundler) comma(w *bufio.Writer) {
	if len(b.m.Sections) > 1 {
		w.WriteByte(',')
	}
	w.WriteByte('\n')
}

// jsonSink writes the records of one source and subject into data.json.
type jsonSink struct {
	b       *bundler
	w       *bufio.Writer
	source  string
	subject string
	at      *ManifestSection
}

func (j *jsonSink) section(rec *Record) {
	if j.at != nil && j.at.section == rec.Section {
		return
	}
	j.close()
	j.b.m.Sections = append(j.b.m.Sections, ManifestSection{Source: j.source, Category: rec.Section.Category, Table: rec.Section.Table,
		State: SourceData, section: rec.Section, subject: j.subject})
	j.at = &j.b.m.Sections[len(j.b.m.Sections)-1]
	j.b.comma(j.w)
	head, _ := json.Marshal(struct {
		Source   string `json:"source"`
		Category string `json:"category"`
		Table    string `json:"table"`
	}{j.source, rec.Section.Category, rec.Section.Table})
	j.w.Write(head[:len(head)-1])
	j.w.WriteString(`,"records":[`)
}

func (j *jsonSink) record(c *copier, rec *Record, line []byte) error {
	j.section(rec)
	cols := c.parts[rec.Section].columns
	j.b.print[0].add(rec, cols)
	if n := j.at.Records - sum(j.at.Withheld); n > 0 {
		j.w.WriteByte(',')
	}
	j.at.Records++
	j.w.WriteByte('\n')
	if _, err := j.w.Write(line[:len(line)-1]); err != nil {
		return err
	}
	j.at.Redacted += c.redactions(rec)
	if len(j.at.rows) < maxShown && j.b.bytes < maxShownBytes {
		row := c.cells(rec, cols)
		for _, s := range row {
			j.b.bytes += len(s)
		}
		j.at.rows = append(j.at.rows, row)
	}
	return nil
}

func (j *jsonSink) withheld(rec *Record) error {
	j.section(rec)
	j.at.Records++
	if j.at.Withheld == nil {
		j.at.Withheld = map[string]int{}
	}
	j.at.Withheld[rec.Withhold]++
	return nil
}

func (j *jsonSink) close() {
	if j.at == nil {
		return
	}
	j.w.WriteString("\n]")
	if n := sum(j.at.Withheld); n > 0 {
		text, _ := json.Marshal(j.at.Withheld)
		j.w.WriteString(`,"withheld":` + string(text))
		if n == j.at.Records {
			j.at.State = SourceWithheld
		}
	}
	j.w.WriteByte('}')
	j.at = nil
}

func sum(m map[string]int) int {
	n := 0
	for _, v := range m {
		n += v
	}
	return n
}

// cells returns the values of rec as a reader sees them.
func (c *copier) cells(rec *Record, cols []int) []string {
	out := make([]string, len(cols))
	for n, i := range cols {
		if text, ok := c.redacted(rec, i); ok {
			out[n] = text
			continue
		}
		out[n] = shown(rec.Values[i], rec.Section.Columns[i].Format, c.d.loc)
	}
	return out
}

func shown(v any, f Format, loc *time.Location) string {
	switch v := v.(type) {
	case string:
		return v
	case time.Time:
		if f == FormatDate {
			return v.Format(time.DateOnly)
		}
		return v.In(loc).Format("2006-01-02 15:04")
	case json.RawMessage:
		return string(v)
	case nil:
		return ""
	}
	b, _ := appendCell(nil, v, f)
	return string(b)
}

func (b *bundler) disclosures(ctx context.Context, w *bufio.Writer) error {
	for _, subject := range b.r.subjects {
		for g, err := range b.d.Disclosures(ctx, subject) {
			if err != nil {
				return err
			}
			if b.m.Disclosures > 0 {
				w.WriteByte(',')
			}
			b.m.Disclosures++
			text, err := json.Marshal(struct {
				At         time.Time `json:"at"`
				Recipient  string    `json:"recipient"`
				Country    string    `json:"country,omitempty"`
				Categories []string  `json:"categories"`
				Basis      string    `json:"basis,omitempty"`
			}{g.At, g.Recipient, g.Country, g.Categories, g.Basis})
			if err != nil {
				return err
			}
			w.WriteByte('\n')
			w.Write(text)
		}
	}
	return nil
}

// tables writes a CSV file per section: the second reading. It must give the
// same as the first.
func (b *bundler) tables(ctx context.Context) error {
	files := 0
	for _, s := range b.d.sources {
		for _, subject := range b.r.subjects {
			sink := &csvSink{b: b, source: s.Name(), subject: subject, files: &files}
			e := newEncoder(b.d, b.r, b.f, sink)
			e.plain = true
			var total Receipt
			err := b.d.guarded(ctx, s, func(ctx context.Context) error { return e.source(ctx, s, subject, &total) })
			if err != nil {
				return err
			}
			if err := sink.close(); err != nil {
				return err
			}
		}
	}
	if b.print[0].h.Sum64() != b.print[1].h.Sum64() {
		return ErrChanged
	}
	return nil
}

// csvSink writes the records of one source and subject, a file per section.
type csvSink struct {
	b       *bundler
	source  string
	subject string
	at      *Section
	w       *bufio.Writer
	buf     []byte
	files   *int
}

func (s *csvSink) section(c *copier, sec *Section) error {
	if s.at == sec {
		return nil
	}
	if err := s.close(); err != nil {
		return err
	}
	*s.files++
	name := fileName(*s.files, sec.Table)
	w, err := s.b.begin(name)
	if err != nil {
		return err
	}
	s.at, s.w = sec, w
	for i := range s.b.m.Sections {
		m := &s.b.m.Sections[i]
		if m.section == sec && m.Source == s.source && m.subject == s.subject {
			m.File = name
		}
	}
	line := s.buf[:0]
	for n, i := range c.parts[sec].columns {
		if n > 0 {
			line = append(line, ',')
		}
		line = appendText(line, sec.Columns[i].Name)
	}
	s.buf = append(line, '\r', '\n')
	_, err = w.Write(s.buf)
	return err
}

func (s *csvSink) record(c *copier, rec *Record, _ []byte) error {
	if err := s.section(c, rec.Section); err != nil {
		return err
	}
	cols := c.parts[rec.Section].columns
	s.b.print[1].add(rec, cols)
	line := s.buf[:0]
	for n, i := range cols {
		if n > 0 {
			line = append(line, ',')
		}
		if text, ok := c.redacted(rec, i); ok {
			line = appendText(line, text)
			continue
		}
		var err error
		if line, err = appendCell(line, rec.Values[i], rec.Section.Columns[i].Format); err != nil {
			return err
		}
	}
	s.buf = append(line, '\r', '\n')
	_, err := s.w.Write(s.buf)
	return err
}

func (s *csvSink) withheld(*Record) error { return nil }

func (s *csvSink) close() error {
	if s.at == nil {
		return nil
	}
	s.at = nil
	return s.b.end()
}
