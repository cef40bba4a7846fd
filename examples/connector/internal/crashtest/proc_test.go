//go:build linux

package crashtest_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// proc is a running serve.
type proc struct {
	t     *testing.T
	rig   *rig
	cmd   *exec.Cmd
	log   *tail
	ready chan string // gets the address once
	ended chan struct{}
	err   error // of Wait, once ended is closed

	mu   sync.Mutex
	addr string
}

// listening is what serve says once it can be reached.
var listening = regexp.MustCompile(`msg=listening\b.*?\baddr="?([0-9.:\[\]a-f]+)`)

// start runs `connector serve`, under a wrapper if one is given, without waiting
// for it.
func (r *rig) start(wrapper ...string) *proc {
	r.t.Helper()
	p := &proc{t: r.t, rig: r, log: newTail(r.t), ready: make(chan string, 1), ended: make(chan struct{})}
	args := append(wrapper, r.bin, "serve")
	p.cmd = r.command(context.WithoutCancel(r.t.Context()), args...)
	out, in, err := os.Pipe()
	if err != nil {
		r.t.Fatal(err)
	}
	p.cmd.Stdout, p.cmd.Stderr = in, in
	if err := p.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	_ = in.Close() // the process has its own
	read := make(chan struct{})
	go func() { defer close(read); p.read(out) }()
	go func() {
		p.err = p.cmd.Wait()
		<-read
		close(p.ended)
	}()
	r.t.Cleanup(func() { p.kill(); p.log.show(p.cmd.Process.Pid) })
	return p
}

// read keeps the log and looks out for the address.
func (p *proc) read(out io.ReadCloser) {
	defer out.Close()
	s := bufio.NewScanner(out)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		p.log.add(s.Text())
		if m := listening.FindStringSubmatch(s.Text()); m != nil {
			p.mu.Lock()
			p.addr = m[1]
			p.mu.Unlock()
			select {
			case p.ready <- m[1]:
			default:
			}
		}
	}
}

// serve starts a process and waits until it listens.
func (r *rig) serve(wrapper ...string) *proc {
	r.t.Helper()
	p := r.start(wrapper...)
	p.await()
	return p
}

// await waits until the process listens.
func (p *proc) await() {
	p.t.Helper()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	select {
	case p.rig.address = <-p.ready:
	case <-p.ended:
		p.t.Fatalf("serve ended: %v\n%s", p.err, p.log.text())
	case <-limit.C:
		p.t.Fatalf("serve did not say within 30 s that it listens\n%s", p.log.text())
	}
}

// address is empty until the process listens.
func (p *proc) address() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.addr
}

func (p *proc) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// kill ends the process as a power cut would, and waits for it to be gone.
func (p *proc) kill() {
	p.signal(syscall.SIGKILL)
	<-p.ended
}

func (p *proc) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) } // it may be gone already

// stop asks the process to end and demands that it does, well and soon.
func (p *proc) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	select {
	case <-p.ended:
		if p.err != nil {
			p.t.Errorf("serve ended after SIGTERM with %v\n%s", p.err, p.log.text())
		}
	case <-limit.C:
		p.t.Errorf("serve did not end within 20 s of SIGTERM\n%s", p.log.text())
		p.kill()
	}
}

// get returns the status of a page; 0: nobody answered.
func (p *proc) get(path string) int {
	status, _ := p.page(path)
	return status
}

func (p *proc) page(path string) (int, string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.t.Context()), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address()+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := oneShot.Do(req)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

// metric adds up the samples whose name and labels match.
func (p *proc) metric(pattern string) (sum float64) {
	_, text := p.page("/metrics")
	for _, m := range regexp.MustCompile(`(?m)^\S*`+pattern+`\S* (\S+)$`).FindAllStringSubmatch(text, -1) {
		n, err := strconv.ParseFloat(m[len(m)-1], 64)
		if err != nil {
			p.t.Fatalf("metrics: %q", m[0])
		}
		sum += n
	}
	return sum
}

// status is a figure that the kernel keeps of the process, in KiB.
func (p *proc) status(name string) int {
	p.t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			n, _ := strconv.Atoi(strings.Fields(rest)[0])
			return n
		}
	}
	p.t.Fatalf("/proc has no %s", name)
	return 0
}

// command is one of the connector's processes: it dies with the test.
func (r *rig) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(environ(), "TG360_SETTINGS="+r.settings, "TG360_LISTEN=127.0.0.1:0")
	cmd.Env = append(cmd.Env, r.env...)
	cmd.Dir = r.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// environ is the test's environment without what would change the connector.
func environ() []string {
	var out []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "TG360_") {
			out = append(out, e)
		}
	}
	return out
}

// result is what a command said.
type result struct {
	code        int
	out, errors string
}

func (r result) String() string {
	return fmt.Sprintf("exit %d\n%s%s", r.code, shorten(r.out), shorten(r.errors))
}

func shorten(s string) string {
	const most = 4000
	if len(s) > most {
		return s[:most/2] + "\n...\n" + s[len(s)-most/2:]
	}
	return s
}

// run runs one command to its end, for at most a minute.
func (r *rig) run(args ...string) result {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.t.Context()), time.Minute)
	defer cancel()
	cmd := r.command(ctx, append([]string{r.bin}, args...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	res := result{out: out.String(), errors: errs.String()}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		res.code, res.errors = -1, "not done within a minute\n"+res.errors
	case errors.As(err, &exit):
		res.code = exit.ExitCode()
	case err != nil:
		r.t.Fatal(err)
	}
	return res
}

// must runs a command that has to succeed.
func (r *rig) must(args ...string) result {
	r.t.Helper()
	res := r.run(args...)
	if res.code != 0 {
		r.t.Fatalf("connector %s: %s", strings.Join(args, " "), res)
	}
	return res
}

// tail keeps the last lines of a log, and all of it where a folder is given.
type tail struct {
	t     *testing.T
	file  *os.File
	mu    sync.Mutex
	lines []string
	notes []note
}

// note is a line about a cycle.
type note struct {
	at   time.Time
	line string
}

// cycles are the lines about cycles so far.
func (l *tail) cycles() []note {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.notes)
}

const keptLines = 60

var logNumber struct {
	sync.Mutex
	n int
}

func newTail(t *testing.T) *tail {
	l := &tail{t: t}
	if dir := os.Getenv("TG360_CRASH_LOGS"); dir != "" {
		logNumber.Lock()
		logNumber.n++
		n := logNumber.n
		logNumber.Unlock()
		var err error
		if l.file, err = os.Create(filepath.Join(dir, fmt.Sprintf("%s_%04d.log", named(t), n))); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func (l *tail) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		_, _ = fmt.Fprintln(l.file, line)
	}
	if strings.Contains(line, "msg=cycle ") {
		l.notes = append(l.notes, note{time.Now(), line})
	}
	if len(l.lines) == keptLines {
		l.lines = l.lines[1:]
	}
	l.lines = append(l.lines, line)
}

func (l *tail) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

// show prints the end of the log of a test that failed.
func (l *tail) show(pid int) {
	if l.t.Failed() {
		l.t.Logf("end of the log of process %d:\n%s", pid, l.text())
	}
	if l.file != nil {
		_ = l.file.Close()
	}
}
