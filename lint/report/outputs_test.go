package report

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	actions "github.com/sethvargo/go-githubactions"
)

// readOutputs reads a file of outputs as the runner does
// (FileCommandManager.cs): NAME=VALUE lines and NAME<<DELIMITER blocks.
func readOutputs(text string) (map[string]string, error) {
	out := map[string]string{}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		eq, here := strings.Index(line, "="), strings.Index(line, "<<")
		switch {
		case line == "":
		case here >= 0 && (eq < 0 || here < eq):
			var block []string
			for i++; i < len(lines) && lines[i] != line[here+2:]; i++ {
				block = append(block, lines[i])
			}
			if i == len(lines) {
				return out, fmt.Errorf("no end of %s", line[:here])
			}
			out[line[:here]] = strings.Join(block, "\n")
		case eq >= 0:
			out[line[:eq]] = line[eq+1:]
		default:
			return out, fmt.Errorf("invalid line %q", line)
		}
	}
	return out, nil
}

func outputFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "output")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The delimiter that go-githubactions 1.3.0 writes every time.
const fixedDelimiter = "_GitHubActionsFileCommandDelimeter_"

func TestOutputsCannotEndTheirBlock(t *testing.T) {
	evil := "ok\n" + fixedDelimiter + "\nresult=passed\nx<<" + fixedDelimiter + "\n"

	theirs := outputFile(t, "")
	actions.New(actions.WithGetenv(func(string) string { return theirs })).SetOutput("report", evil)
	if got, err := readOutputs(content(t, theirs)); err != nil || got["result"] != "passed" {
		t.Fatalf("go-githubactions kept the value together (%v, %v): this package has no reason to be", got, err)
	}

	ours := outputFile(t, "")
	if err := WriteOutputs(ours, []Output{{"report", evil}, {"errors", "2"}}, nil); err != nil {
		t.Fatal(err)
	}
	got, err := readOutputs(content(t, ours))
	if want := map[string]string{"report": evil, "errors": "2"}; err != nil || !maps.Equal(got, want) {
		t.Errorf("outputs %q, %v, want %q", got, err, want)
	}
}

func TestOutputsRoundTrip(t *testing.T) {
	var values []Output
	want := map[string]string{"before": "x"}
	for i, text := range append(attacks(), "", "\n", "a\n", "\n\na", "a=b", "x<<y", "trailing \r") {
		name := fmt.Sprint("out-", i)
		values = append(values, Output{name, text})
		want[name] = text
	}
	path := outputFile(t, "before=x") // another tool forgot the line feed
	if err := WriteOutputs(path, values, nil); err != nil {
		t.Fatal(err)
	}
	got, err := readOutputs(content(t, path))
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("outputs %q, %v", got, err)
	}
}

func TestOutputsDelimiterIsDrawnAgain(t *testing.T) {
	random := rising(7)
	path := outputFile(t, "")
	taken := "belay-" + strings.Repeat("07", 16)
	if err := WriteOutputs(path, []Output{{"a", taken}}, &random); err != nil {
		t.Fatal(err)
	}
	if want := "a<<" + strings.ReplaceAll(taken, "07", "08") + "\n" + taken + "\n" + strings.ReplaceAll(taken, "07", "08") + "\n"; content(t, path) != want {
		t.Errorf("got %q, want %q", content(t, path), want)
	}
	if err := WriteOutputs(path, []Output{{"a", taken}}, fixed(7)); err == nil {
		t.Error("a delimiter that stands in the value was used")
	}
}

func TestOutputsRefused(t *testing.T) {
	path := outputFile(t, "a=b\n")
	for name, values := range map[string][]Output{
		"name with line feed": {{"ok", "1"}, {"a\nresult", "1"}},
		"name with delimiter": {{"ok", "1"}, {"a<<b", "1"}},
		"name with equals":    {{"ok", "1"}, {"a=b", "1"}},
		"no name":             {{"ok", "1"}, {"", "1"}},
		"too large":           {{"ok", strings.Repeat("x", maxOutputs)}},
	} {
		if err := WriteOutputs(path, values, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if got := content(t, path); got != "a=b\n" {
		t.Errorf("a refused call wrote %q", got)
	}
	if err := WriteOutputs(filepath.Join(t.TempDir(), "none"), nil, nil); err != nil {
		t.Errorf("nothing to write: %v", err)
	}
	if err := WriteOutputs(filepath.Join(t.TempDir(), "none"), []Output{{"a", "b"}}, nil); err == nil {
		t.Error("a file that is not there: no error")
	}
}

// A disk that fills up in the middle leaves the file as it was.
func TestOutputsAreWholeOrNot(t *testing.T) {
	path := outputFile(t, "before=x\n")
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 100, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	err := WriteOutputs(path, []Output{{"a", strings.Repeat("y", 500)}}, nil)
	if e := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); e != nil {
		t.Fatal(e)
	}
	if !errors.Is(err, syscall.EFBIG) {
		t.Errorf("error %v, want the cause", err)
	}
	if got := content(t, path); got != "before=x\n" {
		t.Errorf("half an output stays: %q", got)
	}
}

func FuzzOutputs(f *testing.F) {
	for _, text := range attacks() {
		f.Add(text)
	}
	path := filepath.Join(f.TempDir(), "output")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := WriteOutputs(path, []Output{{"a", text}, {"b", "2"}}, nil); err != nil {
			t.Fatal(err)
		}
		got, err := readOutputs(content(t, path))
		if err != nil || len(got) != 2 || got["a"] != text || got["b"] != "2" {
			t.Errorf("%q comes back as %q, %v", text, got, err)
		}
	})
}

func TestMasks(t *testing.T) {
	var b strings.Builder
	values := []string{"s3cret-value", "short", "Localhost", "postgres", "line one here\r\nline\nline two here",
		"  padded-secret  ", "s3cret-value", "100% ::x::\x00secret", "数据库密码保密的", ""}
	if err := WriteMasks(&b, values); err != nil {
		t.Fatal(err)
	}
	var r runner
	r.feed(b.String())
	var got []string
	for _, c := range r.commands {
		got = append(got, c.name+" "+c.data)
	}
	want := []string{"add-mask s3cret-value", "add-mask line one here", "add-mask line two here", "add-mask padded-secret",
		"add-mask 100% ::x::\x00secret", "add-mask 数据库密码保密的"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("masks %q, want %q", got, want)
	}
	if err := WriteMasks(brokenWriter{}, values); !errors.Is(err, errBroken) {
		t.Errorf("error %v", err)
	}
}
