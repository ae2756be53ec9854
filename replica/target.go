// The place of the replica: a bucket in S3 or in something that speaks like it,
// or a folder. An address and its parts written apart get the same defaults for
// the storage they lead to.

package replica

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/benbjohnson/litestream"
	"github.com/benbjohnson/litestream/s3"
)

// target is where the replica lies: in s3, or else in folder.
type target struct {
	folder string
	s3     *bucket
}

// bucket is a place in S3 with all settings for it.
type bucket struct {
	name, path, region, endpoint    string
	accessKeyID, secretAccessKey    string
	pathStyle, skipVerify           bool
	signPayload, signAcceptEncoding bool
	requireMD5, putMD5              bool
	storageClass                    string
	partSize                        int64
	concurrency                     int
	sseAlgorithm, sseKey, kmsKey    string
}

// String names the place without credentials.
func (t target) String() string {
	switch {
	case t.s3 == nil && t.folder == "":
		return ""
	case t.s3 == nil:
		return "the folder " + t.folder
	}
	place := "s3://" + t.s3.name
	if t.s3.path != "" {
		place += "/" + t.s3.path
	}
	if t.s3.endpoint != "" {
		place += " at " + bareEndpoint(t.s3.endpoint)
	}
	return place
}

// bareEndpoint is an endpoint without what does not belong into a log.
func bareEndpoint(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return "an endpoint of its own"
	}
	return u.Scheme + "://" + u.Host
}

// target takes the address, or its parts, from the replica's settings.
func (f *document) target() (target, error) {
	c := f.DBs[0].Replica
	kind := c.Type
	if scheme, _, ok := strings.Cut(c.URL, "://"); ok {
		kind = strings.ToLower(scheme)
	} else if c.URL != "" {
		return target{}, badAddress("is no address", "write s3://BUCKET/PATH or file:///FOLDER")
	}
	switch kind {
	case "s3":
		to, err := c.bucket()
		return target{s3: to}, err
	case "", "file":
		folder, err := c.folder()
		return target{folder: folder}, err
	}
	return target{}, badAddress(fmt.Sprintf("is of the type %q, which is not built in", kind), "use s3://BUCKET/PATH or file:///FOLDER")
}

// badAddress speaks about the replica's address without showing it.
func badAddress(what, do string) error {
	return &Problem{Kind: BadSettings, What: "the replica's address (HMCP_REPLICA_URL or litestream.yml) " + what, Do: do}
}

func (c *replicaConfig) folder() (string, error) {
	path := c.Path
	if c.URL != "" {
		if c.Path != "" {
			return "", badAddress("stands twice, as url and as path", "keep one of them")
		}
		u, err := url.Parse(c.URL)
		if err != nil || u.Host != "" || u.User != nil {
			return "", badAddress("is not that of a folder", "write file:///FOLDER, with three slashes")
		}
		if u.RawQuery != "" || u.ForceQuery {
			return "", badAddress("has something after a question mark, which means nothing for a folder", "take it out; a question mark in a folder's name is written %3F")
		}
		if strings.Contains(c.URL, "#") {
			return "", noFragment()
		}
		if _, _, path, err = litestream.ParseReplicaURL(c.URL); err != nil {
			return "", badAddress("is not that of a folder", "write file:///FOLDER")
		}
	}
	if path == "" || path == "." || path == "/" {
		return "", badAddress("names no folder", "write file:///FOLDER")
	}
	return absolute(path), nil
}

// bucket puts address and keys together: a key wins over the address.
func (c *replicaConfig) bucket() (*bucket, error) {
	b := &bucket{
		name: c.Bucket, path: c.Path, region: c.Region, endpoint: c.Endpoint, storageClass: c.StorageClass,
		accessKeyID: c.AccessKeyID, secretAccessKey: c.SecretAccessKey,
		sseAlgorithm: c.SSECustomerAlgorithm, sseKey: c.SSECustomerKey, kmsKey: c.SSEKMSKeyID,
		pathStyle: c.Endpoint != "", skipVerify: c.SkipVerify,
	}
	said := address{}
	if c.URL != "" {
		if c.Path != "" || c.Bucket != "" {
			return nil, badAddress("stands twice, as url and as bucket or path", "keep one of them")
		}
		var err error
		if said, err = parseAddress(c.URL); err != nil {
			return nil, err
		}
		b.take(said)
	}
	if b.name == "" {
		return nil, badAddress("names no bucket", "write s3://BUCKET/PATH")
	}
	if b.path == "" || b.path == "." { // stock Litestream would write to keys that begin with ./
		return nil, badAddress("names a bucket and no path in it", "write s3://BUCKET/PATH")
	}
	if err := b.readSSEKey(c.SSECustomerKeyPath); err != nil {
		return nil, err
	}
	b.settle(c, said)
	return b, checkEndpoint(c.Endpoint)
}

