package e2e

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hostaway-mcp/replica/replicatest"
)

const costCallers = 16

// What replication costs a tool call that writes its audit row: calls per second of a server that copies and of one that does not, in turns of
// a second each on the same machine. The call asks nobody else, so that nothing hides the cost; the storage's own work falls on the machine too.
func TestReplicationCostsLittle(t *testing.T) {
	soakOnly(t)
	dice := newDice(t)
	up := newUpstream(t, nil)
	plain := newServer(t, up).run(t)
	copying := newReplicated(t, up, replicatest.Start(t).Proxy).run(t, firstStart)
	keys := map[*server]string{}
	for _, s := range []*server{plain, copying} {
		v := newVisitor(t, s.base)
		v.signUp(s.setUpLink(), owner())
		keys[s] = v.createKey("cost")
		throughput(t, s, keys[s], 2*time.Second) // warm
	}
	var ratios []float64
	var largest int64
	answered, used := map[*server]int64{}, map[*server]time.Duration{}
	for range sized(0, 25, 75) {
		pair, rates := []*server{plain, copying}, map[*server]float64{}
		dice.Shuffle(2, func(i, j int) { pair[i], pair[j] = pair[j], pair[i] })
		for _, s := range pair {
			before := s.cpu(t)
			n, rate := throughput(t, s, keys[s], time.Second)
			rates[s] = rate
			answered[s] += n
			used[s] += s.cpu(t) - before
		}
		if info, err := os.Stat(databaseOf(plain) + "-wal"); err == nil {
			largest = max(largest, info.Size())
		}
		ratios = append(ratios, rates[copying]/rates[plain])
	}
	slices.Sort(ratios)
	median := ratios[len(ratios)/2]
	for name, s := range map[string]*server{"without": plain, "with": copying} {
		t.Logf("%-7s a replica: %6d calls in %d s, %v of processor time each", name, answered[s], len(ratios), used[s]/time.Duration(answered[s]))
	}
	t.Logf("median ratio of throughput with and without %.3f (%.3f to %.3f, quarters at %.3f and %.3f); the log of the server without a replica grew to %.1f MB",
		median, ratios[0], ratios[len(ratios)-1], ratios[len(ratios)/4], ratios[len(ratios)*3/4], float64(largest)/1e6)
	if median < 0.9 {
		t.Errorf("replication costs %.1f %% of the throughput, more than 10 %%", 100*(1-median))
	}
	if largest > 64<<20 {
		t.Errorf("the server without a replica let its log grow to %d bytes, so it did not do the work that it is compared by", largest)
	}
}

// throughput calls for so long and counts the answers, in all and per second.
func throughput(t *testing.T, s *server, key string, d time.Duration) (n int64, rate float64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var answered atomic.Int64
	var group sync.WaitGroup
	began := time.Now()
	client := newAssistant(s.base, key)
	for range costCallers {
		group.Go(func() {
			for ctx.Err() == nil {
				answer, err := client.call(ctx, "hostaway_whoami", `{}`)
				if err == nil && answer.ok() {
					answered.Add(1)
				} else if ctx.Err() == nil {
					t.Errorf("%d %v", answer.status, err)
					return
				}
			}
		})
	}
	group.Wait()
	return answered.Load(), float64(answered.Load()) / time.Since(began).Seconds()
}

// What an idle server costs: less than a hundredth of a processor, and at most 250 calls to the storage in an hour. In full, an hour is
// measured, with the restore drill that falls into it. The bounded run measures five minutes without a drill, reckons them up to an hour, and
// adds a drill; what compaction still does with the writes of the start is then counted once, provided that nothing was written in those five
// minutes. A snapshot, of which there are four a day, is added as if one fell into each hour.
func TestAnIdleServerCostsLittle(t *testing.T) {
	soakOnly(t)
	t.Parallel()
	storage := replicatest.Start(t)
	s := newReplicated(t, newUpstream(t, nil), storage.Proxy).run(t, firstStart)
	v, key := furnish(t, s)
	newAssistant(s.base, key).must(t, "hostaway_whoami", `{}`)
	v.get("/usage")
	rest(t.Context(), sized(0, 210*time.Second, 7*time.Minute)) // what was written at first is compacted by then, and the first drill is to come
	storage.Forget()
	before, span := s.cpu(t), sized(0, 5*time.Minute, time.Hour)
	rest(t.Context(), span)
	used, calls := s.cpu(t)-before, callsByPlace(storage.Calls())
	share := 100 * used.Seconds() / span.Seconds()

	storage.Forget()
	if code, out, errOut := finish(t, s.env, "replica", "verify"); code != 0 {
		t.Fatalf("replica verify: %d %s%s", code, out, errOut)
	}
	drill := callsByPlace(storage.Calls())
	perHour := 1.0 // a snapshot
	for _, place := range slices.Sorted(maps.Keys(calls)) {
		n := float64(calls[place])
		if wrote := calls["PUT level 0000"] > 0; wrote || !followsWrites(place) {
			n *= time.Hour.Seconds() / span.Seconds()
		}
		perHour += n
		t.Logf("%-45s %4d in %v, %6.1f an hour", place, calls[place], span, n)
	}
	for _, place := range slices.Sorted(maps.Keys(sized(nil, drill, nil))) {
		perHour += float64(drill[place])
		t.Logf("%-45s %4d for one restore drill, hourly", place, drill[place])
	}
	t.Logf("idle: %.2f %% of a processor, %.0f calls to the storage an hour, %.0f a month, %d MB of memory", share, perHour, perHour*24*30, s.memory(t)>>20)
	if share >= 1 {
		t.Errorf("an idle server uses %.2f %% of a processor", share)
	}
	if perHour > 250 {
		t.Errorf("an idle server makes %.0f calls to the storage an hour", perHour)
	}
}

// followsWrites is true for what happens only after something was written.
func followsWrites(place string) bool {
	kind, about, _ := strings.Cut(place, " level ")
	return strings.HasPrefix(place, string(replicatest.DeleteMany)) || about != "" && (kind == string(replicatest.Get) || kind == string(replicatest.Put))
}

// callsByPlace counts calls by their kind and by what they are about: a level of the replica, or an object of its own.
func callsByPlace(calls []replicatest.Call) map[string]int {
	counts := map[string]int{}
	for _, c := range calls {
		place := strings.TrimPrefix(strings.TrimPrefix(c.Key, replicaPath), "/")
		if level, _, below := strings.Cut(place, "/"); below {
			place = "level " + level
		}
		counts[string(c.Kind)+" "+place]++
	}
	return counts
}

// cpu is the processor time that the server has used, of user and system.
func (s *server) cpu(t *testing.T) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	must(t, err)
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	var ticks int
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		must(t, err)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond // USER_HZ is 100 everywhere
}

// memory is what the server holds of it, in bytes.
func (s *server) memory(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	must(t, err)
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	must(t, err)
	return pages * os.Getpagesize()
}
