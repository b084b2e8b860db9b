package datamap

import "github.com/goccy/go-yaml/ast"

// locator finds the line of a part of a map. The zero locator knows none.
type locator struct{ root ast.Node }

// find returns line and column of the node at the path; where it ends early, of
// the last node on the way.
func (l locator) find(at []any) (line, pos int) {
	n := l.root
	if n == nil {
		return 0, 0
	}
	line, pos = place(n)
	for _, step := range at {
		key, next := child(n, step)
		if next == nil {
			return line, pos
		}
		if line, pos = place(next); key != nil {
			line, pos = place(key)
		}
		n = next
	}
	return line, pos
}

func place(n ast.Node) (line, pos int) {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
		n = m.Values[0].Key
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line, t.Position.Column
	}
	return 0, 0
}

func child(n ast.Node, step any) (key, value ast.Node) {
	switch v := n.(type) {
	case *ast.AnchorNode:
		return child(v.Value, step)
	case *ast.TagNode:
		return child(v.Value, step)
	case *ast.MappingNode:
		for _, kv := range v.Values {
			if name, ok := step.(string); ok && keyText(kv.Key) == name {
				return kv.Key, kv.Value
			}
		}
	case *ast.MappingValueNode:
		if name, ok := step.(string); ok && keyText(v.Key) == name {
			return v.Key, v.Value
		}
	case *ast.SequenceNode:
		if i, ok := step.(int); ok && i < len(v.Values) {
			return nil, v.Values[i]
		}
	}
	return nil, nil
}

func keyText(k ast.MapKeyNode) string {
	if s, ok := k.(*ast.StringNode); ok {
		return s.Value
	}
	if t := k.GetToken(); t != nil {
		return t.Value
	}
	return ""
}
