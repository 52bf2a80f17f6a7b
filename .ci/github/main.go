// Command github serves a GitHub for tests from a folder, so that a container
// or a person can be run against it:
//
//	go run ./.ci/github --listen 127.0.0.1:8080 --dir DIR [--log FILE] [--comments FILE]
//	    [--rights 'TOKEN contents=write issues=read']... [--set 'acme/stack protected=main no-issues']...
//
// DIR/github.json is the state, as githubtest.Folder has it. What --rights and
// --set say, in the words of Grant and Configure of githubtest, counts more. One
// line with the address goes to stdout. Each request is appended to the log as a
// line of JSON; the comments file holds all comments as they are now. GET /_state
// gives branches, pull requests, issues, comments and deployments as JSON, and
// POST /_load, /_set and /_rights change what is there: a merge, another
// protection, another token. It ends on an interrupt, with 1 when a request came
// that no test GitHub expects.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/belaystack/belay/release/github/githubtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "github:", err)
		os.Exit(1)
	}
}

// reporter stands for a test: it prints what a test would fail of.
type reporter struct {
	out    io.Writer
	failed atomic.Int64
}

func (r *reporter) Helper()        {}
func (r *reporter) Cleanup(func()) {}
func (r *reporter) Errorf(format string, args ...any) {
	r.failed.Add(1)
	fmt.Fprintf(r.out, "github: "+format+"\n", args...)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("github", flag.ContinueOnError)
	flags.SetOutput(stderr)
	listen := flags.String("listen", "127.0.0.1:0", "address to serve")
	dir := flags.String("dir", ".", "folder with github.json")
	log := flags.String("log", "", "file that every request is appended to")
	comments := flags.String("comments", "", "file that holds the comments, after each change")
	contract := flags.String("openapi", githubtest.FindContract(), "GitHub's OpenAPI description to hold every call against")
	var rights, settings []string
	flags.Func("rights", "a token and its permissions; may be repeated", keep(&rights))
	flags.Func("set", "a repository and its settings; may be repeated", keep(&settings))
	if err := flags.Parse(args); err != nil {
		return err
	}
	t := &reporter{out: stderr}
	s, err := githubtest.Listen(t, *listen)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Load(*dir); err != nil {
		return err
	}
	for _, text := range rights {
		if err := s.Grant(text); err != nil {
			return err
		}
	}
	for _, text := range settings {
		if err := s.Configure(text); err != nil {
			return err
		}
	}
	if *contract != "" {
		doc, err := githubtest.LoadContract(*contract)
		if err != nil {
			return err
		}
		s.UseContract(doc)
	}
	if *log != "" {
		s.OnRequest(func(r githubtest.Request) {
			if err := appendLine(*log, r); err != nil {
				t.Errorf("%v", err)
			}
		})
	}
	if *comments != "" {
		write := func(all []githubtest.Comment) {
			if err := replace(*comments, all); err != nil {
				t.Errorf("%v", err)
			}
		}
		write(s.Comments())
		s.OnComments(write)
	}
	fmt.Fprintln(stdout, s.URL)
	<-ctx.Done()
	if n := t.failed.Load(); n > 0 {
		return fmt.Errorf("%d things went wrong", n)
	}
	return nil
}

// keep is a flag that may be repeated.
func keep(list *[]string) func(string) error {
	return func(text string) error { *list = append(*list, text); return nil }
}

func appendLine(name string, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.Write(append(line, '\n')); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// replace writes a whole file at once, so that a reader sees all or nothing.
func replace(name string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(name+".new", append(data, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}
