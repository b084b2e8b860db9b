// Package archtest holds the rules of the house as tests: who imports whom, what
// the module depends on, what no code here does, which interface is satisfied by
// which type, and that every stored column and every documented limit is accounted
// for. It has no code of its own.
package archtest
