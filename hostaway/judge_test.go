package hostaway

import (
	"errors"
	"strings"
	"testing"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		status int
		body   string
		code   Code
		text   string
	}{
		{"success", 200, `{"status":"success","result":[]}`, "", ""},
		{"success without a status", 200, `{"result":[]}`, "", ""},
		{"success without a result", 200, `{"status":"success"}`, "", ""},
		{"created", 201, `{"status":"success","result":{"id":1}}`, "", ""},
		{"reason in message", 200, `{"status":"fail","message":"Listing error: cancellationPolicy: use flexible"}`, Refused, "Listing error: cancellationPolicy: use flexible"},
		{"reason in result", 200, `{"status":"fail","result":"images[0] has no url"}`, Refused, "images[0] has no url"},
		{"reason deeper", 422, `{"status":"fail","result":{"message":"too many"}}`, Refused, "too many"},
		{"an unheard-of status", 200, `{"status":"error","message":"x"}`, Refused, "x"},
		{"no reason", 200, `{"status":"fail","result":null}`, Refused, "Hostaway refused without giving a reason"},
		{"not found in a 200", 200, `{"status":"fail","message":"Reservation not found"}`, NotFound, "Reservation not found"},
		{"does not exist", 400, `{"status":"fail","result":"Listing does not exist"}`, NotFound, "Listing does not exist"},
		{"unknown route", 404, `{"status":"fail","message":"Resource not found"}`, NotFound, "Resource not found"},
		{"404 as a page", 404, `<html><title>404</title>`, NotFound, "Hostaway has no such row"},
		{"a method not allowed", 405, ``, Refused, "Hostaway refused without giving a reason"},
		{"fault as a page", 500, `<html>stack trace</html>`, Unavailable, "Hostaway has a fault of its own"},
		{"fault with an envelope", 503, `{"status":"fail","message":"SQLSTATE[HY000]"}`, Unavailable, "Hostaway has a fault of its own"},
		{"gave up waiting", 408, ``, Unavailable, "Hostaway has a fault of its own"},
		{"a list without an envelope", 200, `[]`, BadAnswer, "Hostaway's answer could not be understood"},
		{"some other object", 200, `{"hello":"world"}`, BadAnswer, "Hostaway's answer could not be understood"},
		{"cut off", 200, `{"status":"success","result":[`, BadAnswer, "Hostaway's answer could not be understood"},
		{"nothing", 204, ``, BadAnswer, "Hostaway's answer could not be understood"},
		{"many lines and control characters", 400, "{\"status\":\"fail\",\"message\":\"one\\n\\ttwo\\u0007\\u202e three\"}", Refused, "one two three"},
	}
	for _, test := range tests {
		f := judge(&answer{status: test.status, body: []byte(test.body)}, call{})
		switch {
		case f == nil:
			if test.code != "" {
				t.Errorf("%s: taken as a success", test.name)
			}
		case f.err.Code != test.code || f.err.Message != test.text || f.err.Status != test.status:
			t.Errorf("%s: %d %s %q, want %s %q", test.name, f.err.Status, f.err.Code, f.err.Message, test.code, test.text)
		}
	}
}

func TestReasonsAreBounded(t *testing.T) {
	t.Parallel()
	got := tidy(strings.Repeat("ä", 2*maxReason))
	if n := len([]rune(got)); n != maxReason+1 {
		t.Errorf("a reason of %d characters was kept", n)
	}
}

func TestErrorsSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	err := doing("get listing", &Error{Status: 404, Code: NotFound, Message: "Hostaway has no such row"})
	if want := "hostaway: get listing: Hostaway has no such row (HTTP 404)"; err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
	if !errors.Is(err, &Error{Code: NotFound}) || errors.Is(err, &Error{Code: Refused}) || errors.Is(err, errors.ErrUnsupported) {
		t.Error("errors.Is does not go by the code")
	}
	if doing("x", nil) != nil || CodeOf(nil) != "" || CodeOf(errors.ErrUnsupported) != "" {
		t.Error("no error became one")
	}
	if got := (&Error{Message: "x"}).Error(); got != "hostaway: x" {
		t.Errorf("error without an operation: %q", got)
	}
}

func TestOpenEnvelope(t *testing.T) {
	t.Parallel()
	tests := []struct {
		body         string
		count, limit *int
	}{
		{`{"status":"success","result":[],"count":12,"limit":100,"offset":null}`, ptr(12), ptr(100)},
		{`{"status":"success","result":[],"count":"12","limit":"100"}`, ptr(12), ptr(100)},
		{`{"status":"success","result":[],"count":null}`, nil, nil},
		{`{"status":"success","result":[]}`, nil, nil},
		{`{"status":"success","result":[],"count":-1,"limit":"all"}`, nil, nil},
	}
	for _, test := range tests {
		env, ok := openEnvelope([]byte(test.body))
		if !ok || env.failed || !equal(env.count, test.count) || !equal(env.limit, test.limit) {
			t.Errorf("%s: opened %v, failed %v", test.body, ok, env.failed)
		}
	}
}

func equal(a, b *int) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }
