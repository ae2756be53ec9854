// Stripe's inbox: each event once, a customer's finished together, and what belongs
// to a signing secret.

package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

func event(id, customer string) store.StripeEvent {
	return store.StripeEvent{ID: id, Type: "invoice.paid", Customer: customer, ObjectID: "in_" + id, Version: "2023-10-16", Created: noon.Add(-time.Hour)}
}

func receive(t *testing.T, st *store.Store, e store.StripeEvent) bool {
	t.Helper()
	return must[bool](t)(st.ReceiveStripeEvent(t.Context(), e))
}

// pending are the ids of what is due, in order.
func pending(t *testing.T, st *store.Store, at time.Time) (ids string) {
	t.Helper()
	for _, e := range must[[]store.StripeEvent](t)(st.PendingStripeEvents(t.Context(), at, 100)) {
		ids += e.ID + " "
	}
	return ids
}

func TestAnEventIsReceivedOnce(t *testing.T) {
	t.Parallel()
	clock := clockAt(noon)
	st := storetest.Open(t, storetest.WithClock(clock))
	if !receive(t, st, event("a", "cus_1")) {
		t.Error("a new event is not fresh")
	}
	clock.Advance(time.Hour)
	again := event("a", "cus_2")
	again.Type = "invoice.voided"
	if receive(t, st, again) {
		t.Error("an event is fresh a second time")
	}
	want := event("a", "cus_1")
	want.Seq, want.ReceivedAt = 1, noon
	if diff := cmp.Diff([]store.StripeEvent{want}, must[[]store.StripeEvent](t)(st.PendingStripeEvents(t.Context(), noon, 10))); diff != "" {
		t.Errorf("the inbox (-want +got):\n%s", diff)
	}
	if n, err := st.FinishStripeEvents(t.Context(), "cus_1", 1, store.EventDone, ""); n != 1 || err != nil {
		t.Errorf("finished %d, %v", n, err)
	}
	if receive(t, st, event("a", "cus_1")) || pending(t, st, noon.AddDate(1, 0, 0)) != "" {
		t.Error("an event comes back after it was finished")
	}
	var input *store.InputError
	for _, bad := range []store.StripeEvent{{Type: "invoice.paid"}, {ID: "b"}} {
		if _, err := st.ReceiveStripeEvent(t.Context(), bad); !errors.As(err, &input) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	// Fifty deliveries of one event at once.
	var fresh atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if ok, err := st.ReceiveStripeEvent(t.Context(), event("b", "cus_1")); err != nil {
				t.Error(err)
			} else if ok {
				fresh.Add(1)
			}
		})
	}
	wg.Wait()
	if fresh.Load() != 1 {
		t.Errorf("one event was fresh %d times", fresh.Load())
	}
}

// What came before the fetch is finished with it, and what came during it is not.
// The clock stands still: the order of arrival counts, not the time.
func TestACustomersEventsAreFinishedTogether(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t, storetest.WithClock(clockAt(noon)))
	for _, e := range []store.StripeEvent{event("a", "cus_1"), event("b", "cus_2"), event("c", "cus_1"), event("d", "")} {
		receive(t, st, e)
	}
	upTo := must[int64](t)(st.NewestStripeEvent(t.Context()))
	receive(t, st, event("e", "cus_1")) // while Stripe is being read
	if n, err := st.FinishStripeEvents(t.Context(), "cus_1", upTo, store.EventDone, ""); n != 2 || err != nil {
		t.Errorf("finished %d, %v, want 2", n, err)
	}
	if got := pending(t, st, noon); got != "b d e " {
		t.Errorf("left are %q", got)
	}
	if err := st.FinishStripeEvent(t.Context(), "d", store.EventIgnored, "not about a customer"); err != nil {
		t.Error(err)
	}
	var input *store.InputError
	if _, err := st.FinishStripeEvents(t.Context(), "", 99, store.EventDone, ""); !errors.As(err, &input) {
		t.Errorf("events of nobody are finished together: %v", err)
	}
	if _, err := st.FinishStripeEvents(t.Context(), "cus_2", 99, "lost", ""); !errors.As(err, &input) {
		t.Errorf("an outcome that does not exist: %v", err)
	}
	if got := pending(t, st, noon); got != "b e " {
		t.Errorf("left are %q", got)
	}
}

func TestAnEventIsDeferred(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t, storetest.WithClock(clockAt(noon)))
	for _, e := range []store.StripeEvent{event("a", "cus_1"), event("b", "cus_1"), event("c", "cus_1"), event("d", "cus_2"), event("e", ""), event("f", "")} {
		receive(t, st, e)
	}
	// With b waits what came before it of the same customer; c is news.
	if err := st.DeferStripeEvent(t.Context(), "b", noon.Add(time.Minute), "the customer is not known"); err != nil {
		t.Fatal(err)
	}
	if err := st.DeferStripeEvent(t.Context(), "e", noon.Add(2*time.Minute), "429"); err != nil {
		t.Fatal(err)
	}
	for minutes, want := range map[int]string{0: "c d f ", 1: "c d f a b ", 2: "c d f a b e "} {
		if got := pending(t, st, noon.Add(time.Duration(minutes)*time.Minute)); got != want {
			t.Errorf("after %d minutes: %q, want %q", minutes, got, want)
		}
	}
	for _, e := range must[[]store.StripeEvent](t)(st.PendingStripeEvents(t.Context(), noon.Add(time.Hour), 100)) {
		want := map[string]string{"a": "1 the customer is not known", "b": "1 the customer is not known", "e": "1 429"}[e.ID]
		if got := fmt.Sprint(e.Attempts, " ", e.Note); want != "" && got != want || want == "" && e.Attempts != 0 {
			t.Errorf("%s: %q, want %q", e.ID, got, want)
		}
	}
	// A burst ends all of it, due or not.
	if n, err := st.FinishStripeEvents(t.Context(), "cus_1", 99, store.EventDone, ""); n != 3 || err != nil {
		t.Errorf("finished %d, %v", n, err)
	}
}

