package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/superfly/ltx"

	"hostaway-mcp/billing/stripetest"
	"hostaway-mcp/replica/replicatest"
)

// Everything that lies somewhere after a server has worked: its database and the log of it, the objects in the storage, the lines that it
// wrote. No secret stands there in any form, and one that is planted is found in each of these places.
func TestNoSecretLiesAtRest(t *testing.T) {
	t.Parallel()
	tap, heard := &tokenTap{}, &corpus{}
	storage := replicatest.Start(t)
	const mailPassword = "smtp4password8kQz1"
	settings := append(billingSettings(newStripe(t, stripetest.Options{Keys: []string{stripeKey}}).URL()), "HMCP_LOG_LEVEL=debug", "HMCP_CRITICAL_WRITES=wait",
		"HMCP_SMTP_URL=smtp://mailer:"+mailPassword+"@127.0.0.1:1", "HMCP_MAIL_FROM=server@example.com")
	s := newReplicated(t, newUpstream(t, tap.around), storage.Proxy, settings...).run(t, firstStart)
	secrets := journeyWithSecrets(t, s, heard)
	secrets["Stripe key"], secrets["webhook secret"], secrets["mail password"] = stripeKey, webhookSecret, mailPassword
	secrets["storage's secret key"] = replicatest.SecretAccessKey
	tap.mu.Lock()
	for i, token := range tap.tokens {
		secrets[fmt.Sprintf("access token %d", i+1)] = token
	}
	tap.mu.Unlock()
	for _, leak := range lying(t, s, storage).findLeaks(secrets) {
		t.Error(leak)
	}

	// Now plant one: the name of a key goes into the database and the storage, a path into the log.
	const plant = "Qz7planted3Secret9wXk2Vb"
	v := newVisitor(t, s.base)
	v.submit(v.get("/login"), "/login", map[string]string{"email": owner().email, "password": secrets["password"]})
	v.createKey(plant)
	if answer := v.get("/nothing/" + plant); answer.status != http.StatusNotFound {
		t.Errorf("no page: %d", answer.status)
	}
	s.waitFor(s.errOut, plant) // the line comes after the answer
	s.kill()                   // so that the write-ahead log stays
	found := strings.Join(lying(t, s, storage).findLeaks(map[string]string{"plant": plant}), "\n")
	for _, where := range []string{"log ", "file " + databaseName + "-wal ", "dump of " + databaseName, "object ", "pages of "} {
		if !strings.Contains(found, where) {
			t.Errorf("the secret planted in %q is not found; found:\n%s", where, found)
		}
	}
}

// lying collects what lies in the log, in the data folder and in the storage: files and objects as they are, the database in rows, and the
// pages of each object of the replica, which are compressed there.
func lying(t *testing.T, s *server, storage *replicatest.Storage) *corpus {
	t.Helper()
	heard := &corpus{}
	gather(t, s, heard, "at rest")
	heard.add("dump of "+databaseName, openDatabase(t, databaseOf(s)).dump(t))
	replicas := 0
	for key, body := range storage.Objects(t) {
		heard.add("object "+key, append([]byte(key+"\n"), body...))
		if strings.HasSuffix(key, ".ltx") {
			heard.add("pages of "+key, pagesOf(t, key, body))
			replicas++
		}
	}
	if replicas == 0 {
		t.Error("nothing of a replica lies in the storage")
	}
	return heard
}

// pagesOf unpacks what a replica's object holds.
func pagesOf(t *testing.T, key string, body []byte) []byte {
	t.Helper()
	decoder := ltx.NewDecoder(bytes.NewReader(body))
	must(t, decoder.DecodeHeader())
	page, all := make([]byte, decoder.Header().PageSize), []byte(nil)
	for {
		var header ltx.PageHeader
		err := decoder.DecodePage(&header, page)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		all = append(all, page...)
	}
}
