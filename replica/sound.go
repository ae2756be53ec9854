// Only a whole database is copied as a whole. What changed is copied page by page
// and does no harm to what the replica holds; a copy of all of a damaged file would
// become the newest state, and the state that can be restored an older one.

package replica

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/benbjohnson/litestream"
	"github.com/superfly/ltx"
)

// errDamagedHere: the database on this disk does not pass its check.
var errDamagedHere = errors.New("the database here is damaged")

// isWholeCopy tells whether a file for the replica holds every page of the database.
// One that can't be read is taken for that, so that it is looked at.
func isWholeCopy(level int, r io.Reader) bool {
	file, ok := r.(*os.File)
	if level != 0 || !ok {
		return level == litestream.SnapshotLevel
	}
	header, _, err := ltx.PeekHeader(io.NewSectionReader(file, 0, ltx.HeaderSize))
	if err != nil {
		return true
	}
	pages, err := pagesIn(file)
	return err != nil || pages+1 >= int(header.Commit) // one page of a large database is never written
}

// pagesIn counts the pages by the index at the end of the file.
func pagesIn(file *os.File) (int, error) {
	const sizeLen = 8
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	end := info.Size() - ltx.TrailerSize
	size := make([]byte, sizeLen)
	if _, err := file.ReadAt(size, end-sizeLen); err != nil {
		return 0, err
	}
	long := int64(binary.BigEndian.Uint64(size)) + sizeLen
	if long <= sizeLen || long > end {
		return 0, errors.New("the index of the file has no sensible size")
	}
	index, err := ltx.DecodePageIndex(bufio.NewReader(io.NewSectionReader(file, end-long, long)), 0, 0, 0)
	return len(index), err
}

// sound checks the database before all of it is copied. A damaged one is not, from
// then on nothing of it is.
func (r *Replica) sound(ctx context.Context) error {
	if r.o.Damage == nil {
		return nil
	}
	found, err := r.o.Damage(ctx, r.folder.database)
	switch {
	case err != nil:
		return fmt.Errorf("check the database before it is copied: %w", err)
	case found == "":
		return nil
	}
	r.refuse(r.damaged(found))
	return fmt.Errorf("%w: %s", errDamagedHere, found)
}

func (r *Replica) damaged(found string) *Problem {
	p := &Problem{
		Kind: Damaged, Err: errDamagedHere,
		What: fmt.Sprintf("the database here is damaged, and the replica (%s) is the better copy (%s)", r.storage.where, found),
		Do: fmt.Sprintf("stop the server, move %s and its -wal to another folder and start again: the replica's state is restored; what was written since stays in the moved file",
			r.folder.database),
	}
	if r.fence.replicated() == 0 {
		p.What = fmt.Sprintf("the database here is damaged, and the replica (%s) holds nothing (%s)", r.storage.where, found)
		p.Do = "run `doctor`, and put back a copy of your own; nothing was copied"
	}
	return p
}

// refuse closes the fence for as long as this server runs.
func (r *Replica) refuse(why *Problem) {
	r.fence.open.Store(false)
	first := false
	r.memory.set(func(m *memory) { first, m.refused = m.refused == nil, why })
	if first {
		r.log.Error("replica: nothing is copied: "+why.What, "do", why.Do)
	}
}

// refusal is why nothing is copied, nil when no guard speaks against it.
func (r *Replica) refusal() *Problem {
	r.memory.mu.Lock()
	defer r.memory.mu.Unlock()
	return r.memory.refused
}