func TestStripeSetUpsAreKnownByTheirSecret(t *testing.T) {
	t.Parallel()
	clock := clockAt(noon)
	st := storetest.Open(t, storetest.WithClock(clock))
	live, test := secret.New("whsec_live0123456789"), secret.New("whsec_test0123456789")
	x := store.StripeSetup{
		AccountID: "acct_1", EndpointID: "we_1", EndpointURL: "https://x/webhooks/stripe", APIVersion: "2023-10-16",
		ProductID: "prod_1", PriceID: "price_1", PortalConfigurationID: "bpc_1",
	}
	for _, step := range []struct {
		secret   secret.Text
		livemode bool
		endpoint string
	}{{test, false, "we_1"}, {live, true, "we_2"}, {test, false, "we_3"}} {
		clock.Advance(time.Hour)
		x.Livemode, x.EndpointID = step.livemode, step.endpoint
		if err := st.SaveStripeSetup(t.Context(), step.secret, x); err != nil {
			t.Fatal(err)
		}
	}
	all := must[[]store.StripeSetup](t)(st.StripeSetups(t.Context()))
	if len(all) != 2 || all[0].EndpointID != "we_3" || all[1].EndpointID != "we_2" || !all[1].Livemode || all[0].Livemode {
		t.Fatalf("the set-ups: %+v", all)
	}
	if !all[0].Of(test) || all[0].Of(live) || !all[1].Of(live) || all[1].Of(secret.Text{}) {
		t.Error("a set-up does not know its secret")
	}
	x.Livemode, x.CreatedAt = false, noon.Add(3*time.Hour)
	if got := all[0]; got.AccountID != x.AccountID || got.EndpointURL != x.EndpointURL || got.PriceID != x.PriceID || got.ProductID != x.ProductID ||
		got.PortalConfigurationID != x.PortalConfigurationID || got.APIVersion != x.APIVersion || !got.CreatedAt.Equal(x.CreatedAt) {
		t.Errorf("%+v, want %+v", got, x)
	}
	var input *store.InputError
	if err := st.SaveStripeSetup(t.Context(), secret.Text{}, x); !errors.As(err, &input) {
		t.Errorf("without a secret: %v", err)
	}
	away := errors.New("away")
	beside := storetest.Open(t, func(c *store.Config) { c.Replicated = func(context.Context) error { return away } })
	if err := beside.SaveStripeSetup(t.Context(), live, x); !errors.Is(err, store.ErrNotReplicated) {
		t.Errorf("the copy is away: %v", err)
	}
}

// TestWhatPostsShowOfASecret: refusals add up until an event verifies it.
func TestWhatPostsShowOfASecret(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	st := storetest.Open(t, storetest.WithPath(path))
	known, other := secret.New("whsec_known"), secret.New("whsec_other")
	at := func(h int) *time.Time { when := noon.Add(time.Duration(h) * time.Hour); return &when }
	look := func() store.WebhookSecret {
		t.Helper()
		seen, err := store.Inspect(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		all := must[[]store.WebhookSecret](t)(st.WebhookSecrets(t.Context()))
		if len(all) != 1 || len(seen.WebhookSecrets) != 1 || !all[0].Of(known) || all[0].Of(other) || !seen.WebhookSecrets[0].Of(known) {
			t.Fatalf("known: %+v, from outside: %+v", all, seen.WebhookSecrets)
		}
		return all[0]
	}
	for i, step := range []struct{ seen, want store.WebhookSecret }{
		{store.WebhookSecret{Refused: 2, RefusedAt: at(1), Why: "forged"}, store.WebhookSecret{Refused: 2, RefusedAt: at(1), Why: "forged"}},
		{store.WebhookSecret{Refused: 3, RefusedAt: at(2), Why: "stale"}, store.WebhookSecret{Refused: 5, RefusedAt: at(2), Why: "stale"}},
		{store.WebhookSecret{VerifiedAt: at(3)}, store.WebhookSecret{VerifiedAt: at(3)}},
		{store.WebhookSecret{Refused: 1, RefusedAt: at(4), Why: "forged"}, store.WebhookSecret{VerifiedAt: at(3), Refused: 1, RefusedAt: at(4), Why: "forged"}},
		{store.WebhookSecret{}, store.WebhookSecret{VerifiedAt: at(3), Refused: 1, RefusedAt: at(4), Why: "forged"}},
		{store.WebhookSecret{VerifiedAt: at(5), Refused: 4, RefusedAt: at(6), Why: "stale"}, store.WebhookSecret{VerifiedAt: at(5), Refused: 4, RefusedAt: at(6), Why: "stale"}},
	} {
		if err := st.SawWebhookPosts(t.Context(), known, step.seen); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, look(), cmpopts.IgnoreUnexported(store.WebhookSecret{})); diff != "" {
			t.Errorf("step %d (-want +got):\n%s", i, diff)
		}
	}
	var input *store.InputError
	for name, err := range map[string]error{
		"no secret":              st.SawWebhookPosts(t.Context(), secret.Text{}, store.WebhookSecret{}),
		"a refusal without time": st.SawWebhookPosts(t.Context(), other, store.WebhookSecret{Refused: 1}),
	} {
		if !errors.As(err, &input) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
