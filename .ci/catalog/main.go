// Command catalog brings release/catalog/dify.tsv up to date with what
// langgenius/dify publishes:
//
//	go run ./.ci/catalog [--check] [--api URL] [--token-env GITHUB_TOKEN] [--cache DIR] [--table FILE]
//
// It reads the compose folder of every release from the first of the table on.
// Releases that the table lacks are added; where a line of the table
// contradicts upstream it says so, writes nothing and ends with 1, as it does
// when anything could not be read. With --check it never writes, and a release
// that is lacking is an error too. Without a token the migrations of new
// releases are not counted, since that takes several questions each.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/release/github"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "catalog:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("catalog", flag.ContinueOnError)
	flags.SetOutput(stderr)
	check := flags.Bool("check", false, "write nothing")
	api := flags.String("api", "", "GitHub's API; empty: github.com's")
	tokenEnv := flags.String("token-env", "GITHUB_TOKEN", "variable with a token for it")
	cache := flags.String("cache", cacheDir(), "folder for answers; empty: none")
	table := flags.String("table", filepath.Join("release", "catalog", "dify.tsv"), "the table")
	if err := flags.Parse(args); err != nil {
		return err
	}
	data, err := os.ReadFile(*table)
	if err != nil {
		return err
	}
	t, err := parseTable(data)
	if err != nil {
		return fmt.Errorf("%s: %w", *table, err)
	}
	token := getenv(*tokenEnv)
	client, err := github.New(github.Options{UpstreamAPI: *api, UpstreamToken: token, Cache: *cache, Proxy: http.ProxyFromEnvironment, Now: time.Now, UserAgent: "belay-catalog"})
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "belay-catalog-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	u := &updater{github: client, catalog: catalog.Load(), temp: temp, counts: token != ""}
	if err := u.read(ctx, t); err != nil {
		return err
	}
	return report(u, t, *table, data, *check, stdout)
}

// report says what was found, and writes the table when it may.
func report(u *updater, t *table, name string, data []byte, check bool, stdout io.Writer) error {
	for _, line := range u.contradictions {
		fmt.Fprintln(stdout, line)
	}
	for _, r := range u.added {
		fmt.Fprintf(stdout, "%s: new, of %s\n", r.cells["release"], r.cells["date"])
	}
	fmt.Fprintf(stdout, "%d releases compared, %d contradictions, %d new\n", len(t.rows), len(u.contradictions), len(u.added))
	switch {
	case len(u.contradictions) > 0:
		return errors.New("the table contradicts upstream; nothing was written")
	case check && len(u.added) > 0:
		return errors.New("the table lacks releases")
	case len(u.added) == 0:
		return nil
	}
	return source.Replace(name, data, t.with(u.added))
}

func cacheDir() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "belay")
}
