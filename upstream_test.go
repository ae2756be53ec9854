package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"hostaway-mcp/dashboard"
	"hostaway-mcp/hostaway"
	"hostaway-mcp/hostaway/hostawaytest"
	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

const (
	alphaID, bravoID         = 61001, 61002
	alphaSecret, bravoSecret = "alpha's own secret", "bravo's own secret"
	alphaMarker, bravoMarker = "ALPHAMARK", "BRAVOMARK"
)

// upstreamTest is two orgs with two accounts whose rows have the same ids.
type upstreamTest struct {
	*upstream
	fake         *hostawaytest.Server
	store        *store.Store
	alpha, bravo storetest.Fixture
	account      *hostawaytest.Account // alpha's
}

func newUpstreamTest(t *testing.T) upstreamTest {
	t.Helper()
	fake := hostawaytest.Start(hostawaytest.Options{ActivationDelay: -1})
	t.Cleanup(fake.Close)
	u := upstreamTest{fake: fake, upstream: upstreamTo(t, fake.URL())}
	u.account = fake.AddAccount(hostawaytest.Account{ID: alphaID, Secret: alphaSecret, Seed: 1, Today: "2026-11-20", Marker: alphaMarker})
	fake.AddAccount(hostawaytest.Account{ID: bravoID, Secret: bravoSecret, Seed: 2, Today: "2026-11-20", Marker: bravoMarker})
	db := storetest.Open(t)
	u.store = db
	u.alpha, u.bravo = storetest.Org(t, db, "Alpha"), storetest.Org(t, db, "Bravo")
	storetest.Connect(t, u.alpha.Org, alphaID, alphaSecret)
	storetest.Connect(t, u.bravo.Org, bravoID, bravoSecret)
	return u
}

func upstreamTo(t *testing.T, address string) *upstream {
	t.Helper()
	many := hostaway.Rate{Calls: 1_000_000, Per: time.Second}
	u := newUpstream(config{HostawayURL: address, HostawayPerAccount: many, HostawayPerIP: many}, time.Now, slog.New(slog.DiscardHandler))
	u.activation = -1
	return u
}

// names asks Hostaway for org's listings and returns their names in one text.
func (u upstreamTest) names(ctx context.Context, org *store.Org) (string, error) {
	client, err := u.ClientFor(ctx, org)
	if err != nil {
		return "", err
	}
	page, err := client.Listings(ctx, hostaway.ListingFilter{}, hostaway.PageRequest{Limit: 50})
	var names strings.Builder
	for _, l := range page.Items {
		fmt.Fprintf(&names, "%d %s\n", l.ID, l.Name)
	}
	return names.String(), err
}

func TestEachOrgReachesItsOwnAccountOnly(t *testing.T) {
	t.Parallel()
	u := newUpstreamTest(t)
	var group sync.WaitGroup
	for caller := range 100 {
		group.Go(func() {
			org, own, foreign := u.alpha.Org, alphaMarker, bravoMarker
			if caller%2 == 1 {
				org, own, foreign = u.bravo.Org, bravoMarker, alphaMarker
			}
			names, err := u.names(t.Context(), org)
			if err != nil || !strings.Contains(names, own) || strings.Contains(names, foreign) {
				t.Errorf("caller %d: %v\n%s", caller, err, names)
			}
		})
	}
	group.Wait()
	if n := u.fake.CountCalls("POST", "/v1/accessTokens"); n != 2 {
		t.Errorf("%d tokens were fetched for two orgs", n)
	}
}

func TestClientsFollowTheConnection(t *testing.T) {
	t.Parallel()
	u, ctx := newUpstreamTest(t), t.Context()
	first, err := u.ClientFor(ctx, u.alpha.Org)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := u.ClientFor(ctx, u.alpha.Org); again != first {
		t.Error("a second call has a client of its own")
	}
	u.Forget(u.alpha.Org.ID())
	if again, _ := u.ClientFor(ctx, u.alpha.Org); again == first {
		t.Error("a forgotten client is still used")
	}
	if err := u.bravo.Org.Disconnect(ctx, u.bravo.By()); err != nil {
		t.Fatal(err)
	}
	if _, err := u.ClientFor(ctx, u.bravo.Org); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("without a connection: %v", err)
	}
	// Another account, without Forget: the version alone must do.
	kept, _ := u.ClientFor(ctx, u.alpha.Org)
	storetest.Connect(t, u.alpha.Org, bravoID, bravoSecret)
	if moved, err := u.ClientFor(ctx, u.alpha.Org); err != nil || moved == kept || moved.AccountID() != bravoID {
		t.Errorf("after connecting another account: %v", err)
	}
}

