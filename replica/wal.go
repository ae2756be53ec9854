// Keeping the write-ahead log small. Litestream makes checkpoints when there is a
// moment without a writer; under a writer who never rests there is none, and the
// log grows until Litestream stops all of them to copy the whole database. So
// the writers are asked to pause before that.

package replica

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"sort"
	"time"

	"github.com/benbjohnson/litestream"
)

const (
	logRelief  = 64 << 20 // so much in use makes the writers pause
	reliefRest = 5 * time.Second
)

// relieve watches the log until ctx ends.
func (r *Replica) relieve(ctx context.Context) {
	var notBefore time.Time
	for sleep(ctx, r.pace.walCheck) {
		if r.logNow().size < logRelief || time.Now().Before(notBefore) || logInUse(r.folder.database+"-wal") < logRelief {
			continue
		}
		if !r.pauseWriters(ctx) { // a reader stands in the way: pausing at once again would only cost
			notBefore = time.Now().Add(reliefRest)
		}
	}
}

// pauseWriters makes a checkpoint while nobody writes, and tells whether the log
// is small again.
func (r *Replica) pauseWriters(ctx context.Context) bool {
	err := r.o.Pause(ctx, func(ctx context.Context) error {
		if !r.engineMu.TryRLock() { // it is being replaced; nobody shall wait for that
			return nil
		}
		defer r.engineMu.RUnlock()
		// A capture ends with a checkpoint when much was written. One more right after
		// it would find a log of a single frame, which Litestream can't tell from a log
		// that it missed: it would copy the whole database.
		if _, err := r.engine.capture(ctx); err != nil || logInUse(r.folder.database+"-wal") < logRelief {
			return err
		}
		return r.engine.checkpoint(ctx)
	})
	if err != nil && ctx.Err() == nil {
		r.log.Warn("replica: the write-ahead log can't be made smaller", "error", oneLine(err))
	}
	return err == nil && logInUse(r.folder.database+"-wal") < logRelief
}

// logInUse is how much of the log means something, in bytes: the file does not
// shrink when the log begins anew. Frames of the present log carry the salt of its
// header, and come before those of older ones.
func logInUse(path string) int64 {
	const saltAt, saltLen, frameSalt = 16, 8, 8
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	header := make([]byte, litestream.WALHeaderSize)
	if _, err := f.ReadAt(header, 0); err != nil {
		return 0
	}
	frame := int64(binary.BigEndian.Uint32(header[8:])) + litestream.WALFrameHeaderSize
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	salt := make([]byte, saltLen)
	frames := sort.Search(int((info.Size()-litestream.WALHeaderSize)/frame), func(i int) bool {
		_, err := f.ReadAt(salt, litestream.WALHeaderSize+int64(i)*frame+frameSalt)
		return err != nil || !bytes.Equal(salt, header[saltAt:saltAt+saltLen])
	})
	return litestream.WALHeaderSize + int64(frames)*frame
}
