// Attempts: guessing gets slower, for the address that is guessed at and for the
// IP it comes from, and nobody is ever locked out for good. An attempt is counted
// before it is judged, so that many at once can't slip through together.

package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"
)

const (
	attemptsFreeAddress = 5
	attemptsFreeIP      = 20
	attemptsLongest     = 15 * time.Minute
	attemptsForgotten   = 24 * time.Hour
)

// subject is something that attempts are counted for.
type subject struct {
	key  [32]byte
	free int
}

// subjects names what an attempt counts for. Stored is a hash: an address that
// somebody mistypes is nobody's business. An unknown IP is not counted.
func subjects(what, address, ip string) []subject {
	var all []subject
	if address != "" {
		all = append(all, subject{sha256.Sum256([]byte(what + "\x00address\x00" + address)), attemptsFreeAddress})
	}
	if ip != "" {
		all = append(all, subject{sha256.Sum256([]byte(what + "\x00ip\x00" + ip)), attemptsFreeIP})
	}
	return all
}

// wait is how long the subject waits after so many failures: 1 s, 2 s, 4 s …
func (s subject) wait(failures int) time.Duration {
	over := failures - s.free
	switch {
	case over < 0:
		return 0
	case over > 10:
		return attemptsLongest
	}
	return min(time.Second<<over, attemptsLongest)
}

// countAttempt counts one attempt for each subject. Error: *AttemptsError when
// one of them has to wait; then nothing is counted, so asking again and again
// does not make the wait longer.
func (s *Store) countAttempt(ctx context.Context, all []subject) error {
	if len(all) == 0 {
		return nil
	}
	return s.write(ctx, func(d systemDoor) error {
		now := s.now()
		for _, sub := range all {
			if _, blocked, err := d.attempts(ctx, sub, now); err != nil {
				return err
			} else if blocked.After(now) {
				return &AttemptsError{RetryAfter: blocked.Sub(now)}
			}
		}
		for _, sub := range all {
			failures, _, err := d.attempts(ctx, sub, now)
			if err != nil {
				return err
			}
			failures++
			if err := d.setAttempts(ctx, sub, failures, now); err != nil {
				return err
			}
		}
		return d.exec(ctx, sysDropAttempts, args{now.Add(-attemptsForgotten).UnixMilli()})
	})
}

// attempts reads a subject's failures of the last day and the end of its wait.
func (d systemDoor) attempts(ctx context.Context, sub subject, now time.Time) (failures int, blocked time.Time, err error) {
	var last, until int64
	err = d.get(ctx, sysAttempts, args{sub.key[:]}, &failures, &last, &until)
	if errors.Is(err, ErrNotFound) || (err == nil && now.Sub(fromMilli(last)) > attemptsForgotten) {
		return 0, time.Time{}, nil
	}
	return failures, fromMilli(until), err
}

func (d systemDoor) setAttempts(ctx context.Context, sub subject, failures int, now time.Time) error {
	until := now.Add(sub.wait(failures))
	return d.exec(ctx, sysSetAttempts, args{sub.key[:], failures, now.UnixMilli(), until.UnixMilli()})
}

// forgive takes an attempt back that succeeded: the address starts anew, the IP
// loses this one count, since others may guess from behind the same IP.
func (d systemDoor) forgive(ctx context.Context, all []subject, now time.Time) error {
	for _, sub := range all {
		failures, _, err := d.attempts(ctx, sub, now)
		if err != nil {
			return err
		}
		if sub.free == attemptsFreeAddress || failures <= 1 {
			err = d.exec(ctx, sysForgetAttempts, args{sub.key[:]})
		} else {
			err = d.setAttempts(ctx, sub, failures-1, now)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
