package riverqueue_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/queue/riverqueue"
)

// cluster is a PostgreSQL server of the test's own, which can be stopped.
type cluster struct {
	dir, pgCtl, dsn string
	as              []string // the command that gives root's rights away
}

// run runs a command of PostgreSQL's, which does not work as root.
func (c *cluster) run(ctx context.Context, args ...string) error {
	args = append(c.as[:len(c.as):len(c.as)], args...)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = c.dir
	log, err := os.OpenFile(filepath.Join(c.dir, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log // not pipes, which the server would hold open
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(log.Name())
		return fmt.Errorf("%s: %w\n%s", args, err, text)
	}
	return nil
}

func (c *cluster) start(ctx context.Context) error {
	return c.run(ctx, c.pgCtl, "-D", "data", "-w", "start")
}

func (c *cluster) stop(ctx context.Context) error {
	return c.run(ctx, c.pgCtl, "-D", "data", "-w", "-m", "immediate", "stop")
}

// program finds a program of PostgreSQL's.
func program(t *testing.T, name string) string {
	t.Helper()
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); len(found) > 0 {
		return found[len(found)-1]
	}
	path, err := exec.LookPath(name)
	if err != nil {
		skip(t, "there is no "+name)
	}
	return path
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	initdb := program(t, "initdb")
	dir, err := os.MkdirTemp("", "riverqueue") // not t.TempDir, whose parent others can't enter
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{dir: dir, pgCtl: program(t, "pg_ctl")}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
		defer cancel()
		_ = c.stop(ctx)
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if os.Geteuid() == 0 {
		postgres, err := user.Lookup("postgres")
		if err != nil {
			skip(t, "PostgreSQL does not run as root, and there is no user postgres")
		}
		uid, _ := strconv.Atoi(postgres.Uid)
		gid, _ := strconv.Atoi(postgres.Gid)
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
		c.as = []string{"runuser", "-u", "postgres", "--"}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	if err := c.run(t.Context(), initdb, "-D", "data", "-A", "trust", "-U", "postgres", "--no-sync"); err != nil {
		t.Fatal(err)
	}
	conf := fmt.Sprintf("\nport = %d\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nfsync = off\nmax_connections = 20\n", port)
	f, err := os.OpenFile(filepath.Join(dir, "data", "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(conf); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := c.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.dsn = fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?pool_max_conns=4&connect_timeout=2", port)
	return c
}

// TestDatabaseGoesAwayAndComesBack stops PostgreSQL for some seconds, while one
// Work has a handler running and another is called.
func TestDatabaseGoesAwayAndComesBack(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	q := open(t, c.dsn, riverqueue.Options{})
	long, early := queue.Job{Lane: "shop", Kind: "order", Key: "long"}, queue.Job{Lane: "shop", Kind: "order", Key: "early"}
	gate := make(chan struct{})
	cut := make(chan struct{})
	w := work(t, q, func(ctx context.Context, j queue.Job) {
		if j == long {
			hold(ctx, gate)
			if ctx.Err() != nil {
				close(cut)
			}
		}
	})
	enqueue(t, q, long, early)
	w.await(t, long, early)

	if err := c.stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	away := time.Now()
	for since := time.Duration(0); since < 4*time.Second; since = time.Since(away) {
		late := queue.Job{Lane: "shop", Kind: "order", Key: "late"}
		if err := q.Enqueue(t.Context(), late); err == nil || errors.Is(err, queue.ErrClosed) {
			t.Fatalf("without a database, Enqueue gave error %v", err)
		}
		if _, err := q.Counts(t.Context()); err == nil {
			t.Fatal("without a database, Counts gave no error")
		}
		if err := q.Work(t.Context(), func(context.Context, queue.Job) {}); err == nil {
			t.Fatal("without a database, Work began and ended without an error")
		}
		poll(t)
	}
	select {
	case <-cut:
		t.Error("a handler was cut short")
	default:
	}
	if err := c.start(t.Context()); err != nil {
		t.Fatal(err)
	}

	back := time.Now()
	same, other := queue.Job{Lane: "shop", Kind: "order", Key: "same"}, queue.Job{Lane: "other", Kind: "order", Key: "1"}
	await(t, "Enqueue to work again", func() bool { return q.Enqueue(t.Context(), same, other) == nil })
	w.await(t, same, other)
	t.Logf("new jobs began %v after the database was back", time.Since(back))
	close(gate)
	await(t, "the held job to end", func() bool { return counts(t, q)["shop"] == queue.Counts{} })
	again := queue.Job{Lane: "again", Kind: "order", Key: "1"}
	second := work(t, q, nil)
	enqueue(t, q, again)
	await(t, "a second Work to share", func() bool { return w.ran(again)+second.ran(again) == 1 })
}

// TestWorkEndsWithoutDatabase ends Work while it can't write down what is done;
// the job runs again later.
func TestWorkEndsWithoutDatabase(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	q := open(t, c.dsn, riverqueue.Options{})
	ctx, stop := context.WithCancel(t.Context())
	began, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- q.Work(ctx, func(ctx context.Context, _ queue.Job) {
			close(began)
			<-ctx.Done()
		})
	}()
	enqueue(t, q, queue.Job{Lane: "shop", Kind: "order", Key: "1"})
	<-began
	if err := c.stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	stopped := time.Now()
	stop()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("Work returned %v when its ctx ended, want nil", err)
		}
		t.Logf("Work returned after %v", time.Since(stopped))
	case <-time.After(patience):
		t.Fatal("Work did not return")
	}
}
