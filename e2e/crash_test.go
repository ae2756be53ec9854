package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	crashRounds  = 5
	crashCallers = 8
)

// The power fails in the middle of calls: what was acknowledged is still
// there, and everybody's key and session go on.
func TestNothingAcknowledgedIsLostInACrash(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	s, v, key := furnished(t, newUpstream(t, nil))
	var acknowledged, sent atomic.Int64
	for round := range crashRounds {
		name := fmt.Sprintf("round %d", round)
		if code, _, errOut := s.admin(t, "member", "add", owner().org, fmt.Sprintf("member%d@alpha.example", round), "--name", name); code != 0 {
			t.Fatalf("add member: %s", errOut)
		}
		callUntilItDies(t, s, key, 50+dice.IntN(200), &sent, &acknowledged)
		s.run(t)
		v.moveTo(s.base)
		total := usageTotal(t, v)
		if total < acknowledged.Load() || total > sent.Load() {
			t.Fatalf("round %d: %d calls are counted; %d were acknowledged and %d sent", round, total, acknowledged.Load(), sent.Load())
		}
		newAssistant(s.base, key).must(t, "hostaway_whoami", `{}`)
		acknowledged.Add(1)
		sent.Add(1)
		if code, out, _ := s.admin(t, "member", "list", owner().org); code != 0 || !strings.Contains(out, name) {
			t.Fatalf("round %d: the member added before the crash is gone:\n%s", round, out)
		}
	}
	t.Logf("%d calls acknowledged, %d sent", acknowledged.Load(), sent.Load())
}

// callUntilItDies calls from many sides and kills the server after so many
// answers.
func callUntilItDies(t *testing.T, s *server, key string, answers int, sent, acknowledged *atomic.Int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	left := make(chan struct{}, answers)
	var group sync.WaitGroup
	for range crashCallers {
		group.Go(func() {
			client := newAssistant(s.base, key)
			for ctx.Err() == nil {
				sent.Add(1)
				answer, err := client.call(ctx, "hostaway_whoami", `{}`)
				if err != nil {
					return // the server is gone
				}
				if answer.ok() {
					acknowledged.Add(1)
				}
				select {
				case left <- struct{}{}:
				default:
					s.kill()
				}
			}
		})
	}
	group.Wait()
}

func usageTotal(t *testing.T, v *visitor) int64 {
	t.Helper()
	answer := v.get("/api/usage")
	var usage struct {
		Total *int64 `json:"total"`
	}
	if err := json.Unmarshal([]byte(answer.body), &usage); err != nil || usage.Total == nil {
		t.Fatalf("usage: %d %v %s", answer.status, err, answer.body)
	}
	return *usage.Total
}
