// What the storage is asked before anything is begun, and what its errors mean.

package replica

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/aws/smithy-go"
	"github.com/benbjohnson/litestream"
	"github.com/benbjohnson/litestream/file"
	"github.com/superfly/ltx"
)

// storage is the replica's place with both ways into it.
type storage struct {
	where   string
	client  litestream.ReplicaClient // Litestream's own
	files   *file.ReplicaClient      // the same, when it is a folder
	bucket  *bucket                  // when it is one
	objects objects
	folder  *folderObjects // when it is a folder
	calls   *calls
}

// newStorage prepares the place; nothing is asked of it yet.
func newStorage(s Settings, c Credentials) *storage {
	st := &storage{where: s.Where(), calls: &calls{}}
	if s.target.s3 == nil {
		st.files = file.NewReplicaClient(s.target.folder)
		st.client, st.folder = st.files, &folderObjects{folder: s.target.folder}
		st.objects = countedObjects{*st.folder, st.calls}
		return st
	}
	b := *s.target.s3
	if b.accessKeyID == "" && b.secretAccessKey == "" {
		b.accessKeyID, b.secretAccessKey = c.AccessKeyID, c.SecretAccessKey.Reveal()
	}
	st.client, st.bucket = b.client(), &b
	st.objects = countedObjects{&s3Objects{bucket: b}, st.calls}
	return st
}

// dropCABundle takes a variable out of the environment, and tells whether it was
// there: Litestream hands the SDK a client that it can't be applied to, and then
// nothing works. SSL_CERT_FILE does the same and works.
func (s *storage) dropCABundle() bool {
	const name = "AWS_CA_BUNDLE"
	_, set := os.LookupEnv(name)
	return s.folder == nil && set && os.Unsetenv(name) == nil
}

// fence puts the client behind a fence.
func (s *storage) fence(r right, p pace) *fenced {
	f := &fenced{inner: s.client, right: r, pace: p, calls: s.calls, doubt: make(chan struct{}, 1)}
	if s.folder != nil {
		f.place = *s.folder
	}
	return f
}

// installationRecord is the object that tells whose replica this is.
type installationRecord struct {
	Installation string    `json:"installation"`
	MadeAt       time.Time `json:"made_at"`
}

func readInstallation(ctx context.Context, o objects) (string, error) {
	found, err := o.get(ctx, installationObject)
	if errors.Is(err, errNoObject) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var r installationRecord
	if err := json.Unmarshal(found.data, &r); err != nil {
		return "", fmt.Errorf("read %s: %w", installationObject, err)
	}
	return r.Installation, nil
}

// writeInstallation puts the object there unless there is one.
func writeInstallation(ctx context.Context, o objects, id string, now time.Time) error {
	data, err := json.Marshal(installationRecord{Installation: id, MadeAt: now.UTC()})
	if err != nil {
		return err
	}
	_, err = o.put(ctx, installationObject, data, condition{absent: true})
	if errors.Is(err, errConflict) {
		there, err := readInstallation(ctx, o)
		if err == nil && there != id {
			err = fmt.Errorf("the replica belongs to another installation (%s)", there)
		}
		return err
	}
	if errors.Is(err, errConditions) {
		_, err = o.put(ctx, installationObject, data, condition{})
	}
	return err
}

// look asks the storage for everything the guard needs to know. All levels are
// listed at once, since each takes a round trip.
func look(ctx context.Context, f *fenced, o objects) (remoteFacts, error) {
	var facts remoteFacts
	var mu sync.Mutex
	var errs []error
	var wait sync.WaitGroup
	keep := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		errs = append(errs, err)
	}
	for level := range litestream.SnapshotLevel + 1 {
		wait.Go(func() {
			files, err := f.list(ctx, level, 0, false)
			keep(err)
			mu.Lock()
			defer mu.Unlock()
			facts.add(level, files)
		})
	}
	wait.Go(func() {
		id, err := readInstallation(ctx, o)
		keep(err)
		mu.Lock()
		defer mu.Unlock()
		facts.installation = id
	})
	wait.Wait()
	return facts, firstError(errs)
}

