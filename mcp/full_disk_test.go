// A full disk, from the client's side: what can't be recorded is not answered, no change is begun, and a change that was made is
// answered and recorded later.

package mcp

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// fullDisk is a server whose disk the test fills, with an org.
func fullDisk(t *testing.T, tools func(*storetest.Disk) []Tool) (f *frame, a storetest.Fixture, disk *storetest.Disk) {
	t.Helper()
	disk = &storetest.Disk{}
	f = newFrameOn(t, storetest.Open(t, storetest.WithDisk(disk)), tools(disk), nil)
	return f, f.org("A"), disk
}

func TestOnAFullDiskNoAnswerGoesUnrecorded(t *testing.T) {
	t.Parallel()
	f, a, disk := fullDisk(t, func(*storetest.Disk) []Tool { return []Tool{echoTool(), renameTool()} })
	token := structured[confirmAnswer](t, f.call(a.APIKey, "hostaway_rename", `{"id":7,"name":"x"}`)).ConfirmToken
	disk.Fill()
	for name, body := range map[string]string{
		"reading":       callBody("1", "hostaway_echo", `{"text":"the answer"}`),
		"previewing":    callBody("1", "hostaway_rename", `{"id":8,"name":"x"}`),
		"confirming":    callBody("1", "hostaway_rename", fmt.Sprintf(`{"id":7,"name":"x","confirm_token":%q}`, token)),
		"a wrong name":  callBody("1", "hostaway_ecko", `{}`),
		"reading again": callBody("1", "hostaway_echo", `{"text":"the answer"}`),
	} {
		got := f.post(a.APIKey, body)
		if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") != "60" ||
			!strings.Contains(got.body, "disk is full") || !strings.Contains(got.body, "its answer is withheld") || strings.Contains(got.body, "the answer\"") {
			t.Errorf("%s: %d, Retry-After %q, %s", name, got.status, got.header.Get("Retry-After"), got.body)
		}
	}
	if got := f.post(a.APIKey, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`); got.status != http.StatusOK {
		t.Errorf("what is not recorded goes on: %d %s", got.status, got.body)
	}
	disk.Free()
	if got := f.call(a.APIKey, "hostaway_echo", `{"text":"the answer"}`); got.Result.IsError || got.Error != nil {
		t.Errorf("with room again: %+v", got)
	}
	done := structured[confirmAnswer](t, f.call(a.APIKey, "hostaway_rename", fmt.Sprintf(`{"id":7,"name":"x","confirm_token":%q}`, token)))
	if done.Status != statusDone {
		t.Errorf("the token that could not be used on a full disk: %+v", done)
	}
}

// With the reserve that a server has, reading goes on, and a change is told why not.
func TestOnAFullDiskReadingGoesOn(t *testing.T) {
	t.Parallel()
	disk := &storetest.Disk{}
	f := newFrameOn(t, storetest.Open(t, storetest.WithReservedDisk(disk)), []Tool{echoTool(), renameTool()}, nil)
	a := f.org("A")
	token := structured[confirmAnswer](t, f.call(a.APIKey, "hostaway_rename", `{"id":7,"name":"x"}`)).ConfirmToken
	confirming := fmt.Sprintf(`{"id":7,"name":"x","confirm_token":%q}`, token)
	disk.WholeReserve(t)
	disk.Fill()
	for range 20 {
		if got := f.call(a.APIKey, "hostaway_echo", `{"text":"the answer"}`); got.Error != nil || got.Result.IsError {
			t.Fatalf("reading: %+v", got)
		}
	}
	for name, arguments := range map[string]string{"previewing": `{"id":8,"name":"x"}`, "confirming": confirming} {
		got := f.post(a.APIKey, callBody("1", "hostaway_rename", arguments))
		if got.status != http.StatusOK || !strings.Contains(got.body, `"isError":true`) || !strings.Contains(got.body, "disk is full, so changes are refused") {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if n := renames(t, a.Org); n != 3 {
		t.Errorf("%d calls of the change are in the log, want 3 with the refused ones", n)
	}
	disk.Free()
	if done := structured[confirmAnswer](t, f.call(a.APIKey, "hostaway_rename", confirming)); done.Status != statusDone {
		t.Errorf("with room again: %+v", done)
	}
}

// The disk runs full while the change is being made.
func TestAChangeThatWasMadeIsAnsweredAndRecordedLate(t *testing.T) {
	t.Parallel()
	f, a, disk := fullDisk(t, func(disk *storetest.Disk) []Tool {
		return []Tool{echoTool(), newWriteTool(spec{Name: "hostaway_rename", Title: "Rename", Description: "Renames.", WithoutHostaway: true},
			func(_ context.Context, _ Caller, in renameIn) (renamePreview, error) {
				return renamePreview{New: in.Name}, nil
			},
			func(_ context.Context, _ Caller, in renameIn) (echoOut, error) {
				disk.Fill()
				return echoOut{Text: in.Name}, nil
			})}
	})
	token := structured[confirmAnswer](t, f.call(a.APIKey, "hostaway_rename", `{"id":7,"name":"x"}`)).ConfirmToken
	done := structured[confirmAnswer](t, f.call(a.APIKey, "hostaway_rename", fmt.Sprintf(`{"id":7,"name":"x","confirm_token":%q}`, token)))
	if done.Status != statusDone {
		t.Fatalf("%+v", done)
	}
	if n := renames(t, a.Org); n != 1 {
		t.Fatalf("%d renames are in the log, want the preview alone: the disk is not full", n)
	}
	disk.Free()
	f.call(a.APIKey, "hostaway_echo", `{"text":"x"}`) // a write that goes well brings the others along, after its own answer
	deadline := time.Now().Add(20 * time.Second)
	for renames(t, a.Org) != 2 {
		if time.Now().After(deadline) {
			t.Fatalf("%d renames are in the log, want the preview and the change", renames(t, a.Org))
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func renames(t *testing.T, org *store.Org) (n int) {
	t.Helper()
	page, _, err := org.ListAudit(t.Context(), store.AuditFilter{Limit: 200})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range page {
		if e.Action == "hostaway_rename" {
			n++
		}
	}
	return n
}