// take uses what the address says where no key says it.
func (b *bucket) take(a address) {
	b.name, b.path = a.bucket, a.path
	for _, text := range []struct {
		to   *string
		from string
	}{
		{&b.region, a.region},
		{&b.endpoint, a.endpoint},
		{&b.storageClass, a.text("storageClass", "storage-class")},
	} {
		if *text.to == "" {
			*text.to = text.from
		}
	}
	if b.accessKeyID == "" && b.secretAccessKey == "" && a.user != nil {
		b.accessKeyID = a.user.Username()
		b.secretAccessKey, _ = a.user.Password()
	}
	if !b.pathStyle {
		b.pathStyle = a.pathStyle
	}
	b.skipVerify = b.skipVerify || a.flag(false, "skipVerify", "skip-verify")
}

// settle decides what neither key nor address may have said, by the storage
// that the endpoint leads to.
func (b *bucket) settle(c *replicaConfig, a address) {
	p := providerOf(b.endpoint)
	b.signPayload = or(c.SignPayload, a.flag(true, "signPayload", "sign-payload"))
	b.signAcceptEncoding = or(c.SignAcceptEncoding, a.flag(true, "signAcceptEncoding", "sign-accept-encoding"))
	b.requireMD5 = or(c.RequireContentMD5, a.flag(!p.noMD5, "requireContentMD5", "require-content-md5"))
	b.putMD5 = or(c.PutObjectContentMD5, a.flag(false, "putObjectContentMD5", "put-object-content-md5"))
	b.pathStyle = or(c.ForcePathStyle, a.flag(b.pathStyle || p.pathStyle, "forcePathStyle", "force-path-style"))
	b.concurrency = or(c.Concurrency, a.count(p.concurrency, "concurrency"))
	b.partSize = int64(or(c.PartSize, byteSize(a.count(p.partSize, "partSize", "part-size"))))
}

// readSSEKey reads the key that objects are encrypted with from its file.
func (b *bucket) readSSEKey(path string) error {
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(absolute(path))
	if err != nil {
		return badFile(0, "names "+filepath.Clean(path)+" in sse-customer-key-path, which can't be read", "check the path and who may read it")
	}
	b.sseKey = strings.TrimSpace(string(text))
	return nil
}

// provider is what a storage needs that is not quite S3.
type provider struct {
	is                    func(endpoint string) bool
	pathStyle, noMD5      bool
	concurrency, partSize int
}

func providerOf(endpoint string) provider {
	for _, p := range []provider{
		{is: litestream.IsTigrisEndpoint, noMD5: true, concurrency: s3.DefaultTigrisConcurrency, partSize: s3.DefaultTigrisPartSize},
		{is: litestream.IsCloudflareR2Endpoint, concurrency: s3.DefaultR2Concurrency},
		{is: litestream.IsBackblazeEndpoint, pathStyle: true},
		{is: litestream.IsFilebaseEndpoint, pathStyle: true},
		{is: litestream.IsSupabaseEndpoint, pathStyle: true},
		{is: litestream.IsNeonEndpoint, pathStyle: true},
		{is: litestream.IsMinIOEndpoint, pathStyle: true},
	} {
		if endpoint != "" && p.is(endpoint) {
			return p
		}
	}
	return provider{}
}

// client makes Litestream's own client for the bucket.
func (b *bucket) client() *s3.ReplicaClient {
	c := s3.NewReplicaClient()
	c.AccessKeyID, c.SecretAccessKey = b.accessKeyID, b.secretAccessKey
	c.Bucket, c.Path, c.Region, c.Endpoint = b.name, b.path, b.region, b.endpoint
	c.ForcePathStyle, c.SkipVerify = b.pathStyle, b.skipVerify
	c.SignPayload, c.SignAcceptEncoding = b.signPayload, b.signAcceptEncoding
	c.RequireContentMD5, c.PutObjectContentMD5 = b.requireMD5, b.putMD5
	c.StorageClass, c.PartSize, c.Concurrency = b.storageClass, b.partSize, b.concurrency
	c.SSECustomerAlgorithm, c.SSECustomerKey, c.SSEKMSKeyID = b.sseAlgorithm, b.sseKey, b.kmsKey
	return c
}

// address is an s3:// address taken apart.
type address struct {
	bucket, path, region, endpoint string
	pathStyle                      bool
	user                           *url.Userinfo
	query                          url.Values
}

