// Changes that wait for a copy, and what a copy may ask of the store.

package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// copyist stands for the copy on another machine: it counts who waits for it, and
// can be away.
type copyist struct {
	asked int
	away  error
}

func (c *copyist) replicated(context.Context) error {
	c.asked++
	return c.away
}

// criticalWrites are all changes that wait for the copy. Each must be done when it
// answers with ErrNotReplicated, and give back what a done one gives.
var criticalWrites = map[string]func(ctx context.Context, st *store.Store, f storetest.Fixture) (complete bool, err error){
	"CreateOrg": func(ctx context.Context, st *store.Store, _ storetest.Fixture) (bool, error) {
		o, m, err := st.CreateOrg(ctx, store.NewOrg{Name: "New", Email: "new@example.com", MemberName: "N", Password: secret.New("violet-harbour-28")}, store.Actor{})
		return o != nil && m.ID != "", err
	},
	"SignUp": func(ctx context.Context, st *store.Store, _ storetest.Fixture) (bool, error) {
		token, session, err := st.SignUp(ctx, store.SignUp{OrgName: "New", Email: "new@example.com", MemberName: "N", Password: secret.New("violet-harbour-28")})
		_, _, openErr := st.OrgBySession(ctx, token)
		return openErr == nil && session.ID != "", err
	},
	"AddMember": func(ctx context.Context, _ *store.Store, f storetest.Fixture) (bool, error) {
		m, err := f.Org.AddMember(ctx, f.By(), "mia@example.com", "Mia", store.RoleMember, secret.New("violet-harbour-28"))
		all, listErr := f.Org.Members(ctx)
		return m.ID != "" && len(all) == 2 && listErr == nil, err
	},
	"SetRole": func(ctx context.Context, _ *store.Store, f storetest.Fixture) (bool, error) {
		return true, f.Org.SetRole(ctx, f.By(), f.Member.ID, store.RoleOwner)
	},
	"RemoveMember": func(ctx context.Context, _ *store.Store, f storetest.Fixture) (bool, error) {
		m, err := f.Org.AddMember(ctx, f.By(), "mia@example.com", "Mia", store.RoleMember, secret.New("violet-harbour-28"))
		if err != nil && !errors.Is(err, store.ErrNotReplicated) {
			return false, err
		}
		err = f.Org.RemoveMember(ctx, f.By(), m.ID)
		all, listErr := f.Org.Members(ctx)
		return len(all) == 1 && listErr == nil, err
	},
	"CreateAPIKey": func(ctx context.Context, st *store.Store, f storetest.Fixture) (bool, error) {
		k, text, err := f.Org.CreateAPIKey(ctx, f.By(), "Cursor")
		_, _, openErr := st.OrgByAPIKey(ctx, text)
		return k.ID != "" && openErr == nil, err
	},
	"RegenerateAPIKey": func(ctx context.Context, st *store.Store, f storetest.Fixture) (bool, error) {
		k, text, err := f.Org.RegenerateAPIKey(ctx, f.By(), f.Key.ID)
		_, _, openErr := st.OrgByAPIKey(ctx, text)
		return k.ID == f.Key.ID && openErr == nil, err
	},
	"RevokeAPIKey": func(ctx context.Context, st *store.Store, f storetest.Fixture) (bool, error) {
		err := f.Org.RevokeAPIKey(ctx, f.By(), f.Key.ID)
		_, _, openErr := st.OrgByAPIKey(ctx, f.APIKey)
		return errors.Is(openErr, store.ErrNotFound), err
	},
	"Connect": func(ctx context.Context, _ *store.Store, f storetest.Fixture) (bool, error) {
		c, err := f.Org.Connect(ctx, f.By(), store.NewConnection{AccountID: 7, Secret: secret.New("a secret of Hostaway")})
		return c.AccountID == 7, err
	},
	"SaveBilling": func(ctx context.Context, _ *store.Store, f storetest.Fixture) (bool, error) {
		a, err := f.Org.SaveBilling(ctx, f.By(), store.BillingAccount{CustomerID: "cus_1", Access: store.AccessActive, AccessReason: store.ReasonSubscribed})
		saved, readErr := f.Org.Billing(ctx)
		return a.Version == 1 && saved.CustomerID == "cus_1" && readErr == nil, err
	},
	"RecordCount": func(ctx context.Context, _ *store.Store, f storetest.Fixture) (bool, error) {
		_, err := f.Org.Connect(ctx, f.By(), store.NewConnection{AccountID: 7, Secret: secret.New("a secret of Hostaway")})
		if err != nil && !errors.Is(err, store.ErrNotReplicated) {
			return false, err
		}
		c, err := f.Org.RecordCount(ctx, f.By(), count(noon, 2), store.QuantityChange{})
		kept, readErr := f.Org.NewestCompleteCount(ctx)
		return c.ID != "" && kept.ID == c.ID && readErr == nil, err
	},
	"SetDesired": func(ctx context.Context, _ *store.Store, f storetest.Fixture) (bool, error) {
		err := f.Org.SetDesired(ctx, f.By(), store.QuantityChange{Billable: []store.BillableChange{{EffectiveAt: noon, Reason: store.BillableStart}}})
		rows, readErr := f.Org.Billable(ctx, noon, noon.Add(time.Hour))
		return len(rows) == 1 && readErr == nil, err
	},
	"Disconnect": func(ctx context.Context, _ *store.Store, f storetest.Fixture) (bool, error) {
		_, err := f.Org.Connect(ctx, f.By(), store.NewConnection{AccountID: 7, Secret: secret.New("a secret of Hostaway")})
		if err != nil && !errors.Is(err, store.ErrNotReplicated) {
			return false, err
		}
		err = f.Org.Disconnect(ctx, f.By())
		_, gone := f.Org.Connection(ctx)
		return errors.Is(gone, store.ErrNotFound), err
	},
}

