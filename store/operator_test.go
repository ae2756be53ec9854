// What the operator sees of the orgs: the right figures, in the right order, and
// nothing that only the org may know.

package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// three orgs that differ in every figure.
func threeOrgs(t *testing.T) (*store.Store, *storetest.Clock, map[string]storetest.Fixture) {
	t.Helper()
	clock := clockAt(noon.AddDate(0, -2, 0))
	st := storetest.Open(t, storetest.WithClock(clock))
	fixes := map[string]storetest.Fixture{}
	for i, name := range []string{"Übersee Apartments", "acme", "Zoo Lets"} {
		clock.Advance(time.Hour)
		f := storetest.Org(t, st, name)
		fixes[name] = f
		for n := range i {
			email := fmt.Sprintf("member-%d-%d@example.com", i, n)
			if _, err := f.Org.AddMember(t.Context(), f.By(), email, "Mia Marker", store.RoleAdmin, f.Password); err != nil {
				t.Fatal(err)
			}
		}
	}
	clock.Set(noon)
	listings := 84
	if _, err := fixes["acme"].Org.Connect(t.Context(), fixes["acme"].By(), store.NewConnection{AccountID: 40160, Secret: secret.New("marker-of-a-secret"), ListingCount: &listings}); err != nil {
		t.Fatal(err)
	}
	refused := storetest.Connect(t, fixes["Zoo Lets"].Org, 40161, "marker-of-a-secret")
	if err := fixes["Zoo Lets"].Org.MarkConnectionRefused(t.Context(), refused.Version, "marker of a detail"); err != nil {
		t.Fatal(err)
	}
	for name, calls := range map[string]int{"Übersee Apartments": 3, "acme": 5} {
		for range calls {
			recordOf(t, fixes[name], "hostaway_list_properties", store.OutcomeOK, "", noon)
		}
	}
	return st, clock, fixes
}

func recordOf(t *testing.T, f storetest.Fixture, tool string, outcome store.Outcome, code string, at time.Time) {
	t.Helper()
	call := toolCall(f, tool, at)
	call.Outcome, call.ErrorCode, call.ClientName = outcome, code, "marker of a client"
	if err := f.Org.RecordToolCall(t.Context(), call); err != nil {
		t.Fatal(err)
	}
}

func TestOrgSummariesHaveTheFigures(t *testing.T) {
	t.Parallel()
	st, _, fixes := threeOrgs(t)
	zoo := fixes["Zoo Lets"]
	recordOf(t, zoo, "hostaway_list_properties", store.OutcomeError, "upstream", noon.AddDate(0, -1, 0)) // last month
	got, total, err := st.OrgSummaries(t.Context(), store.OrgQuery{})
	if err != nil {
		t.Fatal(err)
	}
	count, july := 84, noon.AddDate(0, -1, 0)
	at := func(name string) time.Time { return fixes[name].Org.CreatedAt() }
	want := []store.OrgSummary{
		{ID: fixes["acme"].Org.ID(), Name: "acme", CreatedAt: at("acme"), Members: 2, ActiveKeys: 1, Connection: store.ConnectionConnected, Listings: &count, Calls: 5, LastCallAt: &noon},
		{ID: zoo.Org.ID(), Name: "Zoo Lets", CreatedAt: at("Zoo Lets"), Members: 3, ActiveKeys: 1, Connection: store.ConnectionRefused, LastCallAt: &july},
		{ID: fixes["Übersee Apartments"].Org.ID(), Name: "Übersee Apartments", CreatedAt: at("Übersee Apartments"), Members: 1, ActiveKeys: 1, Calls: 3, LastCallAt: &noon},
	}
	if diff := cmp.Diff(want, got); diff != "" || total != 3 {
		t.Errorf("%d orgs (-want +got):\n%s", total, diff)
	}
}

