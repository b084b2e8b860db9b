// Package limitstest shows what LIMITS.md says: what each adversary gets and what
// not. A test of something that is *not* held passes when the attack succeeds; when
// it fails one day, the limit is gone and the page has to follow. It has no code of
// its own.
package limitstest
