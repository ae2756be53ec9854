package replica

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/aws/smithy-go"
)

// TestWhatAStorageSaysIsPutPlainly: the layers between tell nobody anything.
func TestWhatAStorageSaysIsPutPlainly(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	for want, err := range map[string]error{
		"dial tcp: connection refused": fmt.Errorf("operation error S3: GetObject, exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , HostID: , request send failed, %w", refused),
		"SlowDown: be patient":         fmt.Errorf("operation error S3: PutObject, %w", &smithy.GenericAPIError{Code: "SlowDown", Message: "be\npatient"}),
		"something else":               errors.New("something else"),
	} {
		if got := plainCause(err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	long := oneLine(errors.New(strings.Repeat("größere Mühe ", 100)))
	if !utf8.ValidString(long) || len(long) > lineMost+4 || (!strings.HasSuffix(long, "größere …") && !strings.HasSuffix(long, "Mühe …")) {
		t.Errorf("cut to %q", long)
	}
}