func TestOrgSummariesAreSearchedSortedAndPaged(t *testing.T) {
	t.Parallel()
	st, _, fixes := threeOrgs(t)
	recordOf(t, fixes["Zoo Lets"], "hostaway_list_properties", store.OutcomeOK, "", noon.Add(time.Minute))
	id := fixes["Zoo Lets"].Org.ID()
	for _, tc := range []struct {
		query store.OrgQuery
		want  string
		total int
	}{
		{store.OrgQuery{}, "acme, Zoo Lets, Übersee Apartments", 3},
		{store.OrgQuery{Descending: true}, "Übersee Apartments, Zoo Lets, acme", 3},
		{store.OrgQuery{Sort: store.SortMembers, Descending: true}, "Zoo Lets, acme, Übersee Apartments", 3},
		{store.OrgQuery{Sort: store.SortListings, Descending: true}, "acme, Zoo Lets, Übersee Apartments", 3},
		{store.OrgQuery{Sort: store.SortListings}, "Zoo Lets, Übersee Apartments, acme", 3},
		{store.OrgQuery{Sort: store.SortCalls, Descending: true}, "acme, Übersee Apartments, Zoo Lets", 3},
		{store.OrgQuery{Sort: store.SortLastCall, Descending: true}, "Zoo Lets, acme, Übersee Apartments", 3},
		{store.OrgQuery{Sort: store.SortCreated}, "Übersee Apartments, acme, Zoo Lets", 3},
		{store.OrgQuery{Sort: "nonsense'; DROP TABLE orgs_all"}, "acme, Zoo Lets, Übersee Apartments", 3},
		{store.OrgQuery{Search: " üBERSEE "}, "Übersee Apartments", 1},
		{store.OrgQuery{Search: "LET"}, "Zoo Lets", 1},
		{store.OrgQuery{Search: id}, "Zoo Lets", 1},
		{store.OrgQuery{Search: "%"}, "", 0},
		{store.OrgQuery{Limit: 2}, "acme, Zoo Lets", 3},
		{store.OrgQuery{Limit: 2, Page: 2}, "Übersee Apartments", 3},
		{store.OrgQuery{Limit: 2, Page: 3}, "", 3},
		{store.OrgQuery{Page: -1}, "acme, Zoo Lets, Übersee Apartments", 3},
	} {
		page, total, err := st.OrgSummaries(t.Context(), tc.query)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, o := range page {
			names = append(names, o.Name)
		}
		if got := strings.Join(names, ", "); got != tc.want || total != tc.total {
			t.Errorf("%+v: %d: %s; want %d: %s", tc.query, total, got, tc.total, tc.want)
		}
	}
}

func TestOrgReportCountsFailuresByToolAndCode(t *testing.T) {
	t.Parallel()
	st, clock, fixes := threeOrgs(t)
	f := fixes["acme"]
	recordOf(t, f, "hostaway_search_bookings", store.OutcomeError, "old", noon)
	clock.Set(noon.AddDate(0, 0, 8))
	for range 3 {
		recordOf(t, f, "hostaway_search_bookings", store.OutcomeError, "upstream_limited", noon.AddDate(0, 0, 8))
	}
	recordOf(t, f, "hostaway_create_listing", store.OutcomeRefused, "needs_confirmation", noon.AddDate(0, 0, 8))
	recordOf(t, fixes["Zoo Lets"], "hostaway_create_listing", store.OutcomeError, "not of acme", noon.AddDate(0, 0, 8))
	old, _, err := f.Org.CreateAPIKey(t.Context(), f.By(), "marker of a key")
	if err == nil {
		err = f.Org.RevokeAPIKey(t.Context(), f.By(), old.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	got, err := st.OrgReport(t.Context(), f.Org.ID())
	if err != nil {
		t.Fatal(err)
	}
	now := noon.AddDate(0, 0, 8)
	want := []store.ToolFailure{
		{Tool: "hostaway_search_bookings", Code: "upstream_limited", Count: 3, LastAt: now},
		{Tool: "hostaway_create_listing", Code: "needs_confirmation", Count: 1, LastAt: now},
	}
	if diff := cmp.Diff(want, got.Failures); diff != "" {
		t.Errorf("the failures (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[store.Role]int{store.RoleOwner: 1, store.RoleAdmin: 1, store.RoleMember: 0}, got.Roles); diff != "" {
		t.Errorf("the roles (-want +got):\n%s", diff)
	}
	keys := []store.KeyFact{{Mask: f.Key.Mask(), CreatedAt: f.Key.CreatedAt}, {Mask: old.Mask(), CreatedAt: now, RevokedAt: &now}}
	if diff := cmp.Diff(keys, got.Keys); diff != "" {
		t.Errorf("the keys (-want +got):\n%s", diff)
	}
	if got.Name != "acme" || got.Calls != 10 || got.Failed != 5 || got.CheckedAt == nil || got.RefusedAt != nil {
		t.Errorf("the rest: %+v", got)
	}
	for _, id := range []string{"", "org_nobody", "acme", "%"} {
		if _, err := st.OrgReport(t.Context(), id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("OrgReport(%q) = %v, want not found", id, err)
		}
	}
}

// What an org's people, keys, guests and clients are called stays in the org.
func TestOperatorSeesFiguresOnly(t *testing.T) {
	t.Parallel()
	st, _, fixes := threeOrgs(t)
	f := fixes["Zoo Lets"]
	recordOf(t, f, "hostaway_search_bookings", store.OutcomeError, "upstream", noon)
	page, _, err := st.OrgSummaries(t.Context(), store.OrgQuery{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := st.OrgReport(t.Context(), f.Org.ID())
	if err != nil {
		t.Fatal(err)
	}
	said := strings.ToLower(fmt.Sprintf("%+v %+v", page, report))
	for _, inside := range []string{"marker", f.Email, "olive", "claude", "40160", "40161", f.Member.ID, f.Key.ID, `"limit"`, "192.0.2.7"} {
		if strings.Contains(said, strings.ToLower(inside)) {
			t.Errorf("the operator is told %q: %s", inside, said)
		}
	}
	if !strings.Contains(said, strings.ToLower(f.Key.Mask())) || !strings.Contains(said, "upstream") {
		t.Errorf("the figures are missing: %s", said)
	}
}
