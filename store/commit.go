// Group commit: tool calls come from many goroutines at once, and SQLite has one
// writer. One goroutine takes all that wait, writes them in one transaction and
// then answers each caller. "Last used" and "last seen" ride along, and nobody
// waits for them.

package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"runtime"
	"sync"
	"time"
)

// ErrClosed: the store was closed before the call.
var ErrClosed = errors.New("the store is closed")

// A commit costs as much as dozens of rows, most of it waiting for the disk. When
// more than crowd callers came together last time, the next commit waits this long
// for more of them; a caller alone never waits.
const (
	crowd      = 4
	gatherTime = 300 * time.Microsecond
)

const (
	batchMost  = 256
	queueLen   = 1024
	commitTime = 30 * time.Second
	lateMost   = 1000             // changes kept in memory while the disk is full
	lateEvery  = 10 * time.Second // between two tries to record them
)

// recording is a tool call that waits to be committed.
type recording struct {
	org   string
	id    string // of the row: the same at each try
	again bool   // tried before, and it may be there
	call  ToolCall
	done  chan error
}

// touch notes that a key or a session was used.
type touch struct {
	org, key string // a key of an org, or
	session  string
	at       time.Time
}

type committer struct {
	store   *Store
	queue   chan *recording
	touches chan touch
	ended   chan struct{}
	waiting sync.Pool
	late    []*recording // of changes that could not be recorded yet; the goroutine's own

	mu     sync.RWMutex // held while sending, so that close can't come between
	closed bool
}

// newCommitter starts the goroutine. It outlives ctx and ends with close.
func newCommitter(ctx context.Context, s *Store) *committer {
	c := &committer{
		store: s, queue: make(chan *recording, queueLen), touches: make(chan touch, queueLen), ended: make(chan struct{}),
		waiting: sync.Pool{New: func() any { return &recording{done: make(chan error, 1)} }},
	}
	go c.run(context.WithoutCancel(ctx))
	return c
}

// do has the call committed and waits for it.
func (c *committer) do(ctx context.Context, org string, call ToolCall) (err error) {
	ended := c.store.observer.Recording(ctx)
	defer func() { ended(err) }()
	r := c.waiting.Get().(*recording)
	r.org, r.id, r.again, r.call = org, c.store.auditIDs.next("aud", c.store.now()), false, call
	if err := c.send(ctx, r); err != nil {
		return err
	}
	select {
	case err := <-r.done:
		c.waiting.Put(r)
		return err
	case <-ctx.Done(): // the committer still holds r
		return ctx.Err()
	}
}

func (c *committer) send(ctx context.Context, r *recording) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return ErrClosed
	}
	select {
	case c.queue <- r:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// later queues a touch. One that finds the queue full is dropped: the next use
// brings another.
func (c *committer) later(t touch) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return
	}
	select {
	case c.touches <- t:
	default:
	}
}

// close lets what waits be committed, and ends the goroutine.
func (c *committer) close() {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		close(c.queue)
		close(c.touches)
	}
	c.mu.Unlock()
	<-c.ended
}

func (c *committer) run(ctx context.Context) {
	defer close(c.ended)
	defer func() { c.giveUpLate(c.recordLate(ctx)) }()
	batch := make([]*recording, 0, batchMost)
	queue, touches := c.queue, c.touches
	company := false // many callers came together last time
	var tryLate <-chan time.Time
	for queue != nil || touches != nil {
		batch = batch[:0]
		var used []touch
		if len(c.late) > 0 && tryLate == nil {
			tryLate = time.After(lateEvery)
		}
		select {
		case <-tryLate:
			tryLate = nil
			_ = c.recordLate(ctx) // it is tried again
			continue
		case r, ok := <-queue:
			if !ok {
				queue = nil
				continue
			}
			batch = append(batch, r)
		case t, ok := <-touches:
			if !ok {
				touches = nil
				continue
			}
			used = append(used, t)
		}
		// The callers that were answered just now come again at once if they are let
		// run first: one turn for them makes batches several times as large.
		runtime.Gosched()
		if company {
			time.Sleep(gatherTime)
		}
		batch = c.takeWaiting(batch)
		company = len(batch) > crowd
		c.commit(ctx, batch, c.takeTouches(used))
		if len(c.late) > 0 && c.store.fullSince.Load() == 0 { // there is room again
			_ = c.recordLate(ctx)
		}
	}
}

