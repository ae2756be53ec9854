package billing

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// strangeEvents are copies of a proper event, each with something that no event of this account of Stripe's has. Whoever
// signs them has the secret; they are no more ours for that.
func strangeEvents(t *testing.T, proper []byte) map[string][]byte {
	t.Helper()
	changed := func(change func(event, object map[string]any)) []byte {
		var event map[string]any
		if err := json.Unmarshal(proper, &event); err != nil {
			t.Fatal(err)
		}
		data, _ := event["data"].(map[string]any)
		object, _ := data["object"].(map[string]any)
		if object == nil {
			t.Fatalf("%s has no object", proper)
		}
		change(event, object)
		body, err := json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	strange := map[string][]byte{}
	put := func(name string, change func(event, object map[string]any)) { strange[name] = changed(change) }
	for i, id := range []string{
		"", "1", "evt_", "in_1", "evt_" + strings.Repeat("a", 5000), "evt_" + strings.Repeat("a", 252), "evt_a\nb", "evt_a b", "evt_<script>", "evt_ä", "evt_\x00", " evt_1",
	} {
		put(fmt.Sprintf("with the id %d", i), func(event, _ map[string]any) { event["id"] = id })
	}
	for i, id := range []string{strings.Repeat("x", 5000), "cus_" + strings.Repeat("x", 252), "cus_\n1", "cus_<script>", "cus_1 OR 1", "cus_ä"} {
		put(fmt.Sprintf("of the customer %d", i), func(_, object map[string]any) { object["customer"], object["object"] = id, "invoice" })
		put(fmt.Sprintf("of the expanded customer %d", i), func(_, object map[string]any) {
			object["customer"], object["object"] = map[string]any{"id": id}, "invoice"
		})
		put(fmt.Sprintf("about the customer %d", i), func(_, object map[string]any) { object["id"], object["object"] = id, "customer" })
		put(fmt.Sprintf("about the object %d", i), func(_, object map[string]any) { object["id"] = id })
		put(fmt.Sprintf("about a dispute of the charge %d", i), func(_, object map[string]any) { object["charge"], object["object"] = id, "dispute" })
	}
	for _, created := range []any{0, -1, 1, 1_000_000_000, 1_774_000_000_000, 99_999_999_999, int64(1) << 62, "now", nil} {
		put(fmt.Sprintf("made at %v", created), func(event, _ map[string]any) { event["created"] = created })
	}
	for i, kind := range []any{"invoice.paid\n", "invoice.<script>", "invoice." + strings.Repeat("x", 5000), "", nil, 7} {
		put(fmt.Sprintf("of the type %d", i), func(event, _ map[string]any) { event["type"] = kind })
	}
	for i, version := range []string{"2023-10-16\n", "<script>", strings.Repeat("2", 5000)} {
		put(fmt.Sprintf("of the version %d", i), func(event, _ map[string]any) { event["api_version"] = version })
	}
	put("of another account", func(event, _ map[string]any) { event["account"] = "acct_1032D82eZvKYlo2C" })
	put("of an account that is none", func(event, _ map[string]any) { event["account"] = "<script>" })
	put("of something that is no account", func(event, _ map[string]any) { event["account"] = 7 })
	put("that is none", func(event, _ map[string]any) { event["object"] = "v2.core.event" })
	put("without data", func(event, _ map[string]any) { delete(event, "data") })
	return strange
}
