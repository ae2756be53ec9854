package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const isolationCallers = 100

// tenant is one org of a shared server, as its people see it.
type tenant struct {
	*assistant
	visitor      *visitor
	own, foreign string // markers
}

func twoTenants(t *testing.T) (*server, [2]tenant) {
	t.Helper()
	s, first, key := furnished(t, newUpstream(t, nil), "HMCP_SIGNUP=open")
	second := newVisitor(t, s.base)
	second.signUp("/signup", other())
	connected(t, second.connect(strconv.Itoa(otherAccount), otherSecret))
	return s, [2]tenant{
		{newAssistant(s.base, key), first, firstMarker, otherMarker},
		{newAssistant(s.base, second.createKey("second")), second, otherMarker, firstMarker},
	}
}

// questions are calls whose answers hold texts of the account. The ids are the
// same in both accounts.
func questions(t *testing.T, a *assistant) [][2]string {
	t.Helper()
	listing := firstID(t, a, "hostaway_list_properties", `{"limit":1}`)
	booking := firstID(t, a, "hostaway_search_bookings", `{"limit":1}`)
	return [][2]string{
		{"hostaway_list_properties", `{}`},
		{"hostaway_get_property_details", fmt.Sprintf(`{"listing_id":%s}`, listing)},
		{"hostaway_search_bookings", `{"limit":10}`},
		{"hostaway_get_booking_details", fmt.Sprintf(`{"reservation_id":%s}`, booking)},
		{"hostaway_get_guest_info", fmt.Sprintf(`{"reservation_id":%s}`, booking)},
		{"hostaway_get_conversation", fmt.Sprintf(`{"reservation_id":%s}`, booking)},
	}
}

// firstID takes the first id out of a list, whatever the list is called.
func firstID(t *testing.T, a *assistant, tool, arguments string) string {
	t.Helper()
	answer := a.must(t, tool, arguments)
	id := regexp.MustCompile(`"id":(\d+)`).FindSubmatch(answer.Result.StructuredContent)
	if id == nil {
		t.Fatalf("%s lists no id: %s", tool, answer.body)
	}
	return string(id[1])
}

// Two orgs whose accounts use the same ids, a hundred callers at once: nobody
// ever sees a text of the other's.
func TestOrgsNeverSeeEachOther(t *testing.T) {
	t.Parallel()
	_, tenants := twoTenants(t)
	asked := questions(t, tenants[0].assistant)
	if theirs := questions(t, tenants[1].assistant); fmt.Sprint(asked) != fmt.Sprint(theirs) {
		t.Fatalf("the accounts do not use the same ids, so this test proves nothing:\n%v\n%v", asked, theirs)
	}
	var group sync.WaitGroup
	for caller := range isolationCallers {
		group.Go(func() {
			me := tenants[caller%2]
			for i := range asked {
				q := asked[(i+caller)%len(asked)]
				answer, err := me.call(t.Context(), q[0], q[1])
				if t.Failed() {
					return // one report is enough
				}
				if err != nil || !answer.ok() {
					t.Errorf("%s %s: %d %v %s", q[0], q[1], answer.status, err, answer.body)
					return
				}
				text := string(answer.body)
				if strings.Contains(text, me.foreign) {
					t.Errorf("%s shows a text of the other org: %s", q[0], text)
				}
				if !strings.Contains(text, me.own) {
					t.Errorf("%s shows no text of its own org, so this test proves nothing: %s", q[0], text)
				}
			}
		})
	}
	group.Wait()
}

// The pages and the API treat the other org's ids as nobody's.
func TestForeignKeysAreNobodysKeys(t *testing.T) {
	t.Parallel()
	_, tenants := twoTenants(t)
	foreign := firstKeyID(t, tenants[1].visitor)
	const nobodys = "key_00000000000000000000"
	for _, path := range []string{"/keys/%s/revoke", "/keys/%s/regenerate", "/keys/%s/waiting"} {
		theirs := tenants[0].visitor.get(fmt.Sprintf(path, foreign))
		none := tenants[0].visitor.get(fmt.Sprintf(path, nobodys))
		if theirs.status != http.StatusNotFound || theirs.status != none.status {
			t.Errorf("%s: %d for the other org's key, %d for nobody's", path, theirs.status, none.status)
		}
	}
	for _, id := range []string{foreign, nobodys} {
		form := tenants[0].visitor.get("/keys/new")
		values, _ := formValues(form, "/keys")
		r, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, tenants[0].visitor.base+"/api/api-keys/"+id, nil)
		must(t, err)
		r.Header.Set("X-Csrf-Token", values.Get("csrf"))
		r.Header.Set("Origin", tenants[0].visitor.base)
		if answer := tenants[0].visitor.do(r); answer.status != http.StatusNotFound {
			t.Errorf("DELETE %s: %d %s", id, answer.status, answer.body)
		}
	}
	tenants[1].must(t, "hostaway_whoami", `{}`) // the key lives
	for _, page := range []string{"/", "/keys", "/usage", "/connection", "/api/api-keys", "/api/usage"} {
		body := tenants[0].visitor.get(page).body
		for _, foreign := range []string{other().org, other().email, strconv.Itoa(otherAccount), "second"} {
			if strings.Contains(body, foreign) {
				t.Errorf("%s shows %q of the other org", page, foreign)
			}
		}
	}
}

func firstKeyID(t *testing.T, v *visitor) string {
	t.Helper()
	var list struct {
		Keys []struct {
			ID string `json:"id"`
		} `json:"keys"`
	}
	if err := json.Unmarshal([]byte(v.get("/api/api-keys").body), &list); err != nil || len(list.Keys) == 0 {
		t.Fatalf("no keys: %v", err)
	}
	return list.Keys[0].ID
}
