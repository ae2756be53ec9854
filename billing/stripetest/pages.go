// Stripe's own pages, as far as a browser needs them: Checkout, the portal, and an invoice with its PDF.
package stripetest

import (
	"fmt"
	"html/template"
	"net/http"
	"strings"
)

const pageText = `<!doctype html><html lang="en"><meta charset="utf-8"><title>{{.Title}}</title><link rel="icon" href="data:,">
<h1>{{.Title}}</h1>{{range .Lines}}<p>{{.}}</p>{{end}}
<form method="post">{{range .Buttons}}<p><button name="do" value="{{.Do}}" id="{{.Do}}">{{.Label}}</button></p>{{end}}</form>
{{with .Back}}<p><a id="back" href="{{.}}">Back</a></p>{{end}}</html>`

type page struct {
	Title   string
	Lines   []string
	Buttons []button
	Back    string
}

type button struct{ Do, Label string }

// addPages serves the pages. Each is a heading, a few lines, and buttons that do what a person would.
func (s *Server) addPages() {
	shape := template.Must(template.New("page").Parse(pageText))
	show := func(find func(id string) (page, bool)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			s.settle()
			p, found := find(r.PathValue("id"))
			s.mu.Unlock()
			if !found {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_ = shape.Execute(w, p) // a browser that went away doesn't matter
		}
	}
	s.mux.HandleFunc("GET /pages/checkout/{id}", show(s.checkoutPage))
	s.mux.HandleFunc("POST /pages/checkout/{id}", s.useCheckout)
	s.mux.HandleFunc("GET /pages/portal/{id}", show(s.portalPage))
	s.mux.HandleFunc("POST /pages/portal/{id}", s.usePortal)
	s.mux.HandleFunc("GET /pages/invoice/{id}", show(s.invoicePage))
	s.mux.HandleFunc("POST /pages/invoice/{id}", s.useInvoice)
	s.mux.HandleFunc("GET /pages/invoice/{id}/pdf", s.invoicePDF)
}

func (s *Server) checkoutPage(id string) (page, bool) {
	c := s.sessions[id]
	if c == nil {
		return page{}, false
	}
	p := page{Title: "Subscribe", Back: c.cancelURL}
	if c.status != "open" {
		p.Lines = []string{"This Checkout session is " + c.status + "."}
		return p, true
	}
	for _, i := range c.items {
		one := s.prices[i.price]
		p.Lines = append(p.Lines, fmt.Sprintf("%d × %s at %s a month", i.quantity, s.products[one.product].name, money(one.unit, one.currency)))
	}
	p.Buttons = []button{{"pay", "Pay with a good card"}, {"decline", "Pay with a declined card"}}
	return p, true
}

func (s *Server) useCheckout(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if r.FormValue("do") != "pay" {
		http.Redirect(w, r, r.URL.Path, http.StatusSeeOther) // declined: the person stays here
		return
	}
	if _, err := s.CompleteCheckout(id); err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	s.mu.Lock()
	next := strings.ReplaceAll(s.sessions[id].successURL, "{CHECKOUT_SESSION_ID}", id)
	s.mu.Unlock()
	http.Redirect(w, r, next, http.StatusSeeOther)
}

func (s *Server) portalPage(id string) (page, bool) {
	p := s.portalSessions[id]
	if p == nil {
		return page{}, false
	}
	out := page{Title: "Your billing", Back: p.returnURL, Buttons: []button{
		{"good", "Use a good card"}, {"declined", "Use a declined card"}, {"pay", "Pay what is open"}, {"cancel", "Cancel at the end of the period"}, {"resume", "Don't cancel"},
	}}
	for _, x := range newest(s.subscriptions, func(x *subscription) bool { return x.customer == p.customer }) {
		out.Lines = append(out.Lines, fmt.Sprintf("%s: %s", x.id, x.status))
	}
	return out, true
}

func (s *Server) usePortal(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	p := s.portalSessions[r.PathValue("id")]
	s.mu.Unlock()
	if p == nil {
		http.NotFound(w, r)
		return
	}
	var err error
	switch r.FormValue("do") {
	case "good":
		err = s.SetCard(p.customer, CardGood)
	case "declined":
		err = s.SetCard(p.customer, CardDeclined)
	case "pay":
		for _, v := range s.Invoices(p.customer) {
			if v.Status == "open" && err == nil {
				err = s.PayInvoice(v.ID)
			}
		}
	case "cancel", "resume":
		for _, x := range s.Subscriptions(p.customer) {
			switch {
			case x.Status == "canceled" || x.Status == "incomplete_expired" || err != nil:
			case r.FormValue("do") == "cancel":
				err = s.CancelByHand(x.ID, true)
			default:
				err = s.ResumeByHand(x.ID)
			}
		}
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	http.Redirect(w, r, r.URL.Path, http.StatusSeeOther)
}

func (s *Server) invoicePage(id string) (page, bool) {
	v := s.invoices[id]
	if v == nil || v.finalizedAt == 0 {
		return page{}, false
	}
	out := page{Title: "Invoice " + v.number, Lines: []string{money(v.due, v.currency) + ", " + v.status}}
	if v.status == "open" {
		out.Buttons = []button{{"pay", "Pay with a good card"}}
	}
	return out, true
}

func (s *Server) useInvoice(w http.ResponseWriter, r *http.Request) {
	if err := s.PayInvoice(r.PathValue("id")); err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	http.Redirect(w, r, r.URL.Path, http.StatusSeeOther)
}

func (s *Server) invoicePDF(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	v := s.invoices[r.PathValue("id")]
	s.mu.Unlock()
	if v == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/pdf")
	fmt.Fprintf(w, "%%PDF-1.4\n%% invoice %s\n%%%%EOF\n", v.number)
}
