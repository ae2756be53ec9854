// Figures: how large the database is and how busy its writer, for metrics, health
// and the operator.

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Figures is the state of the database at one moment.
type Figures struct {
	DatabaseBytes, WALBytes     int64
	PageBytes, Pages, FreePages int64
	// Waiting tool calls that are not yet committed, of at most QueueMost.
	Waiting, QueueMost int
	// WriterWaits counts how often somebody waited for the one writer since the
	// store was opened, and WriterWaited how long altogether.
	WriterWaits  int64
	WriterWaited time.Duration
	// Pools are the connections, by what they are for.
	Pools []Pool
}

// Pool is some of the connections: how many are open, and in use.
type Pool struct {
	Name       string
	Open, Used int
}

func poolOf(name string, db *sql.DB) Pool {
	stats := db.Stats()
	return Pool{Name: name, Open: stats.OpenConnections, Used: stats.InUse}
}

// Figures reads the state. It costs microseconds.
func (s *Store) Figures(ctx context.Context) (f Figures, err error) {
	for path, size := range map[string]*int64{s.path: &f.DatabaseBytes, s.path + "-wal": &f.WALBytes} {
		info, err := os.Stat(path)
		switch {
		case err == nil:
			*size = info.Size()
		case !errors.Is(err, fs.ErrNotExist):
			return Figures{}, fmt.Errorf("read the size of the database: %w", err)
		}
	}
	h := hands{s.keeper}
	err = errors.Join(
		h.get(ctx, "PRAGMA page_size", nil, &f.PageBytes),
		h.get(ctx, "PRAGMA page_count", nil, &f.Pages),
		h.get(ctx, "PRAGMA freelist_count", nil, &f.FreePages))
	if err != nil {
		return Figures{}, fmt.Errorf("count the pages of the database: %w", err)
	}
	f.Waiting, f.QueueMost = len(s.commits.queue), cap(s.commits.queue)
	stats := s.writer.Stats()
	f.WriterWaits, f.WriterWaited = stats.WaitCount, stats.WaitDuration
	f.Pools = []Pool{poolOf("writer", s.writer), poolOf("readers", s.readers), poolOf("system", s.system)}
	return f, nil
}
