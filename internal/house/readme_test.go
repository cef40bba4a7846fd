package house

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadmeProgram runs the program of the README and compares what it prints
// with what the README says.
func TestReadmeProgram(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(root + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	program, rest, ok := between(string(raw), "```go\n")
	if !ok {
		t.Fatal("the README has no program")
	}
	want, _, ok := between(rest, "```text\n")
	if !ok {
		t.Fatal("the README does not say what the program prints")
	}
	if n := strings.Count(program, "\n"); n > 40 {
		t.Errorf("the program has %d lines", n)
	}
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", file)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != want {
		t.Errorf("%v; printed:\n%s\nthe README says:\n%s", err, out, want)
	}
}

// between returns the fenced part that begins with open, and what follows it.
func between(doc, open string) (part, rest string, ok bool) {
	_, rest, found := strings.Cut(doc, open)
	part, rest, closed := strings.Cut(rest, "```\n")
	return part, rest, found && closed
}
