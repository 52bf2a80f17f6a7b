// Command bench measures what an upgrade costs, on a stack of the lab: the dump against
// pg_dump, the quick way back against a restore, Belay's memory, and how long users are
// without an answer.
//
//	go run ./testdata/lab/bench [-n ROUNDS] [-only dump,back,memory,upgrade] -belay BIN DIR
//
// DIR is a small stack (lab stack -k mini) whose database is large: SEED_MB=650. It is
// left as an upgrade leaves it; lab reset gives it back. The variables are those of
// `lab env`. What is compared is measured in turn, each round beginning with another; the
// ratios are medians of those of the rounds, so that a machine whose speed drifts, or that
// others use, spoils as little as may be. Processor time is that of the server's container
// and of every process on this side.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/postgres"
)

type bench struct {
	rounds int
	belay  string
	dir    string
	work   string // on the disk that backups would be on

	docker *docker.Client
	server *postgres.Server
	user   string // of the database, for the bare commands
	cgroup string // of the server's container
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	b := &bench{docker: &docker.Client{}}
	only := flag.String("only", "dump,back,memory,upgrade", "what is measured")
	flag.IntVar(&b.rounds, "n", 5, "rounds")
	flag.StringVar(&b.belay, "belay", "", "the binary, static")
	flag.StringVar(&b.work, "work", os.TempDir(), "a folder for what is written")
	flag.Parse()
	if flag.NArg() != 1 || b.belay == "" {
		flag.Usage()
		return errors.New("a stack's folder and -belay are needed")
	}
	var err error
	if b.dir, err = filepath.Abs(flag.Arg(0)); err != nil {
		return err
	}
	if b.work, err = os.MkdirTemp(b.work, "belay-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.work)
	parts := []struct {
		name string
		do   func(context.Context) error
	}{{"dump", b.dumps}, {"back", b.back}, {"memory", b.memory}, {"upgrade", b.upgrade}}
	for _, p := range parts {
		if !slices.Contains(strings.Split(*only, ","), p.name) {
			continue
		}
		load, _ := os.ReadFile("/proc/loadavg") // for the reader
		fmt.Printf("\n%s (load %s)\n", p.name, strings.Join(strings.Fields(string(load))[:3], " "))
		if err := b.find(ctx); err != nil {
			return err
		}
		if err := p.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// execer runs clients of the server in its container, as Belay's steps do.
type execer struct{ docker *docker.Client }

func (e execer) Exec(ctx context.Context, container string, args, env []string, stdin io.Reader, stdout io.Writer) error {
	return e.docker.Exec(ctx, container, docker.Exec{Args: args, Env: env, Stdin: stdin, Stdout: stdout})
}

// find finds the container of the database.
func (b *bench) find(ctx context.Context) error {
	all, err := b.docker.Containers(ctx, filepath.Base(b.dir))
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.Service != "postgres" || !c.Running() {
			continue
		}
		b.server = &postgres.Server{Service: c.Service, Container: c.ID, Exec: execer{b.docker}, App: "belay/bench"}
		b.user = "postgres"
		found, _ := filepath.Glob("/sys/fs/cgroup/*/" + c.ID)
		deeper, _ := filepath.Glob("/sys/fs/cgroup/*/docker-" + c.ID + ".scope")
		if found = append(found, deeper...); len(found) > 0 {
			b.cgroup = found[0]
		}
		return nil
	}
	return errors.New("no service postgres runs in " + b.dir)
}

// big gives the database that is measured with.
func (b *bench) big(ctx context.Context) (postgres.Database, error) {
	all, err := b.server.Databases(ctx)
	if err != nil {
		return postgres.Database{}, err
	}
	for _, db := range all {
		if db.Name == "dify" {
			return db, nil
		}
	}
	return postgres.Database{}, errors.New("no database dify")
}

// applications stops what writes, or starts it again.
func (b *bench) applications(ctx context.Context, verb string) error {
	return shell(ctx, `cd "$1" && docker compose `+verb+` dify-worker dify-api proxy`, b.dir)
}

func shell(ctx context.Context, script string, args ...string) error {
	c := exec.CommandContext(ctx, "bash", append([]string{"-c", "set -eo pipefail\n" + script, "bench"}, args...)...)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", script, err, out.String())
	}
	return nil
}

// read decodes a file of JSON.
func read(path string, v any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}
