// A commit of which nobody knows whether it was done.

package store

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"hostaway-mcp/secret"
)

func TestACommitThatIsTriedAgainWritesNothingTwice(t *testing.T) {
	t.Parallel()
	ring := ringOf(t, secret.GenerateKey())
	st, err := Open(t.Context(), Config{
		Path: filepath.Join(t.TempDir(), "x.db"), PasswordCost: PasswordCost{64, 1, 1},
		Keyring: func(context.Context, bool) (*secret.Keyring, error) { return ring, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	p := newParty(t, st, "Acme", 1) // with one call
	o := &Org{store: st, id: p.org}
	r := &recording{
		org: p.org, id: st.auditIDs.next("aud", st.now()), done: make(chan error, 1),
		call: ToolCall{KeyID: p.key, Tool: "retried", Outcome: OutcomeOK, StartedAt: time.Now()},
	}
	for _, again := range []bool{false, true, true} {
		r.again = again
		if err := st.commits.write(t.Context(), []*recording{r}, nil); err != nil {
			t.Fatal(err)
		}
	}
	page, _, err := o.ListAudit(t.Context(), AuditFilter{})
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, e := range page {
		if e.Action == "retried" {
			rows++
		}
	}
	today := time.Now().UTC()
	usage, err := o.Usage(t.Context(), today.AddDate(0, 0, -1).Format(time.DateOnly), today.AddDate(0, 0, 2).Format(time.DateOnly))
	if err != nil || rows != 1 || usage.Total != 2 {
		t.Errorf("%d rows, %d calls counted, %v; want 1 and 2", rows, usage.Total, err)
	}
}
