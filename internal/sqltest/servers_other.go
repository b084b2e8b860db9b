//go:build unix && !linux

package sqltest

import "syscall"

// dieWithParent has no counterpart here; a killed test binary leaves its server.
func dieWithParent(*syscall.SysProcAttr, syscall.Signal) {}
