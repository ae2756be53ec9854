// Job: what the scheduler has to remember of one of its jobs, over restarts.

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

const jobErrorMost = 500 // bytes of a failure that are kept

// Job is a job's state. DoneSlot is the period that it was last done for; Running
// means that a run was begun of which nobody has said how it ended. Failures
// counts those since the last success, and Error is the last of them.
type Job struct {
	Name                             string
	DoneSlot                         *int64
	Running                          bool
	StartedAt, SucceededAt, FailedAt *time.Time
	Failures                         int
	Error                            string
}

// Jobs lists the state of every job that ever ran, by name.
func (s *Store) Jobs(ctx context.Context) (all []Job, err error) {
	err = s.read(ctx, func(d systemDoor) error {
		all, err = list(ctx, d.hands, sysListJobs, nil, scanJob)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the jobs: %w", err)
	}
	return all, nil
}

func scanJob(row *sql.Rows, to *Job) error {
	var slot, started, succeeded, failed sql.NullInt64
	err := row.Scan(&to.Name, &slot, &to.Running, &started, &succeeded, &failed, &to.Failures, &to.Error)
	if slot.Valid {
		to.DoneSlot = &slot.Int64
	}
	to.StartedAt, to.SucceededAt, to.FailedAt = fromNullMilli(started), fromNullMilli(succeeded), fromNullMilli(failed)
	return err
}

// StartJob notes that a run of the job begins. known is the start that the caller
// knows of, nil for none. Error: ErrConflict when there was another one meanwhile.
func (s *Store) StartJob(ctx context.Context, name string, known *time.Time, at time.Time) error {
	var before any
	if known != nil {
		before = known.UnixMilli()
	}
	err := s.write(ctx, func(d systemDoor) error {
		return d.get(ctx, sysStartJob, args{name, at.UnixMilli(), before}, &name)
	})
	if errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("%w: it was started by somebody else", ErrConflict)
	}
	if err != nil {
		return fmt.Errorf("start the job %s: %w", name, err)
	}
	return nil
}

// EndJob notes how the run ended that was begun for the period slot: well, when
// failure is empty. Error: ErrNotFound when the job never started.
func (s *Store) EndJob(ctx context.Context, name string, slot int64, at time.Time, failure string) error {
	err := s.write(ctx, func(d systemDoor) error {
		if failure == "" {
			return d.get(ctx, sysJobSucceeded, args{slot, at.UnixMilli(), name}, &name)
		}
		return d.get(ctx, sysJobFailed, args{at.UnixMilli(), failure[:min(len(failure), jobErrorMost)], name}, &name)
	})
	if err != nil {
		return fmt.Errorf("end the job %s: %w", name, err)
	}
	return nil
}
