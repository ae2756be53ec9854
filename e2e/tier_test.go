package e2e

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// How large a run is: small with `go test`, bounded in .ci/run (SOAK=bounded), and in full with `make soak` (SOAK=full).
func sized[T any](small, bounded, full T) T {
	switch os.Getenv("SOAK") {
	case "":
		return small
	case "bounded":
		return bounded
	}
	return full
}

// soakOnly skips what takes long even at its smallest.
func soakOnly(t *testing.T) {
	t.Helper()
	if os.Getenv("SOAK") == "" {
		t.Skip("runs with SOAK=bounded (.ci/run) or SOAK=full (make soak)")
	}
}

// strict says that absolute figures decide: on a machine that does nothing else.
func strict() bool { return os.Getenv("SOAK") == "full" }

// newDice gives random numbers whose seed is printed; SOAK_SEED repeats a run.
func newDice(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("SOAK_SEED"); text != "" {
		given, err := strconv.ParseUint(text, 10, 64)
		must(t, err)
		seed = given
	}
	t.Logf("seed %d (SOAK_SEED=%d repeats it)", seed, seed)
	return rand.New(rand.NewPCG(seed, 0))
}
