package replica

import (
	"maps"
	"math/rand/v2"
	"testing"
	"time"
)

// TestCrashesLoseNothingHereAndLeaveNoHole: a server that crashed goes on, and its
// replica is the same as its database: also what was committed and not captured in
// the moment of the crash is in both.
func TestCrashesLoseNothingHereAndLeaveNoHole(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	url := folderURL(t)
	s := newServer(t, url)
	s.options.FirstStart = true
	var rows int64
	for round := range 12 {
		s.start()
		if got := s.rows(); got != rows {
			t.Fatalf("round %d: %d rows here, %d were committed", round, got, rows)
		}
		s.write(1 + random.IntN(400))
		time.Sleep(time.Duration(random.IntN(120)) * time.Millisecond)
		rows = s.write(1 + random.IntN(5))
		if random.IntN(4) == 0 {
			must(t, s.stop())
		} else {
			s.crash()
		}
	}
	s.start()
	s.write(1)
	s.synced()
	must(t, s.stop())
	here, err := readTestContents(t.Context(), s.options.Database)
	must(t, err)
	other := newServer(t, url)
	other.start()
	must(t, other.stop())
	there, err := readTestContents(t.Context(), other.options.Database)
	must(t, err)
	if !maps.Equal(here, there) {
		t.Error("the replica is not the same as the database")
	}
}

// TestTheLogStaysSmallUnderAWriterWhoNeverRests, and with a reader who holds it
// open for a while.
func TestTheLogStaysSmallUnderAWriterWhoNeverRests(t *testing.T) {
	t.Parallel()
	s := newServer(t, folderURL(t))
	patient := time.Minute // what is left at the end is much
	s.options.file.ShutdownSyncTimeout = &patient
	s.firstStart()
	body := make([]byte, 3000)
	var most, written int64
	for end := time.Now().Add(30 * time.Second); written < 150<<20 && time.Now().Before(end); {
		s.writing.Lock()
		tx, err := s.db.Begin()
		must(t, err)
		for range 50 {
			_, err := tx.Exec(`INSERT INTO things (body) VALUES (?)`, body)
			must(t, err)
		}
		must(t, tx.Commit())
		s.writing.Unlock()
		written += 50 * 4096
		most = max(most, sizeOf(s.options.Database+"-wal"))
	}
	t.Logf("wrote %d MB; the log had %d MB at most", written>>20, most>>20)
	if most > walWarn {
		t.Errorf("the log grew to %d MB", most>>20)
	}
	s.synced()
	must(t, s.stop())
}