func TestTokensOutliveTheProcess(t *testing.T) {
	t.Parallel()
	u := newUpstreamTest(t)
	if _, err := u.names(t.Context(), u.alpha.Org); err != nil {
		t.Fatal(err)
	}
	if c, err := u.alpha.Org.Connection(t.Context()); err != nil || c.CheckedAt == nil {
		t.Errorf("a fresh token does not count as a check: %+v %v", c, err)
	}
	u.upstream = upstreamTo(t, u.fake.URL())
	if _, err := u.names(t.Context(), u.alpha.Org); err != nil {
		t.Fatal(err)
	}
	if n := u.fake.CountCalls("POST", "/v1/accessTokens"); n != 1 {
		t.Errorf("%d tokens were fetched", n)
	}
}

// Once Hostaway refuses the credentials, the connection says so, and nobody
// asks again before somebody reconnects.
func TestRefusedCredentialsAreRemembered(t *testing.T) {
	t.Parallel()
	u, ctx := newUpstreamTest(t), t.Context()
	u.account.SetSecret("changed in Hostaway")
	refused := &hostaway.Error{Code: hostaway.CredentialsRefused}
	if _, err := u.names(ctx, u.alpha.Org); !errors.Is(err, refused) {
		t.Fatalf("the first call: %v", err)
	}
	if c, err := u.alpha.Org.Connection(ctx); err != nil || c.State != store.ConnectionRefused {
		t.Fatalf("%+v %v", c, err)
	}
	calls := len(u.fake.Calls())
	if _, err := u.ClientFor(ctx, u.alpha.Org); !errors.Is(err, refused) || len(u.fake.Calls()) != calls {
		t.Errorf("the next call: %v, %d calls", err, len(u.fake.Calls())-calls)
	}
	if _, err := u.names(ctx, u.bravo.Org); err != nil {
		t.Errorf("the other org: %v", err)
	}
	storetest.Connect(t, u.alpha.Org, alphaID, "changed in Hostaway")
	if _, err := u.names(ctx, u.alpha.Org); err != nil {
		t.Errorf("after reconnecting: %v", err)
	}
}