func (r *remoteFacts) add(level int, files []*ltx.FileInfo) {
	if len(files) > 0 {
		r.levels = append(r.levels, level)
	}
	if level == 0 {
		r.files0 = files
	}
	r.all = append(r.all, files...)
	for _, info := range files {
		r.transaction = max(r.transaction, uint64(info.MaxTXID))
		if level == 0 {
			r.newest = max(r.newest, uint64(info.MaxTXID))
		}
		r.bytes += info.Size
		r.files++
		if info.CreatedAt.After(r.newestAt) {
			r.newestAt = info.CreatedAt
		}
	}
}

// firstError picks one: the others say the same.
func firstError(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// isAway tells whether the storage could not be asked, or does not let us in:
// both may be over later, and neither says what the replica holds.
func isAway(err error) bool {
	if isFull(err) { // the number of that error passes for one of the network
		return false
	}
	for _, mark := range []error{errForbidden, errNoKeys, errNoPlace, errOtherRegion, errNoRoom, errStalled, errVanished, context.DeadlineExceeded, io.ErrUnexpectedEOF} {
		if errors.Is(err, mark) {
			return true
		}
	}
	var network net.Error
	var api smithy.APIError
	var operation *smithy.OperationError
	return errors.As(err, &network) || errors.As(err, &api) || errors.As(err, &operation)
}

// isFull tells whether the disk here takes no more; that of the storage is another
// matter.
func isFull(err error) bool {
	if err == nil || errors.Is(err, errNoRoom) {
		return false
	}
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, litestream.ErrDiskFull) || strings.Contains(err.Error(), "database or disk is full")
}

// awayProblem says why the storage can't be used, and what to look at.
func awayProblem(where string, err error) *Problem {
	p := &Problem{Kind: Unreachable, Err: err, What: fmt.Sprintf("the storage of the replica (%s) can't be reached (%s)", where, plainCause(err)), Do: "check the address and the network"}
	for _, known := range []struct {
		mark     error
		what, do string
	}{
		{errForbidden, "refuses the credentials", "check HMCP_REPLICA_ACCESS_KEY_ID and HMCP_REPLICA_SECRET_ACCESS_KEY: the key needs to list, read, write and delete there; and that the clock of this machine is right"},
		{errNoKeys, "was asked without credentials", "set HMCP_REPLICA_ACCESS_KEY_ID and HMCP_REPLICA_SECRET_ACCESS_KEY"},
		{errNoPlace, "does not exist", "make the bucket or folder, mount the disk, or correct HMCP_REPLICA_URL"},
		{errNoRoom, "is full, or its quota is used up", "give it more room"},
		{errOtherRegion, "is in another region", "name it in HMCP_REPLICA_URL with ?region="},
		{errVanished, "no longer holds what we put beside the copy", "check whether somebody emptied it, or the disk is not mounted; then restart the server"},
	} {
		if errors.Is(err, known.mark) {
			p.What, p.Do = fmt.Sprintf("the storage of the replica (%s) %s", where, known.what), known.do
			break
		}
	}
	return p
}

// plainCause is what happened, without what the layers above said of it: of a storage's
// error, its code and its words.
func plainCause(err error) string {
	var network *net.OpError
	var api smithy.APIError
	switch {
	case errors.As(err, &network):
		return oneLine(network)
	case errors.As(err, &api) && api.ErrorCode() != "":
		return oneLine(fmt.Errorf("%s: %s", api.ErrorCode(), api.ErrorMessage()))
	}
	return oneLine(err)
}

const lineMost = 300 // bytes

// oneLine is an error without line breaks, and not too long for a log: it ends with a
// whole word.
func oneLine(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) <= lineMost {
		return text
	}
	text = strings.ToValidUTF8(text[:lineMost], "")
	if space := strings.LastIndexByte(text, ' '); space > lineMost/2 {
		text = text[:space]
	}
	return text + " …"
}
