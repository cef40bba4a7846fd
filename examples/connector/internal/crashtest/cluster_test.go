//go:build linux

package crashtest_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// cluster is a PostgreSQL of the test's own, to be stopped and started.
type cluster struct {
	t        *testing.T
	bin, dir string
	port     string
	as       []string // runs as the user that may run PostgreSQL, which is never root
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, bin: postgresTools()}
	if c.bin == "" {
		missing(t, "initdb is not installed")
	}
	if os.Getuid() == 0 {
		if _, err := exec.LookPath("runuser"); err != nil {
			missing(t, "PostgreSQL does not run as root, and there is no runuser")
		}
		c.as = []string{"runuser", "-u", "postgres", "--"}
	}
	c.dir = strings.TrimSpace(c.run("mktemp", "-d", "/tmp/crashtest-postgres.XXXXXX"))
	t.Cleanup(func() { c.run("rm", "-rf", c.dir) })
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, c.port, _ = net.SplitHostPort(free.Addr().String())
	free.Close()
	c.run(c.bin+"/initdb", "-D", c.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
	c.start()
	t.Cleanup(func() { _ = c.command(c.bin+"/pg_ctl", "-D", c.data(), "-m", "immediate", "stop").Run() }) // it may be stopped
	return c
}

// postgresTools finds the folder of initdb; the distribution's own folder wins
// over a wrapper in the path.
func postgresTools() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.Sort(found)
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1])
	}
	if p, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(p)
	}
	return ""
}

func (c *cluster) data() string { return c.dir + "/data" }

func (c *cluster) dsn() string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%s/postgres?sslmode=disable", c.port)
}

func (c *cluster) start() {
	c.t.Helper()
	c.run(c.bin+"/pg_ctl", "-D", c.data(), "-l", c.dir+"/log", "-w", "-o",
		fmt.Sprintf("-h 127.0.0.1 -p %s -k %s", c.port, c.dir), "start")
}

// stop ends the server as it is said to.
func (c *cluster) stop(mode string) {
	c.t.Helper()
	c.run(c.bin+"/pg_ctl", "-D", c.data(), "-w", "-m", mode, "stop")
}

func (c *cluster) command(args ...string) *exec.Cmd {
	args = append(slices.Clone(c.as), args...)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = "/"
	return cmd
}

// run runs a tool. Its output goes to a file, which a server that outlives the
// tool may keep open.
func (c *cluster) run(args ...string) string {
	c.t.Helper()
	out, err := os.CreateTemp(c.t.TempDir(), "out")
	if err != nil {
		c.t.Fatal(err)
	}
	defer out.Close()
	cmd := c.command(args...)
	cmd.Stdout, cmd.Stderr = out, out
	err = cmd.Run()
	text, _ := os.ReadFile(out.Name())
	if err != nil {
		c.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, text)
	}
	return string(text)
}
