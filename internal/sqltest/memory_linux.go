package sqltest

import "syscall"

// freeBytes is the room of a file system, 0 if there is none.
func freeBytes(dir string) uint64 {
	var st syscall.Statfs_t
	if syscall.Statfs(dir, &st) != nil {
		return 0
	}
	return uint64(st.Bsize) * st.Bavail
}
