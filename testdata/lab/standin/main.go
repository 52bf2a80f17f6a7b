// Command standin stands in for the applications of the lab's stacks whose
// programs cannot be had there: Dify's api, worker, web, sandbox and plugin
// daemon, n8n, and nginx. It is no Dify and no n8n; it does what theirs do as
// far as an upgrade can notice: real migrations in PostgreSQL, a real lock and
// real queues in Redis, files in volumes, the same paths and the same answers.
//
// The image says in /etc/standin which application it is, in which version and
// with which faults; STANDIN_FAULTS adds faults. Called as curl, flask or n8n
// it answers as far as a health check or a migration by hand needs.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	s := settings("/etc/standin", os.Environ())
	if err := run(ctx, s, filepath.Base(os.Args[0]), os.Args[1:]); err != nil && ctx.Err() == nil {
		s.log("ERROR", "%v", err)
		stop()
		os.Exit(1)
	}
}

// run is the program, called as name with args.
func run(ctx context.Context, s *Settings, name string, args []string) error {
	switch name {
	case "curl":
		return curl(ctx, args)
	case "flask":
		return flask(ctx, s, args)
	case "n8n":
		if len(args) == 1 && args[0] == "--version" {
			fmt.Println(s.Version)
			return nil
		}
		return n8nCommand(ctx, s, args)
	}
	if len(args) > 0 && args[0] == "seed" {
		return seed(ctx, s, args[1:])
	}
	if s.has("deaf") { // hears no SIGTERM
		ctx = context.WithoutCancel(ctx)
	}
	if err := s.misbehave(); err != nil {
		return err
	}
	switch s.App {
	case "api":
		return dify(ctx, s)
	case "web":
		return web(ctx, s)
	case "sandbox":
		return sandbox(ctx, s)
	case "plugin":
		return plugin(ctx, s)
	case "n8n":
		return n8n(ctx, s)
	case "nginx":
		return nginx(ctx, s)
	}
	return fmt.Errorf("application %q is unknown", s.App)
}

// serve answers on the port until ctx ends, and then ends within a second.
func serve(ctx context.Context, s *Settings, port int, h http.Handler) error {
	server := &http.Server{Addr: fmt.Sprintf(":%d", port), Handler: s.wrap(h), ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- server.ListenAndServe() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		return server.Shutdown(grace)
	}
}

// curl asks for the last argument: what CMD-style health checks use of curl.
func curl(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("curl: no URL")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, args[len(args)-1], nil)
	if err != nil {
		return err
	}
	answer, err := (&http.Client{Timeout: 10 * time.Second}).Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 400 {
		return fmt.Errorf("curl: (22) The requested URL returned error: %d", answer.StatusCode)
	}
	_, err = io.Copy(os.Stdout, answer.Body)
	return err
}
