package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// versionCmd shows what was built.
type versionCmd struct{}

// Run prints version, revision and Go's version.
func (versionCmd) Run(p *program) error {
	version, revision, modified := "(devel)", "", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			version = info.Main.Version
		}
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = " " + s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				modified = " modified"
			}
		}
	}
	_, err := fmt.Fprintf(p.stdout, "connector %s%s%s %s %s/%s\n", version, revision, modified, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
