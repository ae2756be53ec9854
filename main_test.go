package main

import (
	"flag"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestMain(m *testing.M) {
	runMany()
	os.Exit(m.Run())
}

// runMany lets more tests run at once than there are processors, unless -parallel says how many: many wait most of the time.
func runMany() {
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	if !said {
		_ = flag.Set("test.parallel", "6") // a number is always taken
	}
}

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
