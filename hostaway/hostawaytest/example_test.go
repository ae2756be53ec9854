package hostawaytest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"hostaway-mcp/hostaway/hostawaytest"
)

// A client fetches a token, asks for the listings, and meets a fault on the way.
func Example() {
	server := hostawaytest.Start(hostawaytest.Options{ActivationDelay: -1})
	defer server.Close()
	account := server.AddAccount(hostawaytest.Account{ID: 101, Secret: "secret", Seed: 1, Today: "2026-03-10"})

	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"101"}, "client_secret": {"secret"}, "scope": {"general"}}
	answer, err := http.PostForm(server.URL()+"/accessTokens", form)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answer.Body.Close()
	var token struct {
		Text string `json:"access_token"`
	}
	_ = json.NewDecoder(answer.Body).Decode(&token)

	server.Fail(hostawaytest.Fault{Method: "GET", Path: "/listings", Kind: hostawaytest.Status500HTML})
	for range 2 {
		request, _ := http.NewRequest("GET", server.URL()+"/listings?specialStatus[]=active&limit=1", nil)
		request.Header.Set("Authorization", "Bearer "+token.Text)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			fmt.Println(err)
			return
		}
		var list struct{ Count int }
		_ = json.NewDecoder(answer.Body).Decode(&list)
		_ = answer.Body.Close()
		fmt.Println(answer.StatusCode, list.Count)
	}
	fmt.Println("calls:", server.CountCalls("GET", "/listings"), "archived:", account.Landmarks().ArchivedListing)
	// Output:
	// 500 0
	// 200 11
	// calls: 2 archived: 40110
}
