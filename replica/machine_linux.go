package replica

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// thisProcess reads what tells this process from every other one. What can't be
// read stays empty, and then nothing is proven by it.
func thisProcess(lockFile string) processMark {
	m := processMark{PID: os.Getpid()}
	if boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		m.Boot = strings.TrimSpace(string(boot))
	}
	if space, err := os.Readlink("/proc/self/ns/pid"); err == nil {
		m.Space = space
	}
	m.Started = startOf("self")
	var s syscall.Stat_t
	if err := syscall.Stat(lockFile, &s); err == nil {
		m.Lock = fmt.Sprintf("%d:%d", s.Dev, s.Ino)
	}
	return m
}

// startOf reads when a process began, in ticks since the machine did; "" when
// there is no such process, or it is a zombie: that holds nothing any more.
func startOf(pid string) string {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return ""
	}
	// The name comes second, in parentheses, and may hold anything.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return ""
	}
	return fields[19]
}

// ended tells whether the process with this mark has surely ended, as seen from
// the process with the mark me.
func (m processMark) ended(me processMark) bool {
	if m.Boot == "" || m.Boot != me.Boot {
		return false
	}
	// We hold the lock of the very file that it held.
	if m.Lock != "" && m.Lock == me.Lock {
		return true
	}
	if m.Space == "" || m.Space != me.Space || m.PID <= 0 || m.Started == "" {
		return false
	}
	// Unlike /proc, kill shows processes of other users everywhere.
	if errors.Is(syscall.Kill(m.PID, 0), syscall.ESRCH) {
		return true
	}
	_, err := os.Stat("/proc/" + strconv.Itoa(m.PID) + "/stat")
	return err == nil && startOf(strconv.Itoa(m.PID)) != m.Started
}
