package riverqueue_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/queue/riverqueue"
)

// worker is a process that works on a queue until its input ends. It prints the
// key of each job that it begins. A job named hang never ends.
func worker(schema string) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	q, err := riverqueue.Open(ctx, server, riverqueue.Options{Schema: schema})
	if err != nil {
		return err
	}
	defer q.Close()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	var mu sync.Mutex
	return q.Work(ctx, func(ctx context.Context, j queue.Job) {
		mu.Lock()
		fmt.Println(j.Key)
		mu.Unlock()
		if j.Key == "hang" {
			<-ctx.Done()
		}
	})
}

// process is a worker and what it printed.
type process struct {
	cmd  *exec.Cmd
	keys chan string // closed when the process has ended
}

func start(t *testing.T, schema string) *process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "TG360_TEST_WORKER="+schema)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, keys: make(chan string, 10_000)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer close(p.keys)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.keys <- lines.Text()
		}
	}()
	t.Cleanup(func() {
		in.Close()
		<-ended
		_ = cmd.Wait()
	})
	return p
}

// await returns the next key that a process began.
func (p *process) await(t *testing.T) string {
	t.Helper()
	select {
	case k, ok := <-p.keys:
		if !ok {
			t.Fatal("the process ended early")
		}
		return k
	case <-time.After(patience):
		t.Fatal("the process began no job")
	}
	return ""
}

func TestTwoProcessesShareJobs(t *testing.T) {
	t.Parallel()
	place(t)
	name := schema(t, database(t, server))
	q := open(t, server, riverqueue.Options{Schema: name})
	a, b := start(t, name), start(t, name)
	// Each has to be at work before the jobs come.
	warm := map[string]bool{}
	for i := 0; len(warm) < 2; i++ {
		enqueue(t, q, queue.Job{Lane: "shop-0", Kind: "order", Key: fmt.Sprint("warm-", i)})
		select {
		case <-a.keys:
			warm["a"] = true
		case <-b.keys:
			warm["b"] = true
		case <-time.After(patience):
			t.Fatal("a process began no job")
		}
	}
	const n = 2000
	jobs := make([]queue.Job, n)
	for i := range jobs {
		jobs[i] = queue.Job{Lane: fmt.Sprint("shop-", i%4), Kind: "order", Key: fmt.Sprint(i)}
	}
	enqueue(t, q, jobs...)
	began := map[string]int{}
	var byA, byB int
	late := time.After(patience)
	for byA+byB < n {
		var key string
		select {
		case key = <-a.keys:
			byA++
		case key = <-b.keys:
			byB++
		case <-late:
			t.Fatalf("%d of %d jobs began", byA+byB, n)
		}
		if began[key]++; began[key] > 1 {
			t.Fatalf("job %s began twice", key)
		}
	}
	if byA == 0 || byB == 0 {
		t.Errorf("the processes did %d and %d jobs: one did all", byA, byB)
	}
	t.Logf("%d and %d jobs", byA, byB)
}

func TestKilledProcess(t *testing.T) {
	t.Parallel()
	place(t)
	db := database(t, server)
	name := schema(t, db)
	q := open(t, server, riverqueue.Options{Schema: name})
	p := start(t, name)
	hang := queue.Job{Lane: "shop", Kind: "order", Key: "hang"}
	enqueue(t, q, hang)
	if k := p.await(t); k != "hang" {
		t.Fatalf("job %q began", k)
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for range p.keys {
	}
	// Others go on at once, with jobs of the same lane too.
	next := queue.Job{Lane: "shop", Kind: "order", Key: "next"}
	enqueue(t, q, hang, next)
	first, stop := context.WithCancel(t.Context())
	err := q.Work(first, func(_ context.Context, j queue.Job) {
		if j.Key == "hang" {
			t.Error("the job of the killed process ran at once: how can that be known?")
		}
		stop()
	})
	if err != nil {
		t.Fatal(err)
	}
	// Let a minute go by.
	for _, age := range []string{
		"UPDATE " + name + ".river_job SET attempted_at = attempted_at - interval '1 minute' WHERE state = 'running'",
		"UPDATE " + name + ".river_leader SET expires_at = expires_at - interval '1 minute'",
	} {
		if _, err := db.Exec(t.Context(), age); err != nil {
			t.Fatal(err)
		}
	}
	work(t, q, nil).await(t, hang)
}

// TestLongHandlerIsNotRescued watches the stamp that keeps a job from being taken
// for a dead process's.
func TestLongHandlerIsNotRescued(t *testing.T) {
	t.Parallel()
	place(t)
	db := database(t, server)
	name := schema(t, db)
	q := open(t, server, riverqueue.Options{Schema: name})
	j := queue.Job{Lane: "shop", Kind: "order", Key: "long"}
	gate := make(chan struct{})
	w := work(t, q, func(ctx context.Context, _ queue.Job) { hold(ctx, gate) })
	enqueue(t, q, j)
	w.await(t, j)
	stamp := func() (at time.Time) {
		if err := db.QueryRow(t.Context(), "SELECT attempted_at FROM "+name+".river_job WHERE state = 'running'").Scan(&at); err != nil {
			t.Fatal(err)
		}
		return at
	}
	for first := stamp(); ; {
		poll(t)
		if now := stamp(); now.After(first) {
			break
		}
		if time.Since(first) > patience {
			t.Fatal("a running job is not stamped")
		}
	}
	close(gate)
	await(t, "the job to end", func() bool { return counts(t, q)["shop"] == queue.Counts{} })
	if n := w.ran(j); n != 1 {
		t.Errorf("the job ran %d times", n)
	}
}

func TestProcessFindsLanesOfOthers(t *testing.T) {
	t.Parallel()
	place(t)
	name := schema(t, database(t, server))
	q, other := open(t, server, riverqueue.Options{Schema: name}), open(t, server, riverqueue.Options{Schema: name})
	early := queue.Job{Lane: "early", Kind: "order", Key: "1"}
	enqueue(t, other, early)
	w := work(t, q, nil)
	w.await(t, early)
	late := queue.Job{Lane: "late", Kind: "order", Key: "1"}
	enqueue(t, other, late)
	w.await(t, late)
}

func TestOpenAtTheSameTime(t *testing.T) {
	t.Parallel()
	place(t)
	name := schema(t, database(t, server))
	const n = 4
	queues, errs := make([]*riverqueue.Queue, n), make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { queues[i], errs[i] = riverqueue.Open(t.Context(), server, riverqueue.Options{Schema: name}) })
	}
	wg.Wait()
	for i, q := range queues {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		enqueue(t, q, queue.Job{Lane: "shop", Kind: "order", Key: "1"})
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct{ dsn, schema, want string }{
		"schema with a capital": {server, "Queue", "Options.Schema"},
		"schema with a quote":   {server, `q"; DROP`, "Options.Schema"},
		"long schema":           {server, strings.Repeat("q", 47), "Options.Schema"},
		"malformed dsn":         {"postgres://me:hunter2@host:port/db", "", "dsn"},
		"malformed pair":        {"host=x password=hunter2 port=y", "", "dsn"},
		"nobody there":          {"postgres://me:hunter2@127.0.0.1:1/db?connect_timeout=2", "", "set up schema tg360_queue"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			_, err := riverqueue.Open(t.Context(), c.dsn, riverqueue.Options{Schema: c.schema})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got error %v, want one about %s", err, c.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}
