package queue_test

import (
	"context"
	"fmt"

	"github.com/tg360/tg360/queue"
)

func ExampleNewMemory() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	q := queue.NewMemory(queue.MemoryConfig{Workers: 1})
	defer func() { _ = q.Close() }()

	err := q.Enqueue(ctx,
		queue.Job{Lane: "shop-1", Kind: "order", Key: "1001"},
		queue.Job{Lane: "shop-1", Kind: "order", Key: "1002"},
		queue.Job{Lane: "shop-2", Kind: "order", Key: "1001"},
		queue.Job{Lane: "shop-1", Kind: "order", Key: "1001"},               // waits already
		queue.Job{Lane: "shop-1", Kind: "order", Key: "1003", Urgent: true}, // a person waits
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	left := 4
	err = q.Work(ctx, func(_ context.Context, job queue.Job) {
		fmt.Println(job.Lane, job.Kind, job.Key)
		if left--; left == 0 {
			stop()
		}
	})
	fmt.Println("ended:", err)
	// Output:
	// shop-1 order 1003
	// shop-2 order 1001
	// shop-1 order 1001
	// shop-1 order 1002
	// ended: <nil>
}