// A client that still works for an old version must not touch the new one.
func TestOldClientsDoNotTouchANewConnection(t *testing.T) {
	t.Parallel()
	u, ctx := newUpstreamTest(t), t.Context()
	old := orgLink{org: u.alpha.Org, version: 1, log: slog.New(slog.DiscardHandler)}
	fresh := store.HostawayToken{Value: secret.New("token of the new account"), IssuedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
	replaced, err := u.alpha.Org.Connect(ctx, u.alpha.By(), store.NewConnection{AccountID: 777, Secret: secret.New("another account's secret"), Token: fresh})
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Save(ctx, hostaway.Token{Value: secret.New("old"), IssuedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}); err != nil {
		t.Error(err)
	}
	old.refused(ctx, &hostaway.Error{Message: "old"})
	if c, err := u.alpha.Org.Connection(ctx); err != nil || c.State != store.ConnectionConnected {
		t.Errorf("%+v %v", c, err)
	}
	if token, err := old.Load(ctx); err != nil || !token.Value.IsZero() {
		t.Errorf("the old client loads %q, %v", token.Value.Reveal(), err)
	}
	current := orgLink{org: u.alpha.Org, version: replaced.Version, log: slog.New(slog.DiscardHandler)}
	if token, err := current.Load(ctx); err != nil || token.Value.Reveal() != fresh.Value.Reveal() {
		t.Errorf("the new client loads %q, %v", token.Value.Reveal(), err)
	}
}

func TestCheckTellsTheKindOfFailure(t *testing.T) {
	t.Parallel()
	u := newUpstreamTest(t)
	checked, err := u.Check(t.Context(), u.alpha.Org.ID(), alphaID, secret.New(alphaSecret))
	if err != nil || checked.Token.Value.IsZero() || checked.ListingCount == nil || *checked.ListingCount != 11 {
		t.Fatalf("%+v %v", checked, err)
	}
	nobody := httptest.NewServer(http.NotFoundHandler())
	nobody.Close()
	odd := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>hello")) }))
	defer odd.Close()
	tests := map[dashboard.CheckKind]*upstream{
		dashboard.CheckRefused:     u.upstream,
		dashboard.CheckUnreachable: upstreamTo(t, nobody.URL),
		dashboard.CheckOddAnswer:   upstreamTo(t, odd.URL),
	}
	for kind, to := range tests {
		_, err := to.Check(t.Context(), u.alpha.Org.ID(), alphaID, secret.New("guessed"))
		var problem *dashboard.CheckError
		if !errors.As(err, &problem) || problem.Kind != kind || problem.Message == "" {
			t.Errorf("%s: %v", kind, err)
		}
	}
	for code, kind := range map[hostaway.Code]dashboard.CheckKind{
		hostaway.RateLimited: dashboard.CheckRateLimited, hostaway.TimedOut: dashboard.CheckUnreachable, hostaway.BadAnswer: dashboard.CheckOddAnswer,
	} {
		var problem *dashboard.CheckError
		if err := u.checkProblem(t.Context(), 1, fmt.Errorf("wrapped: %w", &hostaway.Error{Code: code})); !errors.As(err, &problem) || problem.Kind != kind {
			t.Errorf("%s: %v", code, err)
		}
	}
}

// However many checks one org asks for, and whichever account it names: the
// other org's calls go on.
func TestChecksDoNotShutOthersOut(t *testing.T) {
	t.Parallel()
	for name, account := range map[string]func(i int) int64{
		"the other's account": func(int) int64 { return bravoID },
		"invented accounts":   func(i int) int64 { return int64(900_000 + i) },
		"its own account":     func(int) int64 { return alphaID },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newUpstreamTest(t)
			few := hostaway.Rate{Calls: 5, Per: time.Second}
			u.upstream = newUpstream(config{HostawayURL: u.fake.URL(), HostawayPerAccount: few, HostawayPerIP: few}, time.Now, slog.New(slog.DiscardHandler))
			u.activation = -1
			ctx, stop := context.WithCancel(t.Context())
			var group sync.WaitGroup
			defer group.Wait()
			defer stop()
			waiting := make(chan struct{}, 60)
			for i := range 60 { // they need 12 s and more
				group.Go(func() {
					waiting <- struct{}{}
					_, _ = u.Check(ctx, u.alpha.Org.ID(), account(i), secret.New("wrong"))
				})
			}
			for range 60 {
				<-waiting
			}
			for call := range 3 {
				soon, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				if _, err := u.names(soon, u.bravo.Org); err != nil {
					t.Errorf("call %d: %v", call, err)
				}
				cancel()
			}
		})
	}
}

// A command beside the server deletes one org and disconnects another: the server
// keeps no client of theirs, which would hold their secrets.
func TestClientsOfGoneOrgsAreForgotten(t *testing.T) {
	t.Parallel()
	u := newUpstreamTest(t)
	third := storetest.Org(t, u.store, "Third")
	u.fake.AddAccount(hostawaytest.Account{ID: 61003, Secret: "third", Seed: 3, Today: "2026-11-20"})
	storetest.Connect(t, third.Org, 61003, "third")
	for _, f := range []storetest.Fixture{u.alpha, u.bravo, third} {
		if _, err := u.ClientFor(t.Context(), f.Org); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := u.forgetGone(t.Context(), u.store); err != nil || n != 0 {
		t.Errorf("all are there: %d forgotten, %v", n, err)
	}
	if _, err := u.store.DeleteOrg(t.Context(), u.alpha.Org); err != nil {
		t.Fatal(err)
	}
	if err := u.bravo.Org.Disconnect(t.Context(), u.bravo.By()); err != nil {
		t.Fatal(err)
	}
	if n, err := u.forgetGone(t.Context(), u.store); err != nil || n != 2 || len(u.clients) != 1 {
		t.Errorf("%d forgotten, %d left, %v", n, len(u.clients), err)
	}
	if err := third.Org.Disconnect(t.Context(), third.By()); err != nil {
		t.Fatal(err)
	}
	if _, err := u.ClientFor(t.Context(), third.Org); !errors.Is(err, store.ErrNotFound) || len(u.clients) != 0 {
		t.Errorf("the last one: %v, %d left", err, len(u.clients))
	}
}
