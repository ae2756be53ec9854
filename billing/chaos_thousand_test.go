// A thousand orgs, counted and brought to Stripe in a day: what that asks of Hostaway, of Stripe and of memory.
package billing

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"hostaway-mcp/hostaway"
	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

// fleet is a Hostaway of many accounts that have listings and nothing else; it counts what it is asked.
type fleet struct {
	mu       sync.Mutex
	listings map[string]int // by account id
	calls    map[string]int
	url      string
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{listings: map[string]int{}, calls: map[string]int{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.url = server.URL + "/v1"
	return f
}

// ServeHTTP gives a token that is the account's id, and pages of listings.
func (f *fleet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.URL.Path == "/v1/accessTokens" {
		id := r.FormValue("client_id")
		f.calls[id]++
		fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":63072000,"access_token":"token-%s"}`, id)
		return
	}
	id := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer token-")
	total, known := f.listings[id]
	if !known || r.URL.Path != "/v1/listings" {
		http.NotFound(w, r)
		return
	}
	f.calls[id]++
	from, _ := strconv.Atoi(r.FormValue("offset")) // absent is 0
	limit, err := strconv.Atoi(r.FormValue("limit"))
	if err != nil {
		http.Error(w, "no limit", http.StatusBadRequest)
		return
	}
	var rows []string
	for i := from; i < min(from+limit, total); i++ {
		rows = append(rows, fmt.Sprintf(`{"id":%d,"name":"Listing %d","specialStatus":null}`, 1000+i, i))
	}
	fmt.Fprintf(w, `{"status":"success","result":[%s],"limit":%d,"offset":%d,"count":%d}`, strings.Join(rows, ","), limit, from, total)
}

func (f *fleet) set(account int64, listings int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listings[strconv.FormatInt(account, 10)] = listings
}

// counting counts with the program's own client.
type counting struct {
	fleet  *fleet
	budget *hostaway.Budget
	now    func() time.Time
}

func (c *counting) CountListings(ctx context.Context, org *store.Org) (store.ListingCount, error) {
	connection, err := org.Connection(ctx)
	if err != nil {
		return store.ListingCount{}, err
	}
	client := hostaway.NewClient(hostaway.Config{
		BaseURL: c.fleet.url, Credentials: hostaway.Credentials{AccountID: connection.AccountID, Secret: secret.New("secret")},
		Budget: c.budget, ActivationWait: -1,
	})
	walk, err := client.CountListings(ctx)
	return store.ListingCount{
		CountedAt: c.now(), Active: len(walk.ActiveIDs), Total: walk.Total, Pages: walk.Pages, IDs: walk.ActiveIDs, Problem: walk.Problem,
		Complete: err == nil && walk.IsComplete(), ConnectionVersion: connection.Version,
	}, err
}

func TestAThousandOrgs(t *testing.T) {
	orgs := chaosSize(60, 1000)
	o, f := newOffice(t), newFleet(t)
	listings := make([]int, orgs)
	begun := time.Now()
	for i := range orgs {
		listings[i] = 3 + i%40
		if i == 1 {
			listings[i] = 600 // two pages
		}
		f.set(int64(1000+i), listings[i])
		o.subscribe(t, o.org(t, int64(1000+i), listings[i]))
	}
	made := time.Since(begun)
	plenty := hostaway.Rate{Calls: 1_000_000, Per: time.Second}
	o.cfg.Counter = &counting{fleet: f, budget: hostaway.NewBudget(hostaway.BudgetConfig{PerAccount: plenty, PerIP: plenty}), now: o.now}
	o.stripe.Advance(25 * time.Hour) // everybody's hour came once
	if _, err := o.CountDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	changed := 0
	for i := range orgs {
		if i%4 == 0 {
			listings[i] += 2
			changed++
		}
		f.set(int64(1000+i), listings[i])
	}
	f.calls = map[string]int{}
	o.stripe.ResetCalls()
	begun = time.Now()
	var most uint64
	for range 24 {
		o.stripe.Advance(time.Hour)
		if _, err := o.CountDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		o.bring(t)
		var mem runtime.MemStats
		runtime.ReadMemStats(&mem)
		most = max(most, mem.HeapInuse+mem.StackInuse)
	}
	took := time.Since(begun)
	reads, posts, calls := 0, 0, 0
	for route, n := range o.stripe.CallCounts() {
		if strings.HasPrefix(route, "GET") {
			reads += n
		} else {
			posts += n
		}
	}
	for i, n := range listings {
		asked := f.calls[strconv.Itoa(1000+i)]
		calls += asked
		if pages := (n + 499) / 500; asked < pages || asked > pages+1 {
			t.Errorf("%d calls to Hostaway for %d pages", asked, pages)
		}
	}
	t.Logf("%d orgs, %d of them changed: %d calls to Hostaway, %d reads and %d posts at Stripe, %.1f MB at most with both fakes, in %v (made in %v)",
		orgs, changed, calls, reads, posts, float64(most)/1e6, took.Round(time.Millisecond), made.Round(time.Millisecond))
	if reads > orgs || posts != changed {
		t.Errorf("%d reads, at most one for each of %d orgs; %d posts for %d changes", reads, orgs, posts, changed)
	}
	if most > 150e6 {
		t.Errorf("%.1f MB of memory, at most 150", float64(most)/1e6)
	}
	for i, x := range o.stripe.Subscriptions("") { // the newest first
		if want := listings[orgs-1-i]; int(x.Quantity()) != want {
			t.Errorf("Stripe has %d of %d listings", x.Quantity(), want)
		}
	}
}
