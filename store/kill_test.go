// A process that is killed while it records counts: of each count everything is
// there or nothing, and nothing that was acknowledged is missing.

package store_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// killedEnv makes this test program the process that is killed: path, key and API key.
const killedEnv = "STORE_TEST_RECORDS_COUNTS"

func TestMain(m *testing.M) {
	if what := os.Getenv(killedEnv); what != "" {
		fmt.Fprintln(os.Stderr, recordCounts(context.Background(), strings.Fields(what)))
		os.Exit(1) // it never ends by itself
	}
	os.Exit(m.Run())
}

// recordCounts records counts of 1, 2, 3 … listings and says each on stdout.
func recordCounts(ctx context.Context, with []string) error {
	ring, err := secret.ParseKeyring(with[1])
	if err != nil {
		return err
	}
	st, err := store.Open(ctx, store.Config{Path: with[0], Keyring: storetest.Fixed(ring), Billing: true, Mail: true})
	if err != nil {
		return err
	}
	o, _, err := st.OrgByAPIKey(ctx, secret.New(with[2]))
	if err != nil {
		return err
	}
	for {
		q, err := o.Desired(ctx)
		if err != nil {
			return err
		}
		n := q.Quantity + 1
		at := noon.Add(time.Duration(n) * time.Minute)
		mail := store.NewMail{Kind: "counted", To: store.ToOwners, DedupeKey: fmt.Sprint(n)}
		if _, err := o.RecordCount(ctx, store.Actor{Name: "child"}, count(at, n), change(q, n, at, mail)); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

func TestACountIsWholeAfterAKill(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	path, key := t.TempDir()+"/killed.db", secret.GenerateKey()
	ring, err := secret.ParseKeyring(key.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	opts := []storetest.Option{storetest.WithPath(path), storetest.WithKeyring(ring)}
	st, f := billed(t, opts...)
	must[store.ListingCount](t)(f.Org.RecordCount(t.Context(), f.By(), count(noon.Add(time.Minute), 1), change(store.DesiredQuantity{}, 1, noon.Add(time.Minute))))
	for round := range 5 {
		acknowledged := killWhileCounting(t, dice, path+" "+key.Reveal()+" "+f.APIKey.Reveal())
		q := must[store.DesiredQuantity](t)(f.Org.Desired(t.Context()))
		counts := must[[]store.ListingCount](t)(f.Org.ListingCounts(t.Context(), noon, noon.AddDate(1, 0, 0)))
		rows := must[[]store.BillableChange](t)(f.Org.Billable(t.Context(), noon, noon.AddDate(1, 0, 0)))
		mails := must[[]store.Mail](t)(st.DueMails(t.Context(), time.Now().Add(time.Hour), 1<<20))
		log := 0
		for o, err := range st.EachOrg(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			log += quantitiesInLog(t, o)
		}
		n := q.Quantity
		if n < acknowledged || int(q.Version) != n || len(counts) != n || len(rows) != n || len(mails) != n-1 || log != n {
			t.Fatalf("round %d: %d was acknowledged; quantity %d of version %d, %d counts, %d rows, %d mails, %d in the log",
				round, acknowledged, n, q.Version, len(counts), len(rows), len(mails), log)
		}
		for i, c := range counts {
			if c.Active != i+1 || rows[i].CountID != c.ID || rows[i].Quantity != i+1 {
				t.Fatalf("round %d: count %d is %+v with %+v", round, i, c, rows[i])
			}
		}
	}
}

// quantitiesInLog counts the log's entries about a quantity, over all pages.
func quantitiesInLog(t *testing.T, o *store.Org) (n int) {
	t.Helper()
	for before := ""; ; {
		page, next, err := o.ListAudit(t.Context(), store.AuditFilter{Before: before, Limit: 200})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			if e.Action == "billing.quantity_changed" {
				n++
			}
		}
		if before = next; next == "" {
			return n
		}
	}
}

// killWhileCounting returns the last count that the process acknowledged before it
// was killed, after a random number of them and a random part of another.
func killWhileCounting(t *testing.T, dice *rand.Rand, with string) (acknowledged int) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), killedEnv+"="+with)
	var said strings.Builder
	child.Stderr = &said
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for after := 3 + dice.IntN(40); after > 0 && lines.Scan(); after-- {
		_, _ = fmt.Sscan(lines.Text(), &acknowledged)
	}
	time.Sleep(time.Duration(dice.IntN(2000)) * time.Microsecond) // to be somewhere inside of one
	_ = child.Process.Kill()
	for lines.Scan() { // what it acknowledged meanwhile
		_, _ = fmt.Sscan(lines.Text(), &acknowledged)
	}
	_ = child.Wait() // it was killed
	if acknowledged == 0 || said.Len() > 0 {
		t.Fatalf("the process acknowledged %d: %s", acknowledged, said.String())
	}
	return acknowledged
}
