//go:build !linux

package replica

import "os"

// thisProcess: only Linux tells enough to prove that another process has ended.
func thisProcess(string) processMark { return processMark{PID: os.Getpid()} }

func (m processMark) ended(processMark) bool { return false }
