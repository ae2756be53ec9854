// Our objects in S3, or in what speaks like it. Litestream's client keeps its
// connection to itself, hence one of our own, set up for the same storage.

package replica

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/benbjohnson/litestream"
	ls3 "github.com/benbjohnson/litestream/s3"
)

const (
	objectTries  = 3
	connectTime  = 10 * time.Second
	answerTime   = 15 * time.Second // until the storage begins to answer
	idleTime     = 90 * time.Second
	objectMost   = 64 << 10 // an object of ours is smaller
	firstRegion  = "us-east-1"
	algorithmSSE = "AES256"
)

type s3Objects struct {
	bucket bucket

	mu     sync.Mutex
	client *s3.Client // nil until first used
}

// connect makes the client. Without an endpoint and a region, the region is asked
// for, which may fail and is tried again next time.
func (o *s3Objects) connect(ctx context.Context) (*s3.Client, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.client != nil {
		return o.client, nil
	}
	region := o.bucket.region
	if region == "" {
		region = ls3.DefaultRegion
	}
	client, err := o.make(ctx, region)
	if err != nil {
		return nil, err
	}
	if o.bucket.region == "" && o.bucket.endpoint == "" {
		if region, err = manager.GetBucketRegion(ctx, client, o.bucket.name); err != nil {
			return nil, storageError(err)
		}
		if client, err = o.make(ctx, region); err != nil {
			return nil, err
		}
	}
	o.client = client
	return client, nil
}

func (o *s3Objects) make(ctx context.Context, region string) (*s3.Client, error) {
	b := o.bucket
	transport := &http.Transport{
		Proxy:       http.ProxyFromEnvironment,
		DialContext: (&net.Dialer{Timeout: connectTime, KeepAlive: idleTime / 3}).DialContext, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: connectTime, ResponseHeaderTimeout: answerTime, IdleConnTimeout: idleTime,
	}
	if b.skipVerify {
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // skip-verify says so
	}
	options := []func(*config.LoadOptions) error{
		config.WithRegion(region),
		config.WithLogger(logging.Nop{}), // what matters comes back as an error
		config.WithHTTPClient(&http.Client{Transport: transport}),
		config.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(r *retry.StandardOptions) { r.MaxAttempts, r.MaxBackoff = objectTries, time.Second })
		}),
	}
	if b.hasKeys() {
		options = append(options, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(b.accessKeyID, b.secretAccessKey, "")))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("set up the storage: %w", err)
	}
	return s3.NewFromConfig(cfg, func(s *s3.Options) { b.adapt(s) }), nil
}

// adapt sets what Litestream sets for the same storage.
func (b bucket) adapt(s *s3.Options) {
	s.UsePathStyle = b.pathStyle
	s.UseARNRegion = true
	if b.endpoint != "" {
		endpoint := b.endpoint
		if !strings.Contains(endpoint, "://") {
			endpoint = "https://" + endpoint
		}
		s.BaseEndpoint = aws.String(endpoint)
		s.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		s.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	}
	if !b.signPayload {
		s.APIOptions = append(s.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
	}
	if litestream.IsTigrisEndpoint(b.endpoint) { // or it answers from the nearest copy
		s.APIOptions = append(s.APIOptions, smithyhttp.SetHeaderValue("X-Tigris-Consistent", "true"))
	}
}

func (o *s3Objects) key(name string) *string { return aws.String(o.bucket.path + "/" + name) }

func (o *s3Objects) get(ctx context.Context, name string) (object, error) {
	client, err := o.connect(ctx)
	if err != nil {
		return object{}, err
	}
	in := &s3.GetObjectInput{Bucket: &o.bucket.name, Key: o.key(name)}
	in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = o.bucket.sse()
	out, err := client.GetObject(ctx, in)
	if err != nil {
		return object{}, storageError(err)
	}
	defer func() { _ = out.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(out.Body, objectMost))
	if err != nil {
		return object{}, storageError(err)
	}
	read := object{data: data, version: aws.ToString(out.ETag)}
	if now, ok := awsmiddleware.GetServerTime(out.ResultMetadata); ok && out.LastModified != nil {
		read.age, read.aged = max(0, now.Sub(*out.LastModified)), true
	}
	return read, nil
}

func (o *s3Objects) put(ctx context.Context, name string, data []byte, on condition) (string, error) {
	client, err := o.connect(ctx)
	if err != nil {
		return "", err
	}
	in := &s3.PutObjectInput{Bucket: &o.bucket.name, Key: o.key(name), Body: bytes.NewReader(data), ContentType: aws.String("application/json")}
	in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = o.bucket.sse()
	if o.bucket.kmsKey != "" {
		in.ServerSideEncryption, in.SSEKMSKeyId = types.ServerSideEncryptionAwsKms, &o.bucket.kmsKey
	}
	if on.absent {
		in.IfNoneMatch = aws.String("*")
	}
	if on.version != "" {
		in.IfMatch = aws.String(on.version)
	}
	out, err := client.PutObject(ctx, in)
	if err != nil {
		return "", storageError(err)
	}
	return aws.ToString(out.ETag), nil
}

// sse is the customer's key that every object is encrypted with, if there is one.
func (b bucket) sse() (algorithm, key, sum *string) {
	if b.sseKey == "" {
		return nil, nil, nil
	}
	raw, err := base64.StdEncoding.DecodeString(b.sseKey)
	if err != nil {
		return nil, nil, nil // Litestream's client says what is wrong
	}
	digest := md5.Sum(raw) //nolint:gosec // what S3 asks for
	return aws.String(algorithmSSE), &b.sseKey, aws.String(base64.StdEncoding.EncodeToString(digest[:]))
}

// storageError marks what S3 answers with the errors of this room.
func storageError(err error) error {
	if err == nil {
		return nil
	}
	mark := markOf(err)
	if mark == nil {
		return err
	}
	return fmt.Errorf("%w (%w)", mark, err)
}

func markOf(err error) error {
	var api smithy.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode() {
		case "NoSuchKey", "NotFound":
			return errNoObject
		case "NoSuchBucket":
			return errNoPlace
		case "PreconditionFailed", "ConditionalRequestConflict":
			return errConflict
		case "NotImplemented":
			return errConditions
		case "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "RequestTimeTooSkewed":
			return errForbidden
		case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
			return errOtherRegion
		case "InsufficientStorage", "XMinioStorageFull", "QuotaExceeded":
			return errNoRoom
		}
	}
	var answer *awshttp.ResponseError
	if errors.As(err, &answer) {
		switch answer.HTTPStatusCode() {
		case http.StatusPreconditionFailed, http.StatusConflict:
			return errConflict
		case http.StatusNotImplemented:
			return errConditions
		case http.StatusForbidden, http.StatusUnauthorized:
			return errForbidden
		case http.StatusMovedPermanently:
			return errOtherRegion
		case http.StatusInsufficientStorage:
			return errNoRoom
		}
	}
	if errors.Is(err, fs.ErrPermission) { // a folder that is not ours to use
		return errForbidden
	}
	if strings.Contains(err.Error(), "get credentials") || strings.Contains(err.Error(), "failed to refresh cached credentials") {
		return errNoKeys
	}
	return nil
}