func (c *committer) takeWaiting(batch []*recording) []*recording {
	for len(batch) < batchMost {
		select {
		case r, ok := <-c.queue:
			if !ok {
				return batch
			}
			batch = append(batch, r)
		default:
			return batch
		}
	}
	return batch
}

func (c *committer) takeTouches(used []touch) []touch {
	for len(used) < batchMost {
		select {
		case t, ok := <-c.touches:
			if !ok {
				return used
			}
			used = append(used, t)
		default:
			return used
		}
	}
	return used
}

// commit writes a batch and answers its callers. When the batch fails, each call
// is tried by itself, so that one that can't be written hurts no other. Whether a
// COMMIT that failed was done all the same is not known: writing again what is
// there already changes nothing.
func (c *committer) commit(ctx context.Context, batch []*recording, used []touch) {
	err := c.store.onReserve(ctx, func() error {
		err := c.write(ctx, batch, used)
		for _, r := range batch {
			r.again = true
		}
		return err
	})
	if err != nil && len(batch)+len(used) > 1 {
		for _, r := range batch {
			c.answer(r, c.write(ctx, []*recording{r}, nil))
		}
		if err := c.write(ctx, nil, used); err != nil && !errors.Is(err, ErrDiskFull) {
			c.store.log.Error("write when keys and sessions were last used", "error", err)
		}
		return
	}
	if err != nil && len(used) > 0 && !errors.Is(err, ErrDiskFull) {
		c.store.log.Error("write when keys and sessions were last used", "error", err)
	}
	for _, r := range batch {
		c.answer(r, err)
	}
}

// answer tells the caller, and keeps the call of a change that was not recorded:
// it has happened, whatever the disk says. A row that the database refuses for what
// it is, as one of an org that is gone, is refused again.
func (c *committer) answer(r *recording, err error) {
	if err != nil && r.call.Changed && !isConstraint(err) && len(c.late) < lateMost {
		c.late = append(c.late, &recording{org: r.org, id: r.id, again: true, call: r.call})
	}
	r.done <- err
}

// recordLate records the changes that wait, as far as it can, in their order.
func (c *committer) recordLate(ctx context.Context) error {
	for len(c.late) > 0 {
		if err := c.write(ctx, c.late[:1], nil); err != nil && !isConstraint(err) {
			return err
		}
		c.late = c.late[1:]
	}
	return nil
}

// giveUpLate leaves what could not be recorded before the end to the log.
func (c *committer) giveUpLate(cause error) {
	for _, r := range c.late {
		c.store.log.Error("a change was made and is not in the audit log", "error", cause, "org", r.org, "key", r.call.KeyID, "tool", r.call.Tool,
			"at", r.call.StartedAt, "request_id", r.call.RequestID)
	}
}

// write commits a batch in one transaction, on the driver's level: database/sql
// would cost as much again for each row.
func (c *committer) write(ctx context.Context, batch []*recording, used []touch) (err error) {
	began := time.Now()
	defer func() { c.store.observer.Committed(len(batch), time.Since(began), err) }()
	ctx, cancel := context.WithTimeout(ctx, commitTime)
	defer cancel()
	if err := c.store.refuse(); err != nil {
		c.store.noteRefused(ctx, err)
		return err
	}
	conn, err := enter(ctx, c.store.writer, scope{})
	if err != nil {
		return err
	}
	err = conn.Raw(func(dc any) error {
		return c.writeBatch(ctx, dc.(*scopedConn), batch, used)
	})
	err = errors.Join(translate(err), conn.Close())
	if !c.store.noteRefused(ctx, err) && err == nil && len(batch)+len(used) > 0 {
		c.store.noteWritten(ctx)
	}
	return err
}

func (c *committer) writeBatch(ctx context.Context, conn *scopedConn, batch []*recording, used []touch) error {
	tx, err := conn.BeginTx(ctx, driver.TxOptions{})
	if err != nil {
		return err
	}
	w := &batchWriter{conn: conn}
	// ctx bounds the wait for the lock. A statement takes microseconds, and
	// watching ctx during each would cost as much.
	unwatched := context.WithoutCancel(ctx)
	err = errors.Join(w.calls(unwatched, batch), w.touches(unwatched, used), w.close())
	if err != nil {
		_ = tx.Rollback() // the cause is what matters
		return err
	}
	return tx.Commit()
}
