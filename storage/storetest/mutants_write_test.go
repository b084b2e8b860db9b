package storetest

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"runtime"
	"slices"
	"strings"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/memstore"
)

// steps returns stores that see the operations of every Apply as change makes
// them, and give back the counts that tell makes of them.
func steps(change func(ops []storage.Op) []storage.Op, tell func(ops []storage.Op, n []int64) []int64) func() storage.Directory {
	return stores(func(f *fake) {
		f.apply = func(ctx context.Context, ops ...storage.Op) ([]int64, error) {
			todo := ops
			if change != nil {
				todo = change(slices.Clone(ops))
			}
			n, err := f.Store.Apply(ctx, todo...)
			if tell != nil && err == nil {
				n = tell(ops, n)
			}
			return n, err
		}
	})
}

func verb(from, to storage.Verb) func(storage.Write) storage.Write {
	return func(w storage.Write) storage.Write {
		if w.Verb == from {
			w.Verb = to
		}
		return w
	}
}

var writeMutants = []mutant{
	{"drops the last operation of a step", steps(func(ops []storage.Op) []storage.Op { return ops[:max(1, len(ops)-1)] }, nil),
		[]string{"write/add increases", "write/operations happen in their order", "write/a step of thousands", "append-only/takes new rows"}},
	{"drops operations above a thousand", steps(func(ops []storage.Op) []storage.Op { return ops[:min(len(ops), 1000)] }, nil),
		[]string{"write/a step of thousands", "write/many keys deleted at once"}},
	{"deletes keys without their backslashes", steps(func(ops []storage.Op) []storage.Op {
		for i, op := range ops {
			if op.Write == deleteRow {
				ops[i] = deleteRow.With(op.Args[0], strings.ReplaceAll(op.Args[1].(string), `\`, ""))
			}
		}
		return ops
	}, nil), []string{"write/many keys deleted at once"}},
	{"counts a key as often as it is deleted", steps(nil, func(ops []storage.Op, n []int64) []int64 {
		if len(n) == 2 && ops[len(ops)-1].Write == deleteRow {
			n[1] += 20
		}
		return n
	}), []string{"write/many keys deleted at once"}},
	{"sorts operations by verb", steps(func(ops []storage.Op) []storage.Op {
		slices.SortStableFunc(ops, func(a, b storage.Op) int { return cmp.Compare(a.Write.Verb, b.Write.Verb) })
		return ops
	}, nil), []string{"write/operations happen in their order"}},
	{"inserts over what is there", writes(verb(storage.Insert, storage.Put)), []string{"write/insert refuses a second row"}},
	{"inserts nothing over what is there", writes(verb(storage.Insert, storage.InsertNew)), []string{"write/insert refuses a second row"}},
	{"inserts new rows by catching duplicates", writes(verb(storage.InsertNew, storage.Insert)),
		[]string{"write/insert-new does nothing to a row that is there", "append-only/takes new rows"}},
	{"inserts new rows over what is there", writes(verb(storage.InsertNew, storage.Put)), []string{"write/insert-new does nothing to a row that is there"}},
	{"puts whole rows", func() storage.Directory {
		del := memo(func(w *storage.Write) *storage.Write {
			return &storage.Write{Verb: storage.Delete, Table: w.Table, Where: storage.By(w.Set[:len(w.Table.Key)]...)}
		})
		ins := memo(func(w *storage.Write) *storage.Write { c := *w; c.Verb = storage.Insert; return &c })
		return steps(func(ops []storage.Op) (out []storage.Op) {
			for _, op := range ops {
				if op.Write.Verb == storage.Put && op.Write.Table == rows {
					out = append(out, del(op.Write).With(op.Args[:2]...), ins(op.Write).With(op.Args...))
				} else {
					out = append(out, op)
				}
			}
			return out
		}, nil)()
	}, []string{"write/put inserts or replaces the given columns only"}},
	{"fills texts that are not given", func() storage.Directory {
		more := memo(func(w *storage.Write) *storage.Write {
			c := *w
			c.Set = append(slices.Clone(w.Set), "txt")
			return &c
		})
		return steps(func(ops []storage.Op) []storage.Op {
			for i, op := range ops {
				if w := op.Write; w.Table == rows && w.Verb != storage.Update && w.Verb != storage.Delete && !slices.Contains(w.Set, "txt") {
					ops[i] = more(w).With(append(slices.Clone(op.Args), "NULL")...)
				}
			}
			return ops
		}, nil)()
	}, []string{"write/insert gives zero values to the rest"}},
	{"adds by setting", writes(func(w storage.Write) storage.Write {
		w.Set, w.Add = append(slices.Clone(w.Set), w.Add...), nil
		return w
	}), []string{"write/add increases", "concurrent/additions lose no update"}},
	{"adds by reading and setting", stores(func(f *fake) {
		f.apply = func(ctx context.Context, ops ...storage.Op) ([]int64, error) {
			for i, op := range ops {
				if op.Write == addNum {
					var n int64
					if err := f.Store.Get(ctx, getNum, op.Args[1:], &n); err != nil {
						return nil, err
					}
					runtime.Gosched()
					ops[i] = setNum.With(n+int64(op.Args[0].(int)), op.Args[1], op.Args[2])
				}
			}
			return f.Store.Apply(ctx, ops...)
		}
	}), []string{"concurrent/additions lose no update"}},
	{"forgets the last condition of a change", writes(func(w storage.Write) storage.Write {
		if len(w.Where) > 0 {
			w.Where = w.Where[:len(w.Where)-1]
		}
		return w
	}), []string{"write/update changes the rows that match", "write/delete removes the rows that match", "concurrent/one of many compare-and-sets wins"}},
	{"deletes up to the end of a range", writes(func(w storage.Write) storage.Write {
		w.Where = slices.Clone(w.Where)
		for i := range w.Where {
			if w.Where[i].Cmp == storage.Lt {
				w.Where[i].Cmp = storage.Le
			}
		}
		return w
	}), []string{"write/delete removes the rows that match"}},
	{"ignores Must", writes(func(w storage.Write) storage.Write { w.Must = false; return w }), []string{"write/must asks for exactly one row"}},
	{"dislikes empty steps", stores(func(f *fake) {
		f.apply = func(ctx context.Context, ops ...storage.Op) ([]int64, error) {
			if len(ops) == 0 {
				return nil, errors.New("nothing to do")
			}
			return f.Store.Apply(ctx, ops...)
		}
	}), []string{"write/nothing to do"}},
	{"counts every operation by itself", steps(nil, func(ops []storage.Op, n []int64) []int64 { return make([]int64, len(ops)) }),
		[]string{"counts/one number for each run of the same shape"}},
	{"joins runs of equal shapes", func() storage.Directory {
		return steps(func(ops []storage.Op) []storage.Op {
			for i, op := range ops {
				if op.Write.Verb == storage.Insert && op.Write.Table == rows {
					ops[i].Write = insertRow
				}
			}
			return ops
		}, nil)()
	}, []string{"counts/shapes are told apart by their address"}},
	{"counts what was asked, not what was done", steps(nil, func(ops []storage.Op, n []int64) []int64 {
		run := -1
		for i, op := range ops {
			if i == 0 || op.Write != ops[i-1].Write {
				run++
				n[run] = 0
			}
			n[run]++
		}
		return n
	}), []string{"counts/insert-new tells what was new", "counts/one number for each run of the same shape", "concurrent/one of many inserts is new"}},
	{"claims over what is there", func() storage.Directory {
		over := map[*storage.Claim]*storage.Write{claimRow: {Verb: storage.Put, Table: rows, Set: claimRow.Columns}}
		return stores(func(f *fake) {
			f.claim = func(ctx context.Context, c *storage.Claim, args []any, dest ...any) error {
				if w := over[c]; w != nil {
					if _, err := f.Store.Apply(ctx, w.With(args...)); err != nil {
						return err
					}
				}
				return f.Store.Claim(ctx, c, args, dest...)
			}
		})()
	}, []string{"claim/reads what is there and leaves it"}},
	{"claims outside a transaction", stores(func(f *fake) {
		f.claim = func(ctx context.Context, c *storage.Claim, args []any, dest ...any) error {
			return f.Store.InTx(ctx, func(ctx context.Context) error { return f.Store.Claim(ctx, c, args, dest...) })
		}
	}), []string{"claim/needs a transaction"}},
	{"lets everybody change entries", loose(func(storage.Op) bool { return true }), []string{
		"append-only/refuses changes", "append-only/refuses deletion without a permit",
	}},
	{"takes any permit for all", func() storage.Directory {
		open := false
		return loose(func(op storage.Op) bool {
			if op.Write == permit {
				open = true
			}
			return open && op.Write.Verb == storage.Delete
		})()
	}, []string{"append-only/refuses deletion without a permit"}},
	{"knows no permits", writes(func(w storage.Write) storage.Write {
		if w.Table == permit.Table && w.Verb == storage.Insert {
			return storage.Write{Verb: storage.Delete, Table: w.Table, Where: storage.By("subject")}
		}
		return w
	}), []string{"append-only/deletes a subject with a permit"}},
}

// loose returns stores in which table entries is like any other; changes of its
// rows that allow is false for are refused.
func loose(allow func(storage.Op) bool) func() storage.Directory {
	plain := *entries
	plain.AppendOnly = false
	shape := memo(func(w *storage.Write) *storage.Write {
		c := *w
		if c.Table == entries {
			c.Table = &plain
		}
		return &c
	})
	sel := memo(func(s *storage.Select) *storage.Select {
		c := *s
		if c.From == entries {
			c.From = &plain
		}
		return &c
	})
	return func() storage.Directory {
		db := memstore.New(nil)
		return &fakeDir{Directory: db, tenant: func(name string) storage.Store {
			f := &fake{Store: db.Tenant(name)}
			f.scan = func(ctx context.Context, s *storage.Select, args []any) iter.Seq2[storage.Row, error] {
				return f.Store.Scan(ctx, sel(s), args)
			}
			f.apply = func(ctx context.Context, ops ...storage.Op) ([]int64, error) {
				changed := slices.Clone(ops)
				for i, op := range ops {
					ok := allow(op)
					if op.Write.Table == entries && op.Write.Verb >= storage.Put && !ok {
						return nil, errors.New("append-only")
					}
					changed[i].Write = shape(op.Write)
				}
				return f.Store.Apply(ctx, changed...)
			}
			return f
		}}
	}
}
