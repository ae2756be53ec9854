package main

import (
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// Two signals of one moment are one wish; a later one means it.
func TestSignalsOfOneMomentCountOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		signals := make(chan os.Signal, 2)
		finished, ended := 0, 0
		go heed(signals, func() { finished++ }, func() { ended++ })
		signals <- syscall.SIGTERM
		signals <- syscall.SIGTERM
		synctest.Wait()
		time.Sleep(oneSignal - time.Millisecond)
		signals <- syscall.SIGTERM
		synctest.Wait()
		if finished != 1 || ended != 0 {
			t.Errorf("within a second: finished %d times, ended %d times", finished, ended)
		}
		time.Sleep(time.Millisecond)
		signals <- os.Interrupt
		synctest.Wait()
		if finished != 1 || ended != 1 {
			t.Errorf("after a second: finished %d times, ended %d times", finished, ended)
		}
	})
}
