package replicatest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
)

// sign gives a request a new AWS signature (version 4) after its headers were changed. What was signed before and is still there is signed again.
func sign(r *http.Request) {
	const scheme = "AWS4-HMAC-SHA256"
	names := []string{"host"}
	_, list, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
	list, _, _ = strings.Cut(list, ",")
	for name := range strings.SplitSeq(list, ";") {
		if r.Header.Get(name) != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var headers strings.Builder
	for _, name := range names {
		text := strings.TrimSpace(r.Header.Get(name))
		if name == "host" {
			text = r.Host
		}
		headers.WriteString(name + ":" + text + "\n")
	}
	query := strings.Split(r.URL.RawQuery, "&")
	slices.Sort(query)
	signed := strings.Join(names, ";")
	canonical := strings.Join([]string{
		r.Method, r.URL.EscapedPath(), strings.Join(query, "&"), headers.String(), signed, r.Header.Get("X-Amz-Content-Sha256"),
	}, "\n")
	date := r.Header.Get("X-Amz-Date")
	scope := date[:8] + "/" + Region + "/s3/aws4_request"
	digest := sha256.Sum256([]byte(canonical))
	key := []byte("AWS4" + SecretAccessKey)
	for part := range strings.SplitSeq(scope, "/") {
		key = mac(key, part)
	}
	signature := hex.EncodeToString(mac(key, strings.Join([]string{scheme, date, scope, hex.EncodeToString(digest[:])}, "\n")))
	r.Header.Set("Authorization", scheme+" Credential="+AccessKeyID+"/"+scope+", SignedHeaders="+signed+", Signature="+signature)
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
