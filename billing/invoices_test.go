package billing

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// archivist is a Stripe that has invoices alone: ids by customer, the newest first. A customer without an entry does not exist.
type archivist map[string][]string

func (a archivist) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	customer := r.FormValue("customer")
	if id, one := strings.CutPrefix(r.URL.Path, "/v1/invoices/"); one {
		for of, ids := range a {
			if slices.Contains(ids, id) {
				_, _ = fmt.Fprint(w, invoiceOf(of, id))
				return
			}
		}
	}
	ids, known := a[customer]
	if !known {
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprint(w, `{"error":{"type":"invalid_request_error","code":"resource_missing","message":"No such thing"}}`)
		return
	}
	ids = ids[slices.Index(ids, r.FormValue("starting_after"))+1:] // all of them without one
	limit, _ := strconv.Atoi(r.FormValue("limit"))
	var list []string
	for _, id := range ids[:min(limit, len(ids))] {
		list = append(list, invoiceOf(customer, id))
	}
	_, _ = fmt.Fprintf(w, `{"object":"list","has_more":%t,"data":[%s]}`, len(ids) > limit, strings.Join(list, ","))
}

func invoiceOf(customer, id string) string {
	return fmt.Sprintf(`{"id":%q,"object":"invoice","customer":%q,"status":"paid","currency":"usd","total":500}`, id, customer)
}

// TestInvoicesOfSeveralCustomers: page after page, each invoice once, the newest first, however the pages fall; what Stripe lists no
// more is said to be lost, and hides nothing else.
func TestInvoicesOfSeveralCustomers(t *testing.T) {
	t.Parallel()
	for _, counts := range [][]int{ // by customer, the newest first; -1: Stripe knows it no more
		{3, 2, 1}, {invoicePage, 1, 0}, {invoicePage, 0, 1}, {invoicePage - 1, 1, 1}, {invoicePage + 1, invoicePage, 2}, {0, 0, 0}, {0, 60, 1}, {2, -1, 3}, {-1, -1, -1},
	} {
		stripe := archivist{}
		server := httptest.NewServer(stripe)
		t.Cleanup(server.Close)
		k := newBench(t, func(c *Config) { c.URL = server.URL })
		o := k.org(t, "Acme")
		a := k.account(t, o)
		a.CustomerID = ""
		var want []string
		for c := len(counts) - 1; c >= 0; c-- {
			customer := fmt.Sprintf("cus_%d", c)
			a.Succeed(customer)
			var ids []string
			for i := range max(counts[c], 0) {
				ids = append(ids, fmt.Sprintf("in_%d_%d", c, i))
			}
			if counts[c] >= 0 {
				stripe[customer] = ids
			}
			want = append(ids, want...)
		}
		if _, err := o.SaveBilling(t.Context(), system(), a); err != nil {
			t.Fatal(err)
		}
		var got []string
		var page InvoicePage
		lost := false
		for after, first := "", true; first || after != ""; after, first = page.Next, false {
			var err error
			if page, err = k.Invoices(t.Context(), o, after); err != nil || len(page.Invoices) > invoicePage || !first && len(page.Invoices) == 0 {
				t.Fatalf("%v after %q: %+v, %v", counts, after, page, err)
			}
			lost = lost || page.Lost
			for _, i := range page.Invoices {
				got = append(got, i.ID)
			}
		}
		if !slices.Equal(got, want) || lost != slices.Contains(counts, -1) {
			t.Errorf("%v: lost %t\n got %v\nwant %v", counts, lost, got, want)
		}
	}
}
