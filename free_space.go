//go:build !windows

package main

import "syscall"

// freeSpace measures the disk that holds path: what we may use, and all of it.
func freeSpace(path string) (space, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return space{}, err
	}
	block := uint64(s.Bsize)
	return space{free: s.Bavail * block, size: s.Blocks * block}, nil
}
