// Benchmarks of what every tool call waits for.

package store_test

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"hostaway-mcp/secret"
	"hostaway-mcp/store"
	"hostaway-mcp/store/storetest"
)

// BenchmarkOrgByAPIKey: warm is the same store over and over; cold opens the
// store anew for each look-up, so that neither page cache nor statement exists,
// and times the look-up alone.
func BenchmarkOrgByAPIKey(b *testing.B) {
	path, ring := filepath.Join(b.TempDir(), "bench.db"), storetest.Keyring(b, 1)
	st := storetest.Open(b, storetest.WithPath(path), storetest.WithKeyring(ring))
	keys := make([]secret.Text, 200)
	for i := range keys {
		keys[i] = storetest.Org(b, st, fmt.Sprintf("Org %d", i)).APIKey
	}
	find := func(b *testing.B, st *store.Store, key secret.Text) {
		if _, _, err := st.OrgByAPIKey(b.Context(), key); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("warm", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			find(b, st, keys[i%len(keys)])
		}
	})
	b.Run("warm, billed", func(b *testing.B) {
		st := storetest.Open(b, storetest.WithBilling())
		keys := make([]secret.Text, 200)
		for i := range keys {
			f := storetest.Org(b, st, fmt.Sprintf("Org %d", i))
			storetest.Connect(b, f.Org, int64(i+1), "a secret of Hostaway")
			keys[i] = f.APIKey
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if o, _, err := st.OrgByAPIKey(b.Context(), keys[i%len(keys)]); err != nil || !o.Access().Allowed() {
				b.Fatal(err)
			}
		}
	})
	b.Run("warm parallel", func(b *testing.B) {
		var n atomic.Int64
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				find(b, st, keys[int(n.Add(1))%len(keys)])
			}
		})
	})
	b.Run("unknown", func(b *testing.B) {
		stranger := storetest.Org(b, storetest.Open(b), "Elsewhere").APIKey
		for b.Loop() {
			if _, _, err := st.OrgByAPIKey(b.Context(), stranger); err == nil {
				b.Fatal("found")
			}
		}
	})
	b.Run("cold", func(b *testing.B) {
		var spent time.Duration
		for i := range b.N {
			cold, err := store.Open(b.Context(), store.Config{
				Path: path, Keyring: storetest.Fixed(ring), PasswordCost: storetest.CheapPasswords,
			})
			if err != nil {
				b.Fatal(err)
			}
			start := time.Now()
			find(b, cold, keys[i%len(keys)])
			spent += time.Since(start)
			if err := cold.Close(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N), "ns/look-up")
	})
}

// BenchmarkRecordToolCall: 64 callers at once, over 8 orgs.
func BenchmarkRecordToolCall(b *testing.B) {
	st := storetest.Open(b)
	orgs := make([]storetest.Fixture, 8)
	for i := range orgs {
		orgs[i] = storetest.Org(b, st, fmt.Sprintf("Org %d", i))
	}
	b.SetParallelism(32) // times GOMAXPROCS
	b.ReportAllocs()
	var n atomic.Int64
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			f := orgs[int(n.Add(1))%len(orgs)]
			if err := f.Org.RecordToolCall(b.Context(), toolCall(f, "hostaway_list_properties", time.Now())); err != nil {
				b.Error(err)
			}
		}
	})
}
