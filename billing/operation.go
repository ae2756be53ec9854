package billing

// operation.go is what is remembered of setting quantities at Stripe, in one text of
// the desired quantity: the operation that was tried last, and the last one that was
// done. Together with the quantity that Stripe shows they tell which changes it has.

import (
	"fmt"
	"strings"
	"time"
)

// What ends the key of an operation that Stripe has done, or answered with a failure.
// Such a key is sent no more. What failed may have been done all the same.
const (
	keyDone   = "/done"
	keyFailed = "/failed"
	keyJoint  = "|"
)

// keyOf begins the idempotency keys of one operation.
func keyOf(subscriptionID string, date time.Time, quantity int) string {
	seconds := int64(0)
	if !date.IsZero() {
		seconds = date.Unix()
	}
	return fmt.Sprintf("qty:%s:%d:%d:", subscriptionID, seconds, quantity)
}

// wasTried tells whether one of the remembered operations begins so.
func wasTried(operations, start string) bool {
	for one := range strings.SplitSeq(operations, keyJoint) {
		if strings.HasPrefix(one, start) {
			return true
		}
	}
	return false
}

// unanswered is the key of the last operation, if it begins so and there was no answer
// to it: it is sent again.
func unanswered(operations, start string) (key string, ok bool) {
	last, _, _ := strings.Cut(operations, keyJoint)
	return last, strings.HasPrefix(last, start) && !strings.HasSuffix(last, keyDone) && !strings.HasSuffix(last, keyFailed)
}

// withFailed remembers a try that failed, besides the last that was done.
func withFailed(operations, key string, answered bool) string {
	if answered {
		key += keyFailed
	}
	for one := range strings.SplitSeq(operations, keyJoint) {
		if strings.HasSuffix(one, keyDone) {
			return key + keyJoint + one
		}
	}
	return key
}
