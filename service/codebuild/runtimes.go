package codebuild

import (
	"bytes"
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"drydock/clock"
	"drydock/lang/buildspec"
	"drydock/machine"
)

// runtimeTools are the tools that tell which version of a runtime the machine has.
var runtimeTools = map[string][]string{
	"docker": {"docker", "--version"},
	"dotnet": {"dotnet", "--version"},
	"golang": {"go", "version"},
	"java":   {"java", "-version"},
	"nodejs": {"node", "--version"},
	"php":    {"php", "--version"},
	"python": {"python3", "--version"},
	"ruby":   {"ruby", "--version"},
}

// versionText finds a version in what a tool says of itself.
var versionText = regexp.MustCompile(`[0-9]+(\.[0-9]+)+|\b[0-9]+\b`)

// toolTime bounds, in the machine's time, how long a tool may take to tell its version.
const toolTime = 20 * time.Second

// selectRuntimes checks that the machine has the runtimes that the build specification wants. The machine has the host's
// own tools, one version of each.
func (r *run) selectRuntimes(ctx context.Context, wanted []buildspec.Variable) *failure {
	for _, w := range wanted {
		tool, known := runtimeTools[w.Name]
		if !known {
			return fail(buildspec.StatusCode, "Unknown runtime named '%s'. This build image has the following runtimes: %s", w.Name, strings.Join(r.runtimes(ctx), ", "))
		}
		found := r.toolVersion(ctx, tool)
		if ctx.Err() != nil {
			return nil
		}
		if found == "" {
			return fail(buildspec.StatusCode, "Unknown runtime version named '%s' of %s. This build image has no %s; it has the following runtimes: %s",
				w.Value, w.Name, w.Name, strings.Join(r.runtimes(ctx), ", "))
		}
		if !versionMatches(w.Value, found) {
			return fail(buildspec.StatusCode, "Unknown runtime version named '%s' of %s. This build image has the following versions: %s", w.Value, w.Name, found)
		}
		r.log.printf("Selecting '%s' runtime version '%s' based on manual selections...", w.Name, w.Value)
		r.log.printf("Using %s version %s of the host", w.Name, found)
	}
	return nil
}

// runtimes lists the runtimes that the machine has.
func (r *run) runtimes(ctx context.Context) []string {
	var script strings.Builder
	for _, name := range slices.Sorted(maps.Keys(runtimeTools)) {
		script.WriteString("command -v " + runtimeTools[name][0] + " >/dev/null 2>&1 && echo " + name + "\n")
	}
	out := &headWriter{limit: 4096}
	if _, err := r.machine.Exec(ctx, machine.Command{Args: []string{"/bin/sh", "-c", script.String()}, Env: r.env.list(), Stdout: out}); err != nil {
		return nil
	}
	return strings.Fields(out.String())
}

// toolVersion asks a tool for its version; nothing when it is not there.
func (r *run) toolVersion(ctx context.Context, tool []string) string {
	ctx, cancel := clock.WithTimeout(ctx, toolTime)
	defer cancel()
	out := &headWriter{limit: 4096}
	exit, err := r.machine.Exec(ctx, machine.Command{Args: tool, Env: r.env.list(), Dir: r.sources[0].dir, Stdout: out, Stderr: out})
	if err != nil || exit.Code != 0 {
		return ""
	}
	return versionText.FindString(out.String())
}

// versionMatches tells whether a version is what was asked for: "latest", "3.x", "3.12", "20", "corretto17".
func versionMatches(wanted, found string) bool {
	wanted = strings.ToLower(strings.TrimSpace(wanted))
	for _, prefix := range []string{"corretto", "openjdk", "v"} {
		wanted = strings.TrimPrefix(wanted, prefix)
	}
	if wanted == "latest" || wanted == "x" {
		return true
	}
	wanted = strings.TrimSuffix(wanted, ".x")
	return found == wanted || strings.HasPrefix(found, wanted+".")
}

// headWriter keeps the beginning of what is written to it.
type headWriter struct {
	bytes.Buffer
	limit int
}

// Write keeps p as far as there is room.
func (w *headWriter) Write(p []byte) (int, error) {
	if room := w.limit - w.Len(); room > 0 {
		w.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