func TestCriticalWritesWaitForTheCopy(t *testing.T) {
	t.Parallel()
	for name, write := range criticalWrites {
		copied := &copyist{}
		st := storetest.Open(t, func(c *store.Config) { c.Replicated = copied.replicated })
		f := storetest.Org(t, st, "Acme")
		before := copied.asked
		if complete, err := write(t.Context(), st, f); err != nil || !complete || copied.asked == before {
			t.Errorf("%s: complete %t, %v; the copy was asked %d times", name, complete, err, copied.asked-before)
		}
	}
}

func TestCriticalWritesAreDoneThoughTheCopyIsAway(t *testing.T) {
	t.Parallel()
	away := errors.New("no answer from the storage")
	for name, write := range criticalWrites {
		copied := &copyist{}
		st := storetest.Open(t, func(c *store.Config) { c.Replicated = copied.replicated })
		f := storetest.Org(t, st, "Acme")
		copied.away = away
		complete, err := write(t.Context(), st, f)
		if !errors.Is(err, store.ErrNotReplicated) || !errors.Is(err, away) || !complete {
			t.Errorf("%s: complete %t, %v; want ErrNotReplicated with the cause", name, complete, err)
		}
		if err := st.Replicated(t.Context()); !errors.Is(err, store.ErrNotReplicated) {
			t.Errorf("%s: Replicated() = %v while the copy is away", name, err)
		}
		copied.away = nil
		if err := st.Replicated(t.Context()); err != nil {
			t.Errorf("%s: Replicated() = %v once the copy is back", name, err)
		}
	}
}

// Whatever failed here has nothing to wait for, and a tool call never waits.
func TestOtherWritesDoNotWaitForTheCopy(t *testing.T) {
	t.Parallel()
	copied := &copyist{}
	st := storetest.Open(t, func(c *store.Config) { c.Replicated = copied.replicated })
	f := storetest.Org(t, st, "Acme")
	copied.asked, copied.away = 0, errors.New("away")
	if err := f.Org.RevokeAPIKey(t.Context(), f.By(), "key_00000000000000000000"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("RevokeAPIKey() of nothing = %v", err)
	}
	if err := f.Org.RecordToolCall(t.Context(), toolCall(f, "x", noon)); err != nil {
		t.Error(err)
	}
	if _, _, err := st.SignIn(t.Context(), store.SignIn{Email: f.Email, Password: f.Password}); err != nil {
		t.Error(err)
	}
	if copied.asked != 0 {
		t.Errorf("the copy was asked %d times", copied.asked)
	}
	if err := storetest.Open(t).Replicated(t.Context()); err != nil {
		t.Errorf("Replicated() without a copy = %v", err)
	}
}

func TestQuietHoldsTheWriters(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	f := storetest.Org(t, st, "Acme")
	written := make(chan error, 2)
	broken := errors.New("broken")
	err := st.Quiet(t.Context(), func(ctx context.Context) error {
		go func() { written <- f.Org.RecordToolCall(ctx, toolCall(f, "x", noon)) }()
		go func() { written <- f.Org.RecordAction(ctx, f.By(), store.Action{Name: "x"}) }()
		if _, err := f.Org.Members(ctx); err != nil {
			t.Errorf("nobody can read: %v", err)
		}
		select {
		case err := <-written:
			t.Errorf("somebody wrote (%v)", err)
		case <-time.After(50 * time.Millisecond):
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("Quiet() = %v", err)
	}
	for range cap(written) {
		if err := <-written; err != nil {
			t.Errorf("after the quiet: %v", err)
		}
	}
}

func TestFigures(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t)
	f := storetest.Org(t, st, "Acme")
	for i := range 50 {
		if err := f.Org.RecordToolCall(t.Context(), toolCall(f, "x", noon.Add(time.Duration(i)))); err != nil {
			t.Fatal(err)
		}
	}
	got, err := st.Figures(t.Context())
	if err != nil || got.PageBytes < 512 || got.Pages < 10 || got.WALBytes == 0 || got.QueueMost == 0 || got.Waiting != 0 ||
		len(got.Pools) != 3 || got.Pools[0] != (store.Pool{Name: "writer", Open: 1}) {
		t.Errorf("Figures() = %+v, %v", got, err)
	}
}
