package mcp

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"hostaway-mcp/store"
)

func TestRedactKeepsTheQuestionAndHidesThePeople(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		``:                                 `{}`,
		`{}`:                               `{}`,
		`[1]`:                              `{"redacted":"not an object"}`,
		`{"a":`:                            `{"redacted":"not an object"}`,
		`{"listing_id":123456,"limit":20}`: `{"listing_id":123456,"limit":20}`,
		`{"id":9007199254740993}`:          `{"id":9007199254740993}`,
		`{"from":"2026-05-31","date_basis":"arrival"}`:            `{"from":"2026-05-31","date_basis":"arrival"}`,
		`{"guest_name":"Ann Example"}`:                            `{"guest_name":"[masked]"}`,
		`{"query":"Ann"}`:                                         `{"query":"[masked]"}`,
		`{"confirm_token":"abc"}`:                                 `{"confirm_token":"[masked]"}`,
		`{"guests":2,"phone":491701234567}`:                       `{"guests":2,"phone":"[masked]"}`,
		`{"channel":"write to ann.b@example.co.uk"}`:              `{"channel":"write to [email]"}`,
		`{"channel":"call +49 (170) 123-4567 now"}`:               `{"channel":"call [phone] now"}`,
		`{"channel":"hmcp_abcDEF123"}`:                            `{"channel":"[key]"}`,
		`{"channel":"confirm_abcDEF123abcDEF123abc hmcps_abc"}`:   `{"channel":"[key] [key]"}`,
		`{"guest_name":351912345678,"search":[351912345678]}`:     `{"guest_name":"[masked]","search":["[masked]"]}`,
		`{"guests":2,"guests_included":4,"door_code":1234}`:       `{"guests":2,"guests_included":4,"door_code":"[masked]"}`,
		`{"extra_guest_price":12.5,"wifi":12345678}`:              `{"extra_guest_price":12.5,"wifi":"[masked]"}`,
		`{"hmcp_abcDEF123":1}`:                                    `{"[key]":1}`,
		`{"x":{"ann@example.com":1,"+49 170 1234567":2}}`:         `{"x":{"[email]":1,"[phone]":2}}`,
		`{"changes":[{"listing_id":7,"name":"Sea","price":"9"}]}`: `{"changes":[{"listing_id":7,"name":"[masked]","price":"9"}]}`,
		`{"q<>&":"é"}`: `{"q<>&":"é"}`,
	} {
		if got := string(redact(json.RawMessage(args))); !sameJSON(got, want) {
			t.Errorf("%s: %s, want %s", args, got, want)
		}
	}
}

// Names that the client chooses go into the audit log too.
func TestInventedNamesAreRedacted(t *testing.T) {
	t.Parallel()
	f := newFrame(t, frameTools(), nil)
	fix := f.org("A")
	body, headers := modern("1", "tools/call", `{"name":"write ann@example.com","arguments":{}}`)
	body = strings.Replace(body, "modern-test", "Ann +49 170 1234567 hmcp_abcDEF123", 1)
	if got := f.post(fix.APIKey, body, headers...); !got.tool(t).Result.IsError {
		t.Fatalf("%+v", got)
	}
	entries, _, err := fix.Org.ListAudit(t.Context(), store.AuditFilter{Limit: 1})
	if err != nil || len(entries) != 1 {
		t.Fatal(entries, err)
	}
	if e := entries[0]; e.ClientName != "Ann [phone] [key]" || string(e.Arguments) != `{"tool":"write [email]"}` {
		t.Errorf("kept: client %q, arguments %s", e.ClientName, e.Arguments)
	}
}

func TestRedactIsShort(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range 5000 {
		many = append(many, fmt.Sprintf(`"a%d":%d`, i, i))
	}
	for name, args := range map[string]string{
		"long text": `{"channel":"` + strings.Repeat("é", 100_000) + `"}`, "many arguments": "{" + strings.Join(many, ",") + "}",
		"long list": `{"ids":[` + strings.Repeat("1234567890,", 10_000) + `1]}`, "long name": `{"` + strings.Repeat("x", 10_000) + `":1}`,
	} {
		got := redact(json.RawMessage(args))
		if len(got) > redactedBytes+500 || !json.Valid(got) {
			t.Errorf("%s: %d bytes", name, len(got))
		}
	}
}
