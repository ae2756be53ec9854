//go:build !windows

package main

import "syscall"

const mountedReadOnly = 1 // ST_RDONLY, and MNT_RDONLY where there are other flags

// freeSpace measures the disk that holds path: what we may use, and all of it.
func freeSpace(path string) (space, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return space{}, err
	}
	block := uint64(s.Bsize)
	return space{free: s.Bavail * block, size: s.Blocks * block, readOnly: s.Flags&mountedReadOnly != 0}, nil
}
