package replicatest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func client(p *Proxy, secret string) *s3.Client {
	return s3.New(s3.Options{
		Region: Region, BaseEndpoint: aws.String(p.Endpoint()), UsePathStyle: true, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(AccessKeyID, secret, ""),
	})
}

func put(ctx context.Context, c *s3.Client, key, body string, onlyNew bool) error {
	in := &s3.PutObjectInput{Bucket: aws.String(Bucket), Key: aws.String(key), Body: strings.NewReader(body)}
	if onlyNew {
		in.IfNoneMatch = aws.String("*")
	}
	_, err := c.PutObject(ctx, in)
	return err
}

func get(ctx context.Context, c *s3.Client, key string) (string, error) {
	out, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(Bucket), Key: aws.String(key)})
	if err != nil {
		return "", err
	}
	defer func() { _ = out.Body.Close() }()
	body, err := io.ReadAll(out.Body)
	return string(body), err
}

// statusOf is the HTTP status of an error, 0 when there was no answer.
func statusOf(err error) int {
	var answer *awshttp.ResponseError
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}

func TestStorageIsARealOne(t *testing.T) {
	t.Parallel()
	s := Start(t)
	c, ctx := client(s.Proxy, SecretAccessKey), t.Context()
	must(t, put(ctx, c, "a/one", "first", true))
	if err := put(ctx, c, "a/one", "second", true); statusOf(err) != http.StatusPreconditionFailed {
		t.Errorf("a second conditional PUT: %v", err)
	}
	if body, err := get(ctx, c, "a/one"); body != "first" || err != nil {
		t.Errorf("%q %v", body, err)
	}
	if err := put(ctx, client(s.Proxy, "wrong"), "a/two", "x", false); statusOf(err) != http.StatusForbidden {
		t.Errorf("wrong secret: %v", err)
	}
	_, err := c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String(Bucket), Prefix: aws.String("a/")})
	must(t, err)
	_, err = c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(Bucket), Key: aws.String("a/none")})
	must(t, err)
	if objects := s.Objects(t); len(objects) != 1 || string(objects["a/one"]) != "first" {
		t.Errorf("objects: %q", objects)
	}
	want := map[Kind]int{Put: 3, Get: 1, List: 1, Delete: 1}
	if got := s.Counts(); !maps.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
	if calls := s.Calls(); len(calls) != 6 || calls[1].Key != "a/one" || calls[1].Status != http.StatusPreconditionFailed {
		t.Errorf("calls: %v", calls)
	}
	s.Forget()
	if got := s.Counts(); len(got) != 0 {
		t.Errorf("after Forget: %v", got)
	}
}

func TestABlindStorageIgnoresConditions(t *testing.T) {
	t.Parallel()
	s := Start(t)
	c, ctx := client(s.Proxy, SecretAccessKey), t.Context()
	must(t, put(ctx, c, "a/odd name+(1)", "first", false))
	s.SetBlind(true)
	must(t, put(ctx, c, "a/odd name+(1)", "second", true))
	if body, err := get(ctx, c, "a/odd name+(1)"); body != "second" || err != nil {
		t.Errorf("%q %v", body, err)
	}
}

func TestTroubles(t *testing.T) {
	t.Parallel()
	s := Start(t)
	c, text := client(s.Proxy, SecretAccessKey), strings.Repeat("0123456789", 100_000)
	must(t, put(t.Context(), c, "there", text, false))
	tests := []struct {
		trouble Trouble
		status  int
		arrives bool // what was PUT is there, though the client does not know
	}{
		{Refuse, 0, false},
		{Hang, 0, false},
		{Broken, http.StatusInternalServerError, false},
		{Full, http.StatusInsufficientStorage, false},
		{Forbidden, http.StatusForbidden, false},
		{CutBefore, 0, false},
		{CutAfter, 0, true},
	}
	for _, tt := range tests {
		s.SetFault(func(r Request) Trouble {
			if r.Key == "healthy" {
				return None
			}
			return tt.trouble
		})
		patience := 30 * time.Second
		if tt.trouble == Hang {
			patience = 200 * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		err := put(ctx, c, "new", text, false)
		if err == nil || statusOf(err) != tt.status {
			t.Errorf("trouble %d, PUT: %v", tt.trouble, err)
		}
		cancel()
		ctx, cancel = context.WithTimeout(t.Context(), patience)
		if body, err := get(ctx, c, "there"); err == nil && tt.trouble != CutBefore || err != nil && tt.trouble == CutBefore {
			t.Errorf("trouble %d, GET: %d bytes, %v", tt.trouble, len(body), err)
		}
		cancel()
		must(t, put(t.Context(), c, "healthy", text, false))
		s.SetFault(nil)
		if objects := s.Objects(t); bytes.Equal(objects["new"], []byte(text)) != tt.arrives {
			t.Errorf("trouble %d: the object has %d bytes", tt.trouble, len(objects["new"]))
		}
	}
}

// Two ways to one storage fail apart from each other.
func TestAnotherWayIn(t *testing.T) {
	t.Parallel()
	s := Start(t)
	second := s.Another(t)
	s.SetFault(Always(Refuse))
	must(t, put(t.Context(), client(second, SecretAccessKey), "a", "b", false))
	if err := put(t.Context(), client(s.Proxy, SecretAccessKey), "a", "b", false); err == nil {
		t.Error("the first way is not shut")
	}
}

// A late request arrives after everybody has stopped waiting for it.
func TestALateRequestArrives(t *testing.T) {
	t.Parallel()
	s := Start(t)
	s.SetFault(Always(Late))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- put(ctx, client(s.Proxy, SecretAccessKey), "a", "late", false) }()
	for s.Counts()[Put] == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-ended; err == nil {
		t.Error("the client had an answer")
	}
	for len(s.Calls()) == 0 {
		time.Sleep(time.Millisecond)
	}
	s.SetFault(nil)
	if body, err := get(t.Context(), client(s.Proxy, SecretAccessKey), "a"); body != "late" || err != nil {
		t.Errorf("%q %v", body, err)
	}
}
