// Package jsonpath reads and edits parts of JSON documents: the subset of RFC 9535
// with member names, indexes and the wildcard. An edit leaves every byte outside
// the part as it was.
package jsonpath

import (
	"fmt"
	"strconv"
	"strings"
)

// Step leads from a value to one or all of its children.
type Step struct {
	Name  string // member of an object
	Index int    // element of an array, if Name is "" and All is not set
	All   bool   // every element or member
}

// Path is a parsed path; the empty one is the document itself.
type Path []Step

// Parse reads "$", followed by ".name", "[n]", "['name']" and "[*]" or ".*".
// Names consist of letters, digits, "_" and "-".
func Parse(s string) (Path, error) {
	rest, ok := strings.CutPrefix(s, "$")
	if !ok {
		return nil, fmt.Errorf("path must begin with $")
	}
	var p Path
	for rest != "" {
		var step Step
		var err error
		switch {
		case strings.HasPrefix(rest, ".*"):
			step, rest = Step{All: true}, rest[2:]
		case rest[0] == '.':
			n := nameLen(rest[1:])
			step.Name, rest = rest[1:1+n], rest[1+n:]
			if n == 0 {
				err = fmt.Errorf("path has an empty name")
			}
		case rest[0] == '[':
			inside, after, found := strings.Cut(rest[1:], "]")
			if !found {
				return nil, fmt.Errorf("path lacks a closing bracket")
			}
			rest = after
			step, err = bracket(inside)
		default:
			err = fmt.Errorf("path has an unexpected character")
		}
		if err != nil {
			return nil, err
		}
		p = append(p, step)
	}
	return p, nil
}

func bracket(s string) (Step, error) {
	if s == "*" {
		return Step{All: true}, nil
	}
	if n := len(s); n > 2 && (s[0] == '\'' || s[0] == '"') && s[n-1] == s[0] && nameLen(s[1:n-1]) == n-2 {
		return Step{Name: s[1 : n-1]}, nil
	}
	i, err := strconv.Atoi(s)
	if err != nil || i < 0 {
		return Step{}, fmt.Errorf("path has neither index, name nor * in brackets")
	}
	return Step{Index: i}, nil
}

func nameLen(s string) int {
	for i, r := range s {
		if r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return i
		}
	}
	return len(s)
}

// Names returns the names if the path has nothing else.
func (p Path) Names() ([]string, bool) {
	names := make([]string, len(p))
	for i, s := range p {
		if s.Name == "" {
			return nil, false
		}
		names[i] = s.Name
	}
	return names, true
}
