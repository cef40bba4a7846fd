package riverqueue_test

import (
	"context"
	"log/slog"
	"os"
	"os/signal"

	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/queue/riverqueue"
)

// Several processes run this; each job is done in one of them.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	q, err := riverqueue.Open(ctx, "postgres://tg360@db.example/tg360", riverqueue.Options{
		Workers: 16,
		Logger:  slog.Default(),
	})
	if err != nil {
		slog.Error("queue", "error", err)
		return
	}
	defer q.Close()

	// Usually the queue is given to a syncer, which calls the rest.
	if err := q.Enqueue(ctx, queue.Job{Lane: "milano", Kind: "order", Key: "1001"}); err != nil {
		slog.Error("enqueue", "error", err)
	}
	err = q.Work(ctx, func(ctx context.Context, job queue.Job) {
		slog.InfoContext(ctx, "look at the record", "connection", job.Lane, "kind", job.Kind, "id", job.Key)
	})
	slog.Info("ended", "error", err)
}
