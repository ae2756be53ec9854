package billing

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"hostaway-mcp/billing/stripetest"
)

// chaosSize is small with `go test`, and full with SOAK=full.
func chaosSize[T any](small, full T) T {
	if os.Getenv("SOAK") == "full" {
		return full
	}
	return small
}

// chaosSeed is a new seed each time, which is printed; SOAK_SEED repeats a run.
func chaosSeed(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("SOAK_SEED"); text != "" {
		given, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = given
	}
	t.Logf("seed %d (SOAK_SEED=%d repeats it)", seed, seed)
	return seed
}

// weather is what goes wrong at Stripe. It depends on the seed and on the call, and not on which of several calls at once
// comes first, so that a seed repeats a run.
type weather struct {
	mu   sync.Mutex
	seed uint64
	seen map[uint64]uint64 // how often the same call came
	hits map[stripetest.FaultKind]int
}

func newWeather(seed uint64) *weather {
	return &weather{seed: seed, seen: map[uint64]uint64{}, hits: map[stripetest.FaultKind]int{}}
}

// fault gives 2 % of calls a 429, 1 % a 500 and 1 % a reset before anything is done, and to 3 % of writes one of both
// afterwards.
func (w *weather) fault(c stripetest.Call) stripetest.FaultKind {
	h := fnv.New64a()
	fmt.Fprint(h, c.At.Unix(), c.Method, c.Path, c.Body, c.IdempotencyKey)
	call := h.Sum64()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[call]++
	kind := stripetest.NoFault
	write := c.Method == "POST"
	switch x := rand.New(rand.NewPCG(w.seed^call, w.seen[call])).Float64(); {
	case x < 0.02:
		kind = stripetest.RateLimited
	case x < 0.03:
		kind = stripetest.Error500Before
	case x < 0.04:
		kind = stripetest.ResetBefore
	case write && x < 0.055:
		kind = stripetest.Error500After
	case write && x < 0.07:
		kind = stripetest.ResetAfter
	}
	w.hits[kind]++
	return kind
}

func (w *weather) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprintf("%d calls went well, %d got 429, %d got 500 (%d of them done), %d were cut (%d done)",
		w.hits[stripetest.NoFault], w.hits[stripetest.RateLimited],
		w.hits[stripetest.Error500Before]+w.hits[stripetest.Error500After], w.hits[stripetest.Error500After],
		w.hits[stripetest.ResetBefore]+w.hits[stripetest.ResetAfter], w.hits[stripetest.ResetAfter])
}

func diceOf(seed uint64, what string) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write(binary.LittleEndian.AppendUint64([]byte(what), seed)) // never fails
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}
