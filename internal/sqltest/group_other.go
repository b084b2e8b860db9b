//go:build !unix

package sqltest

import (
	"os"
	"os/exec"
	"syscall"
)

// apart does nothing: there are no groups of processes here.
func apart(*exec.Cmd, uint32, uint32, syscall.Signal) {}

// KillGroup ends a process.
func KillGroup(pid int) {
	if p, err := os.FindProcess(pid); err == nil {
		p.Kill()
	}
}
