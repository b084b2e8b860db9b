package sqltest

import "syscall"

// dieWithParent has a server ended even if the test binary is killed.
func dieWithParent(a *syscall.SysProcAttr, by syscall.Signal) { a.Pdeathsig = by }
