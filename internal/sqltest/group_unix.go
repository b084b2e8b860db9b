//go:build unix

package sqltest

import (
	"os/exec"
	"syscall"
)

// apart gives a command a process group and, unless uid is 0, an account of its own,
// and has it ended with this process.
func apart(cmd *exec.Cmd, uid, gid uint32, by syscall.Signal) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr, by)
	if uid != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	}
}

// KillGroup ends a process and its group with SIGKILL.
func KillGroup(pid int) { syscall.Kill(-pid, syscall.SIGKILL) }