// addressKeys are the parts of the query that Litestream understands in a file.
func addressKeys() []string {
	return []string{
		"endpoint", "region", "forcePathStyle", "force-path-style", "skipVerify", "skip-verify", "signPayload", "sign-payload",
		"signAcceptEncoding", "sign-accept-encoding", "requireContentMD5", "require-content-md5", "putObjectContentMD5",
		"put-object-content-md5", "storageClass", "storage-class", "partSize", "part-size", "concurrency",
	}
}

// switches are those of them that are true or false. Litestream takes any other word
// for false.
func switches() []string {
	return slices.DeleteFunc(addressKeys(), func(key string) bool {
		return slices.Contains([]string{"endpoint", "region", "storageClass", "storage-class", "partSize", "part-size", "concurrency"}, key)
	})
}

func switchWords() []string { return []string{"true", "1", "t", "yes", "false", "0", "f", "no"} }

func noFragment() error {
	return badAddress("has a #, and what comes after it would be lost", "take it out, or write %23 if it is part of a name")
}

func parseAddress(text string) (address, error) {
	_, host, path, query, user, err := litestream.ParseReplicaURLWithQuery(text)
	if err != nil {
		return address{}, badAddress("is no address", "write s3://BUCKET/PATH; letters such as / in a password are written %2F")
	}
	if strings.Contains(text, "#") {
		return address{}, noFragment()
	}
	for key := range query {
		if !slices.Contains(addressKeys(), key) {
			return address{}, unknownPart(key)
		}
	}
	for _, key := range switches() {
		if v := query.Get(key); v != "" && !slices.Contains(switchWords(), strings.ToLower(v)) {
			return address{}, badAddress("has a "+key+" that is neither true nor false", "write "+key+"=true or "+key+"=false")
		}
	}
	if user != nil {
		if password, _ := user.Password(); user.Username() == "" || password == "" {
			return address{}, badAddress("names half of the credentials", "write both, or better set HMCP_REPLICA_ACCESS_KEY_ID and HMCP_REPLICA_SECRET_ACCESS_KEY and name none there")
		}
	}
	for _, key := range []string{"partSize", "part-size", "concurrency"} {
		if _, _, err := litestream.IntQueryValue(query, key); err != nil {
			return address{}, badAddress("has a "+key+" that is no number", "write digits only")
		}
	}
	a := address{path: path, query: query, user: user}
	a.bucket, a.region, a.endpoint, a.pathStyle = s3.ParseHost(host)
	own := query.Get("endpoint")
	if strings.HasPrefix(host, "arn:") || (litestream.IsNeonEndpoint(a.endpoint) && own != "") {
		a.bucket, a.region, a.endpoint, a.pathStyle = host, litestream.RegionFromS3ARN(host), "", false
	}
	if err := checkEndpoint(own); err != nil {
		return address{}, err
	}
	if own != "" {
		a.endpoint, _ = litestream.EnsureEndpointScheme(own)
		a.pathStyle = true
		if u, err := url.Parse(a.endpoint); err != nil || u.Host == "" || u.User != nil {
			return address{}, badAddress("has an endpoint that is none", "write ?endpoint=https://HOST")
		}
	}
	if region := query.Get("region"); region != "" {
		a.region = region
	}
	return a, nil
}

// checkEndpoint refuses what is reached in another way than S3 is.
func checkEndpoint(endpoint string) error {
	scheme, _, ok := strings.Cut(endpoint, "://")
	if !ok || scheme == "http" || scheme == "https" {
		return nil
	}
	return badAddress(fmt.Sprintf("has an endpoint that begins with %s://", scheme), "write ?endpoint=https://HOST")
}

// unknownPart refuses a part of the query, which may be a secret: only its name
// is shown.
func unknownPart(key string) error {
	do := "take it out"
	switch {
	case strings.HasPrefix(strings.ToLower(key), "sse"):
		do = "Litestream reads no keys there; name it in a litestream.yml of your own"
	case strings.Contains(strings.ToLower(key), "key"):
		do = "set HMCP_REPLICA_ACCESS_KEY_ID and HMCP_REPLICA_SECRET_ACCESS_KEY instead"
	default:
		if near := nearestKey(key, addressKeys()); near != "" {
			do = "did you mean " + near + "?"
		}
	}
	return badAddress(fmt.Sprintf("has %q after the question mark, which means nothing", key), do)
}

func (a address) text(names ...string) string {
	for _, name := range names {
		if v := a.query.Get(name); v != "" {
			return v
		}
	}
	return ""
}

func (a address) flag(otherwise bool, names ...string) bool {
	if v, ok := litestream.BoolQueryValue(a.query, names...); ok {
		return v
	}
	return otherwise
}

func (a address) count(otherwise int, names ...string) int {
	if v, ok, err := litestream.IntQueryValue(a.query, names...); ok && err == nil {
		return int(v)
	}
	return otherwise
}
