// The rotate-key command: a new master key comes first, and everything sealed
// is sealed again with it, in small batches that can be interrupted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hostaway-mcp/replica"
	"hostaway-mcp/secret"
	"hostaway-mcp/store"
)

const (
	resealBatch    = 100 // rows in one transaction: a server beside us waits for no longer than that
	rotateLockFile = "rotate-key.lock"
)

var errChanged = errors.New("the file was changed meanwhile")

func rotateKeyCommand() command {
	return command{
		path:  "rotate-key",
		about: "Put a new master key first and seal all secrets again with it",
		more: "With master.key in the data folder, the new key is written there first. With HMCP_MASTER_KEY,\n" +
			"the first run prints a new key to put before the old one; the next run seals with it. Interrupted?\n" +
			"Run it again: it goes on where it stopped. A server may run meanwhile.",
		prepare: func(*flag.FlagSet) action {
			return func(ctx context.Context, p *process, _ []string) error { return p.rotateKey(ctx) }
		},
	}
}

func (p *process) rotateKey(ctx context.Context) (err error) {
	c, err := p.config()
	if err != nil {
		return err
	}
	db, err := p.existingStore(ctx, c)
	if err != nil {
		return err
	}
	// Of two runs at once, one could overwrite the key that the other seals with.
	unlock, err := replica.LockFile(filepath.Join(c.DataDir, rotateLockFile))
	if errors.Is(err, replica.ErrLocked) {
		err = failed(nil, "another rotate-key is running on "+c.DataDir, "wait until it has ended; nothing was changed")
	} else if err != nil {
		err = folderProblem(c.DataDir, err)
	}
	if err != nil {
		return errors.Join(err, closeStore(db))
	}
	defer func() { err = errors.Join(err, unlock()) }()
	ring, err := masterKey{setting: c.MasterKey, dataDir: c.DataDir, log: newLogger(p.errOut, c)}.keyring(ctx, true)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	r := rotation{process: p, config: c, ring: ring}
	stale, err := r.stale(ctx, db)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	fromSetting, several := !c.MasterKey.IsZero(), len(ring.IDs()) > 1
	switch {
	case several && stale > 0: // a new key is first already: go on
		return errors.Join(r.reseal(ctx, db), closeStore(db))
	case several && fromSetting: // all is done, and old keys stay for older copies: the next rotation starts
		return errors.Join(r.finished(0), r.explain(), closeStore(db))
	case fromSetting:
		return errors.Join(r.explain(), closeStore(db))
	}
	if err := closeStore(db); err != nil {
		return err
	}
	return r.putFirst(ctx)
}

// rotation is one run of rotate-key.
type rotation struct {
	*process
	config config
	ring   *secret.Keyring
}

// stale counts what is sealed with another key than the first.
func (r rotation) stale(ctx context.Context, db *store.Store) (int, error) {
	sealed, err := db.SealedBy(ctx)
	if err != nil {
		return 0, storeProblem(r.config.DataDir, err)
	}
	count := 0
	for id, rows := range sealed {
		if id != r.ring.PrimaryID() {
			count += rows
		}
	}
	return count, nil
}

// putFirst writes a new key before the old ones into master.key, and seals
// with it. The file comes first: nothing is ever sealed with a key that is not
// on the disk.
func (r rotation) putFirst(ctx context.Context) error {
	m := masterKey{dataDir: r.config.DataDir, log: newLogger(r.errOut, r.config)}
	old, err := readSettingFile(m.path())
	if err != nil {
		return folderProblem(r.config.DataDir, err)
	}
	text := secret.GenerateKey().Reveal() + "\n" + strings.TrimSpace(old) + "\n"
	if r.ring, err = secret.ParseKeyring(text); err != nil {
		return fmt.Errorf("read new keyring: %w", err)
	}
	if err := replaceUnchanged(m.path(), old, text); errors.Is(err, errChanged) {
		return failed(nil, m.path()+" was changed by somebody else at this moment", "run rotate-key again; nothing was changed")
	} else if err != nil {
		return folderProblem(r.config.DataDir, err)
	}
	_, _ = fmt.Fprintf(r.out, "Wrote the new key %s before the old one to %s. Keep a copy of that file somewhere else.\n", r.ring.PrimaryID(), m.path())
	db, err := r.existingStore(ctx, r.config)
	if err != nil {
		return err
	}
	return errors.Join(r.reseal(ctx, db), closeStore(db))
}

// replaceUnchanged writes a file that still holds old, and fails with errChanged
// otherwise: a key that somebody put there meanwhile may be the only copy.
func replaceUnchanged(path, old, text string) error {
	return writeAside(path, []byte(text), func(aside string) error {
		now, err := readSettingFile(path)
		if err == nil && now != old {
			err = errChanged
		}
		if err != nil {
			return err
		}
		return os.Rename(aside, path)
	})
}

// reseal goes on until nothing is left, a batch at a time.
func (r rotation) reseal(ctx context.Context, db *store.Store) error {
	total := 0
	for {
		done, left, err := db.Reseal(ctx, resealBatch)
		total += done
		if err != nil {
			again := failed(err, fmt.Sprintf("sealing again stopped (%v); done so far: %d", err, total), "run rotate-key again: it goes on from there; keep both keys until then")
			if errors.Is(err, store.ErrDiskFull) {
				again = folderProblem(r.config.DataDir, err)
			}
			return again
		}
		if left == 0 {
			return r.finished(total)
		}
		if done == 0 {
			return failed(nil, fmt.Sprintf("connections that could not be sealed again: %d", left), "run rotate-key again; keep both keys until nothing is left")
		}
		_, _ = fmt.Fprintf(r.out, "%d sealed again, %d left.\n", total, left)
	}
}

func (r rotation) finished(total int) error {
	_, err := fmt.Fprintf(r.out, "Connections sealed again with the key %s: %d. Nothing is left under another.\n%s\n", r.ring.PrimaryID(), total, r.oldKeys())
	return err
}

// oldKeys says when the old keys may go.
func (r rotation) oldKeys() string {
	old := slices.DeleteFunc(r.ring.IDs(), func(id string) bool { return id == r.ring.PrimaryID() })
	if len(old) == 0 {
		return "There is no older key."
	}
	where := "HMCP_MASTER_KEY"
	if r.config.MasterKey.IsZero() {
		where = masterKeyFile
	}
	return fmt.Sprintf("The old key %s may be taken out of %s once no copy of the database from before today is needed any more.", strings.Join(old, ", "), where)
}

// explain tells an operator who keeps the key elsewhere what to do, since we
// can't change that place.
func (r rotation) explain() error {
	_, err := fmt.Fprintf(r.out, "The master key comes from HMCP_MASTER_KEY, so putting a new one first is yours to do:\n\n"+
		"1. Put this new key before what is there, separated by a comma, and restart the server:\n\n   %s\n\n"+
		"2. Run `%s rotate-key` again with the same setting.\n\nNothing was changed.\n", secret.GenerateKey().Reveal(), binaryName)
	return err
}
