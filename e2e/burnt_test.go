package e2e

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hostaway-mcp/replica/replicatest"
)

// The machine burns down under load. With the replica and the key that is all there is, a start on an empty disk is the service again: the
// same keys and sessions, and credentials that open.
func TestTheServiceComesBackByItself(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	count := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked.Add(1); next.ServeHTTP(w, r) })
	}
	storage := replicatest.Start(t)
	s := newReplicated(t, newUpstream(t, count), storage.Proxy).run(t, firstStart)
	v, key := furnish(t, s)
	books := &ledger{}
	killUnderLoad(t, s, v, key, books, newDice(t))
	s.burn(t)
	asked.Store(0)
	s.run(t)
	v.moveTo(s.base)
	if overview := v.get("/"); overview.path != "/" || overview.status != http.StatusOK {
		t.Errorf("the session landed on %s (%d)", overview.path, overview.status)
	}
	listed := newAssistant(s.base, key).must(t, "hostaway_list_properties", `{"limit":2}`)
	if asked.Load() == 0 {
		t.Error("Hostaway was not asked, so the sealed credentials were not needed")
	}
	shows(t, string(listed.body), firstMarker)
	db := openDatabase(t, databaseOf(s))
	db.intact(t)
	if found := gaps(books.calls, db.set(t, callsHeld)); len(found) > 0 {
		t.Errorf("gaps: %v", found)
	}
	if code := s.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// lossAim is how much of ordinary writes a burnt machine may take with it.
const lossAim = 500 * time.Millisecond

// What a burnt machine costs, with a storage 40 ms away: of ordinary writes the last moment, of critical ones that were acknowledged under
// `wait` nothing. The rounds of both kinds alternate, since a critical write takes the ordinary ones before it along.
func TestWhatABurntMachineCosts(t *testing.T) {
	t.Parallel()
	dice := newDice(t)
	storage := replicatest.Start(t)
	storage.SetLatency(40 * time.Millisecond)
	s := newReplicated(t, newUpstream(t, nil), storage.Proxy, "HMCP_CRITICAL_WRITES=wait").run(t, firstStart)
	v, key := furnish(t, s)
	books := &ledger{}
	var losses []time.Duration
	for round := range sized(3, 4, 30) {
		w := load{callers: 4, pause: 10 * time.Millisecond, keys: round%2 == 1}
		killed := burnUnderLoad(t, s, v, key, books, w, dice)
		began := time.Now()
		s.run(t)
		back := time.Since(began)
		v.moveTo(s.base)
		db := openDatabase(t, databaseOf(s))
		db.intact(t)
		held := db.set(t, callsHeld)
		if found := gaps(books.calls, held); len(found) > 0 {
			t.Errorf("round %d: gaps: %v", round, found)
		}
		lost := missing(books.calls, held)
		loss := time.Duration(0)
		if len(lost) > 0 {
			loss = killed.Sub(lost[0].at)
		}
		losses = append(losses, loss)
		t.Logf("round %2d, critical writes %-5v: %5d calls acknowledged, %3d lost, of the last %3d ms; served again after %4d ms",
			round, w.keys, len(books.calls), len(lost), loss.Milliseconds(), back.Milliseconds())
		if lost := append(missing(books.created, db.set(t, keysHeld)), missing(books.revoked, db.set(t, revokesHeld))...); len(lost) > 0 {
			t.Errorf("round %d: %d critical writes that were acknowledged are lost", round, len(lost))
		}
		books.forget(lost)
		_ = db.Close()
		if t.Failed() {
			t.FailNow()
		}
	}
	acknowledged := 100 * float64(books.asked-books.held) / float64(books.asked)
	t.Logf("worst loss of ordinary writes %d ms; critical writes: %d asked, %.2f %% acknowledged at the first try, %d keys created and %d revoked, none lost",
		slices.Max(losses).Milliseconds(), books.asked, acknowledged, len(books.created), len(books.revoked))
	if len(books.odd) > 0 {
		t.Errorf("critical writes were answered with %v", books.odd)
	}
	if worst := slices.Max(losses); worst > sized(10*lossAim, 10*lossAim, lossAim) {
		t.Errorf("the worst loss is %v", worst)
	}
	if strict() && acknowledged < 99 {
		t.Errorf("only %.2f %% of critical writes were acknowledged at the first try", acknowledged)
	}
}

// burnUnderLoad writes for a while, burns the machine at a random moment, and says when that was.
func burnUnderLoad(t *testing.T, s *server, v *visitor, key string, books *ledger, w load, dice *rand.Rand) (killed time.Time) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	before := books.callCount()
	done := make(chan struct{})
	go func() { defer close(done); w.run(ctx, s, key, v, books) }()
	rest(ctx, time.Second+time.Duration(dice.IntN(int(2*time.Second))))
	killed = time.Now()
	s.burn(t)
	<-done
	if books.callCount() == before {
		t.Fatal("no call was answered, so this round proves nothing")
	}
	return killed
}

func shows(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, w := range wanted {
		if !strings.Contains(text, w) {
			t.Errorf("%q is not in:\n%s", w, clip(text))
		}
	}
}
