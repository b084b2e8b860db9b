package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// heading begins a chapter of the story.
func heading(n int, text string) { fmt.Printf("\n%d. %s\n", n, text) }

// say prints one line of it.
func say(format string, args ...any) { fmt.Printf("   "+format+"\n", args...) }

// row prints a name, a number and a remark in columns.
func row(name string, n any, remark string) {
	fmt.Println(strings.TrimRight(fmt.Sprintf("   %-28s %8v  %s", name, n, remark), " "))
}

// progress shows how far a long step is, on a terminal only.
type progress struct {
	what string
	last time.Time
	tty  bool
}

func newProgress(what string) *progress {
	info, err := os.Stderr.Stat()
	return &progress{what: what, tty: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

func (p *progress) step(done, total int) {
	if !p.tty || total == 0 || time.Since(p.last) < 100*time.Millisecond {
		return
	}
	p.last = time.Now()
	fmt.Fprintf(os.Stderr, "\r   %s: %3d %%", p.what, 100*done/total)
}

func (p *progress) done() {
	if p.tty {
		fmt.Fprintf(os.Stderr, "\r%60s\r", "")
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
