//go:build !windows

package main

import "syscall"

// keepFilesPrivate has every file that is made from now on, by whatever library,
// closed to others.
func keepFilesPrivate() { syscall.Umask(0o077) }
