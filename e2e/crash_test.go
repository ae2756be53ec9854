package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"hostaway-mcp/replica/replicatest"
)

// The power fails in the middle of writes, again and again: what was acknowledged is still there, the database is whole, and everybody's key
// and session go on.
func TestNothingAcknowledgedIsLostInACrash(t *testing.T) {
	t.Parallel()
	s, v, key := furnished(t, newUpstream(t, nil))
	killRounds(t, s, v, key, sized(5, 5, 20))
}

// The same while the database is copied, where another reads and empties the write-ahead log. In the end the replica holds all of it.
func TestNothingAcknowledgedIsLostInACrashWhileCopying(t *testing.T) {
	t.Parallel()
	s := newReplicated(t, newUpstream(t, nil), replicatest.Start(t).Proxy).run(t, firstStart)
	v, key := furnish(t, s)
	books := killRounds(t, s, v, key, sized(5, 15, 100))
	if code := s.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	to := filepath.Join(t.TempDir(), "restored.db")
	if code, out, errOut := finish(t, s.env, "restore", "--to", to); code != 0 {
		t.Fatalf("restore: %d %s%s", code, out, errOut)
	}
	db := openDatabase(t, to)
	db.intact(t)
	holdsAll(t, db, books, "the replica")
}

// killRounds kills the server at random points of a load, and compares what is there with what was acknowledged.
func killRounds(t *testing.T, s *server, v *visitor, key string, rounds int) *ledger {
	t.Helper()
	dice, books := newDice(t), &ledger{}
	for round := range rounds {
		name := fmt.Sprintf("round %d", round)
		if code, _, errOut := s.admin(t, "member", "add", owner().org, fmt.Sprintf("member%d@alpha.example", round), "--name", name); code != 0 {
			t.Fatalf("add member: %s", errOut)
		}
		killUnderLoad(t, s, v, key, books, dice)
		db := copyOfDatabase(t, s.data)
		db.intact(t)
		holdsAll(t, db, books, name)
		if !db.set(t, `SELECT name FROM members_all`)[name] {
			t.Errorf("%s: the member added before is gone", name)
		}
		_ = db.Close()
		if dice.IntN(5) == 0 {
			// And once more while it starts.
			s.program = start(t, s.env)
			rest(t.Context(), time.Duration(dice.IntN(300))*time.Millisecond)
			s.kill()
		}
		s.run(t)
		v.moveTo(s.base)
		if total := usageTotal(t, v); total < int64(books.callCount()) || total > books.sent.Load() {
			t.Errorf("%s: %d calls are counted; %d were acknowledged and %d sent", name, total, books.callCount(), books.sent.Load())
		}
		answer := newAssistant(s.base, key).must(t, "hostaway_whoami", `{}`)
		books.sent.Add(1)
		books.add(&books.calls, write{id: answer.requestID, caller: -1 - round, at: time.Now()})
		if t.Failed() {
			t.FailNow()
		}
	}
	if len(books.odd) > 0 {
		t.Errorf("changes of keys were answered with %v", books.odd)
	}
	t.Logf("%d rounds: %d tool calls acknowledged of %d sent; %d keys created and %d revoked; none missing, integrity ok each time",
		rounds, len(books.calls), books.sent.Load(), len(books.created), len(books.revoked))
	return books
}

// killUnderLoad writes from many sides and kills the server at a random moment after a random number of answers.
func killUnderLoad(t *testing.T, s *server, v *visitor, key string, books *ledger, dice *rand.Rand) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	enough := books.callCount() + 20 + dice.IntN(150)
	moment := time.Duration(dice.IntN(int(20 * time.Millisecond)))
	done := make(chan struct{})
	go func() {
		defer close(done)
		load{callers: 8, keys: true}.run(ctx, s, key, v, books)
	}()
	for books.callCount() < enough && ctx.Err() == nil {
		rest(ctx, time.Millisecond)
	}
	rest(ctx, moment)
	s.kill()
	<-done
	if books.callCount() < enough {
		t.Fatalf("only %d calls were answered in %v", books.callCount(), patience)
	}
}

// holdsAll compares a database that lost nothing with the ledger.
func holdsAll(t *testing.T, db database, books *ledger, when string) {
	t.Helper()
	for _, what := range []struct {
		noun   string
		writes []write
		query  string
	}{
		{"tool calls", books.calls, callsHeld},
		{"created keys", books.created, keysHeld},
		{"revoked keys", books.revoked, revokesHeld},
	} {
		if lost := missing(what.writes, db.set(t, what.query)); len(lost) > 0 {
			t.Errorf("%s: %d of %d acknowledged %s are missing, the first from %v", when, len(lost), len(what.writes), what.noun, lost[0].at)
		}
	}
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
