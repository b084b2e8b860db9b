//go:build !windows

package journal

// noDirSync: a directory is synchronised like a file.
const noDirSync = false
