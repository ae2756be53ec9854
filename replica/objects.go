// The small objects beside Litestream's own in the replica: who may write it,
// and which installation it belongs to. They are written on conditions, so that
// of two servers one wins.

package replica

import (
	"context"
	"errors"
	"time"
)

// The names of our objects. Litestream looks into folders of its own only.
const (
	leaseObject        = "hostaway-mcp-lease.json"
	installationObject = "hostaway-mcp-installation.json"
)

var (
	errNoObject    = errors.New("there is no such object")
	errConflict    = errors.New("somebody else wrote the object meanwhile")
	errConditions  = errors.New("the storage knows no conditional writes")
	errNoPlace     = errors.New("the bucket or folder does not exist")
	errForbidden   = errors.New("the storage does not let us in")
	errVanished    = errors.New("what lay beside the replica is gone")
	errNoKeys      = errors.New("there are no credentials for the storage")
	errOtherRegion = errors.New("the bucket is in another region")
	errNoRoom      = errors.New("the storage is full")
)

// object is what was read. Age is how long ago it was written, by the storage's
// own clock: ours, or that of whoever wrote it, may be wrong.
type object struct {
	data    []byte
	version string
	age     time.Duration
	aged    bool // the storage told its clock
}

// condition of a write: the object must be absent, or have this version; none
// when both are zero.
type condition struct {
	absent  bool
	version string
}

// objects keeps small objects in the place of the replica.
//
// Errors: errNoObject from get; errConflict and errConditions from put; errNoPlace,
// errForbidden and others from both.
type objects interface {
	get(ctx context.Context, name string) (object, error)
	put(ctx context.Context, name string, data []byte, on condition) (version string, err error)
}
