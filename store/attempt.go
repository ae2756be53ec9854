// Attempts: guessing gets slower, for the address that is guessed at and for the
// network it comes from. An attempt is counted before it is judged, so that many
// at once can't slip through together.
//
// Nobody is ever locked out for good, not even by somebody who guesses at their
// address without end. The long waits for an address are counted per network, so
// strangers make only themselves wait. Guesses at one address from many networks
// meet one more wait, a short one, which is not asked of a network from which the
// person has signed in before, or has used a reset link.

package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/netip"
	"strings"
	"time"
)

const (
	attemptsFreeAddress  = 5   // at one address from one network
	attemptsFreeAnywhere = 100 // at one address, all networks together
	attemptsFreeNetwork  = 20  // from one network, all addresses together
	attemptsLongest      = 15 * time.Minute
	attemptsAnywhereWait = time.Minute // the longest wait that strangers can cause
	attemptsForgotten    = 24 * time.Hour
	networkKnown         = 90 * 24 * time.Hour // after the last sign-in from it
)

// subject is something that attempts are counted for.
type subject struct {
	key     [32]byte
	free    int
	longest time.Duration
	anew    bool      // a success ends the count, instead of taking one back
	known   *[32]byte // if set, a mark that excuses from this subject; a success makes it
}

// subjects names what an attempt counts for. Stored is a hash: an address that
// somebody mistypes is nobody's business. An unknown IP is not counted.
func subjects(what, address, ip string) []subject {
	from := network(ip)
	key := func(parts ...string) [32]byte {
		return sha256.Sum256([]byte(what + "\x00" + strings.Join(parts, "\x00")))
	}
	var all []subject
	if address != "" {
		all = append(all, subject{key: key("address", address, from), free: attemptsFreeAddress, longest: attemptsLongest, anew: true})
	}
	if address != "" && from != "" {
		known := key("known", address, from)
		all = append(all, subject{key: key("anywhere", address), free: attemptsFreeAnywhere, longest: attemptsAnywhereWait, anew: true, known: &known})
	}
	if from != "" {
		all = append(all, subject{key: key("ip", from), free: attemptsFreeNetwork, longest: attemptsLongest})
	}
	return all
}

// network is what one caller has for themselves: an IPv4 address, or the /64 that
// every IPv6 host can take as many addresses of as it likes.
func network(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	return netip.PrefixFrom(addr, 64).Masked().String()
}

// wait is how long the subject waits after so many failures: 1 s, 2 s, 4 s …
func (s subject) wait(failures int) time.Duration {
	over := failures - s.free
	switch {
	case over < 0:
		return 0
	case over > 10:
		return s.longest
	}
	return min(time.Second<<over, s.longest)
}

// countAttempt counts one attempt for each subject. Error: *AttemptsError when
// one of them has to wait, or when too many passwords are being judged; then
// nothing is counted, so asking again and again does not make the wait longer.
func (s *Store) countAttempt(ctx context.Context, all []subject) error {
	if s.passwords.full() {
		return &AttemptsError{RetryAfter: hashesWait}
	}
	if len(all) == 0 {
		return nil
	}
	return s.writeOnReserve(ctx, func(d systemDoor) error {
		now := s.now()
		failed := make([]int, len(all))
		for i, sub := range all {
			failures, blocked, err := d.attempts(ctx, sub.key, now)
			if err == nil && blocked.After(now) {
				err = d.mayWait(ctx, sub, blocked, now)
			}
			if err != nil {
				return err
			}
			failed[i] = failures + 1
		}
		for i, sub := range all {
			if err := d.setAttempts(ctx, sub, failed[i], now); err != nil {
				return err
			}
		}
		return nil
	})
}

// mayWait is the *AttemptsError of a subject that is blocked, unless the caller's
// network is known.
func (d systemDoor) mayWait(ctx context.Context, sub subject, blocked, now time.Time) error {
	if sub.known != nil {
		_, until, err := d.attempts(ctx, *sub.known, now)
		if err != nil || until.After(now) {
			return err
		}
	}
	return &AttemptsError{RetryAfter: blocked.Sub(now)}
}

// attempts reads a subject's failures of the last day and the end of its wait.
func (d systemDoor) attempts(ctx context.Context, key [32]byte, now time.Time) (failures int, blocked time.Time, err error) {
	var last, until int64
	err = d.get(ctx, sysAttempts, args{key[:]}, &failures, &last, &until)
	if errors.Is(err, ErrNotFound) || (err == nil && now.Sub(fromMilli(last)) > attemptsForgotten) {
		return 0, time.Time{}, nil
	}
	return failures, fromMilli(until), err
}

func (d systemDoor) setAttempts(ctx context.Context, sub subject, failures int, now time.Time) error {
	until := now.Add(sub.wait(failures))
	return d.exec(ctx, sysSetAttempts, args{sub.key[:], failures, now.UnixMilli(), until.UnixMilli()})
}

// forgive takes an attempt back that succeeded: the address starts anew, and its
// network is known from now on; the network itself loses this one count, since
// others may guess from within it.
func (d systemDoor) forgive(ctx context.Context, all []subject, now time.Time) error {
	for _, sub := range all {
		failures, _, err := d.attempts(ctx, sub.key, now)
		if err != nil {
			return err
		}
		if sub.anew || failures <= 1 {
			err = d.exec(ctx, sysForgetAttempts, args{sub.key[:]})
		} else {
			err = d.setAttempts(ctx, sub, failures-1, now)
		}
		if err == nil && sub.known != nil {
			// Both times lie ahead, so that the mark is not dropped with the attempts of the day.
			until := now.Add(networkKnown).UnixMilli()
			err = d.exec(ctx, sysSetAttempts, args{sub.known[:], 0, until, until})
		}
		if err != nil {
			return err
		}
	}
	return nil
}
