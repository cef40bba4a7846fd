package sqlstore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/syncer/sqlstore"
)

// childTask is the variable that makes a process out of this test program:
// "exclusive", "nobody" or "put NAME", with a DSN in childDSN and a schema in childSchema.
const (
	childTask   = "TG360_SQLSTORE_TASK"
	childDSN    = "TG360_SQLSTORE_DSN"
	childSchema = "TG360_SQLSTORE_SCHEMA"
	childPuts   = 200
)

// becomeNobody gives up the rights of root, where there are any.
var becomeNobody func() error

// child is the other process.
func child(task string) int {
	if task == "nobody" && os.Geteuid() == 0 {
		if err := becomeNobody(); err != nil {
			panic(err)
		}
	}
	err := childDo(context.Background(), task)
	if errors.Is(err, sqlstore.ErrInUse) {
		fmt.Println("in use")
	} else if err != nil {
		fmt.Println("error:", err)
	}
	return 0
}

func childDo(ctx context.Context, task string) error {
	s, err := sqlstore.Open(ctx, os.Getenv(childDSN), sqlstore.Options{Schema: os.Getenv(childSchema)})
	if err != nil {
		return err
	}
	defer s.Close()
	if name, put := strings.CutPrefix(task, "put "); put {
		for i := range childPuts {
			if err := s.Put(ctx, order(fmt.Sprint(name, i))); err != nil {
				return err
			}
		}
		fmt.Println("done")
		return nil
	}
	lock, err := s.Exclusive(ctx)
	if err != nil {
		return err
	}
	fmt.Println("locked")
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test closes it, or kills the process
	return lock.Close()
}

// process is a child under way.
type process struct {
	cmd  *exec.Cmd
	in   io.Closer
	says *bufio.Scanner
}

func (p place) start(t *testing.T, task string) *process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childTask+"="+task, childDSN+"="+p.dsn, childSchema+"="+p.schema)
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	return &process{cmd, in, bufio.NewScanner(out)}
}

// said returns the next line that the process prints.
func (c *process) said() string {
	c.says.Scan()
	return c.says.Text()
}

func TestExclusiveAmongProcesses(t *testing.T) {
	t.Parallel()
	p := sqliteFile(t)
	s := p.open(t)
	first := p.start(t, "exclusive")
	if got := first.said(); got != "locked" {
		t.Fatalf("the first process says %q", got)
	}
	_, err := s.Exclusive(t.Context())
	complains(t, err, "another serve uses this file", p.dsn)
	if !errors.Is(err, sqlstore.ErrInUse) {
		t.Errorf("%v is not ErrInUse", err)
	}
	if got := p.start(t, "exclusive").said(); got != "in use" {
		t.Errorf("a second process says %q", got)
	}
	must(t, s.Put(t.Context(), order("1"))) // others may read and write
	if err := s.Restore(t.Context(), strings.NewReader("")); !errors.Is(err, sqlstore.ErrInUse) {
		t.Errorf("Restore beside a serve: %v", err)
	}

	must(t, first.cmd.Process.Kill()) // and what it held is free
	_ = first.cmd.Wait()
	lock, err := s.Exclusive(t.Context())
	must(t, err)
	if got := p.start(t, "exclusive").said(); got != "in use" {
		t.Errorf("a process beside this one says %q", got)
	}
	if _, err := s.Exclusive(t.Context()); !errors.Is(err, sqlstore.ErrInUse) {
		t.Errorf("a second call: %v", err)
	}
	must(t, lock.Close())
	next := p.start(t, "exclusive")
	if got := next.said(); got != "locked" {
		t.Errorf("a process after Close says %q", got)
	}
	must(t, next.in.Close())
	must(t, next.cmd.Wait())
	lock, err = s.Exclusive(t.Context())
	must(t, err)
	must(t, lock.Close())
}

func TestExclusiveOnPostgres(t *testing.T) {
	t.Parallel()
	s := postgresSchema(t).open(t)
	for range 2 {
		lock, err := s.Exclusive(t.Context())
		must(t, err)
		defer lock.Close()
	}
}

// TestProcessesTogether lets processes make the schema and write at once.
func TestProcessesTogether(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p place) {
		names := []string{"a", "b", "c"}
		var all []*process
		for _, name := range names {
			all = append(all, p.start(t, "put "+name))
		}
		for i, c := range all {
			if got := c.said(); got != "done" {
				t.Errorf("process %s says %q", names[i], got)
			}
		}
		counts, err := p.open(t).Count(t.Context(), syncer.Query{Connection: "shop", Kind: syncer.KindOrder})
		if err != nil || counts[syncer.Queued] != len(names)*childPuts {
			t.Errorf("%v, error %v", counts, err)
		}
	})
}
