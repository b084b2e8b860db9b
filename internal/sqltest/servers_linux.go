package sqltest

import "syscall"

// dieWithParent has a server killed even if the test binary is.
func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
