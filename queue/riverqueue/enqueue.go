package riverqueue

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/tg360/tg360/queue"
)

const (
	batch = 500 // jobs a transaction

	urgent = 1 // River's priorities: the lower goes first
	normal = 2
)

// wakeUp is the only kind of River job, so that every process knows all kinds:
// River's leader throws away what it does not know. The lane is the queue.
type wakeUp struct {
	Of  string `json:"kind"`
	Key string `json:"key"`
}

// Kind implements river.JobArgs.
func (wakeUp) Kind() string { return "tg360_wake_up" }

// name is a job's name in River.
type name struct {
	queue string
	wakeUp
}

func (n name) compare(o name) int {
	return cmp.Or(strings.Compare(n.queue, o.queue), strings.Compare(n.Of, o.Of), strings.Compare(n.Key, o.Key))
}

// start is when a job is wanted: at the zero time it is now.
type start struct {
	at       time.Time
	priority int
}

// Enqueue implements [queue.Queue]. Jobs go to the database in batches of 500,
// each of which is accepted as a whole or not at all.
func (q *Queue) Enqueue(ctx context.Context, jobs ...queue.Job) error {
	wanted := make(map[name]start, len(jobs)) // River fails a batch that has a job twice
	now := time.Now()
	for i, j := range jobs {
		n, err := nameOf(j)
		if err != nil {
			return fmt.Errorf("job %d of %d: %w", i+1, len(jobs), err)
		}
		s := start{priority: normal}
		if j.NotBefore.After(now) {
			s.at = j.NotBefore
		}
		if j.Urgent {
			s.priority = urgent
		}
		if o, ok := wanted[n]; ok {
			s.priority = min(s.priority, o.priority)
			if o.at.Before(s.at) {
				s.at = o.at
			}
		}
		wanted[n] = s
	}
	if err := q.usable(ctx); err != nil {
		return err
	}
	// All lock in the same sequence, so that none waits for another in a circle.
	for names := range slices.Chunk(slices.SortedFunc(maps.Keys(wanted), name.compare), batch) {
		if err := q.insert(ctx, names, wanted); err != nil {
			return q.failed("enqueue", err)
		}
	}
	return nil
}

// insert tries again when River wrote down at the same time what is done, which
// locks jobs in another sequence.
func (q *Queue) insert(ctx context.Context, names []name, wanted map[name]start) (err error) {
	for range 5 {
		err = pgx.BeginFunc(ctx, q.pool, func(tx pgx.Tx) error { return q.insertTx(ctx, tx, names, wanted) })
		var pgErr *pgconn.PgError
		if !errors.As(err, &pgErr) || pgErr.Code != "40P01" { // deadlock_detected
			break
		}
	}
	return err
}

// unique makes one job of lane, kind and key until it is completed. River demands
// that running counts.
var unique = river.UniqueOpts{ByArgs: true, ByQueue: true, ByState: []rivertype.JobState{
	rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
	rivertype.JobStateRunning, rivertype.JobStateScheduled,
}}

// insertTx inserts what is new. A job that waits already is locked, but left as it
// is, and River has no method that changes its time or priority: that is done on
// River's table. Work's look then finds it.
func (q *Queue) insertTx(ctx context.Context, tx pgx.Tx, names []name, wanted map[name]start) error {
	params := make([]river.InsertManyParams, len(names))
	for i, n := range names {
		params[i] = river.InsertManyParams{Args: n.wakeUp, InsertOpts: &river.InsertOpts{
			Queue: n.queue, Priority: wanted[n].priority, ScheduledAt: wanted[n].at, MaxAttempts: maxAttempts, UniqueOpts: unique,
		}}
	}
	results, err := q.river.InsertManyTx(ctx, tx, params)
	if err != nil {
		return err
	}
	var ids []int64
	var times []time.Time
	var priorities []int
	for _, r := range results {
		if !r.UniqueSkippedAsDuplicate {
			continue
		}
		n := name{queue: r.Job.Queue}
		if err := json.Unmarshal(r.Job.EncodedArgs, &n.wakeUp); err != nil {
			return fmt.Errorf("read job %d: %w", r.Job.ID, err)
		}
		ids, times, priorities = append(ids, r.Job.ID), append(times, wanted[n].at), append(priorities, wanted[n].priority)
	}
	if len(ids) == 0 {
		return nil
	}
	_, err = tx.Exec(ctx, `
		UPDATE `+q.schema+`.river_job j SET
			scheduled_at = LEAST(j.scheduled_at, GREATEST(n.at, now())),
			priority = LEAST(j.priority, n.priority),
			state = CASE WHEN n.at <= now() THEN 'available' ELSE j.state END
		FROM unnest($1::bigint[], $2::timestamptz[], $3::smallint[]) n (id, at, priority)
		WHERE j.id = n.id AND j.state IN ('available', 'retryable', 'scheduled') AND (
			j.priority > n.priority
			OR j.scheduled_at > GREATEST(n.at, now())
			OR j.state <> 'available' AND n.at <= now())`, ids, times, priorities)
	return err
}

// nameOf returns a job's name in River, and an *ArgumentError if it has none.
func nameOf(j queue.Job) (name, error) {
	if err := j.Validate(); err != nil {
		return name{}, err
	}
	for _, f := range [...]struct{ name, value string }{{"Kind", j.Kind}, {"Key", j.Key}} {
		if !utf8.ValidString(f.value) || strings.ContainsRune(f.value, 0) {
			return name{}, &queue.ArgumentError{Field: f.name, Reason: "must be UTF-8 without zero bytes"}
		}
	}
	queueName := queueOf(j.Lane)
	if len(queueName) > 64 || laneOf(queueName) != j.Lane {
		return name{}, &queue.ArgumentError{Field: "Lane", Reason: "must have at most 40 bytes, or 64 if they are a-z and 0-9 with single _ or - in between"}
	}
	return name{queueName, wakeUp{j.Kind, j.Key}}, nil
}

const (
	coded = "x|"         // begins the queue of a lane that is no name for River
	idle  = "tg360|idle" // is the queue of no lane
)

// plain is what River takes for a name, short of the | as a separator.
var plain = regexp.MustCompile(`^[a-z0-9]+([_-][a-z0-9]+)*$`)

// queueOf names the River queue of a lane. Read as a number, 40 bytes have at most
// 62 digits of base 36; River takes 64 characters.
func queueOf(lane string) string {
	if plain.MatchString(lane) {
		return lane
	}
	return coded + new(big.Int).SetBytes([]byte(lane)).Text(36)
}

// laneOf undoes queueOf.
func laneOf(queue string) string {
	if digits, ok := strings.CutPrefix(queue, coded); ok {
		if n, ok := new(big.Int).SetString(digits, 36); ok {
			return string(n.Bytes())
		}
	}
	return queue
}
