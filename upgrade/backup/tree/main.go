package tree

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"
)

// Main is the hidden command of belay that runs in a container with a volume:
//
//	pack [-exclude PATTERN]... [-online] ROOT    the archive, to stdout
//	unpack ROOT                                  the archive, from stdin
//	hash [-exclude PATTERN]... [-online] [-list] ROOT
//	measure [-exclude PATTERN]... ROOT
//	hold                                         waits, while the others are run beside it
//
// All but pack print the summary as one line of JSON, which [ParseSummary] reads;
// what pack prints is complete when a [Check] says so. With -list a line for each
// entry comes before: its hash, type, mode, owner, size and quoted path.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	if len(args) == 0 {
		return errors.New("tree: pack, unpack, hash or measure?")
	}
	if args[0] == "hold" {
		return hold(ctx)
	}
	var opts Options
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Func("exclude", "pattern of what is left out", func(s string) error {
		opts.Exclude = append(opts.Exclude, s)
		return nil
	})
	flags.BoolVar(&opts.Online, "online", false, "changes meanwhile are no error")
	list := flags.Bool("list", false, "print each entry")
	if err := flags.Parse(args[1:]); err != nil {
		return fmt.Errorf("tree %s: %w", args[0], err)
	}
	if flags.NArg() != 1 {
		return fmt.Errorf("tree %s: one folder is needed", args[0])
	}
	if *list {
		opts.Each = func(e Entry, sum string) {
			fmt.Fprintf(stdout, "%s %c %04o %d:%d %d %q\n", sum, e.Type, e.Mode, e.UID, e.GID, e.Size, e.Path)
		}
	}
	if err := run(ctx, args[0], flags.Arg(0), opts, stdin, stdout); err != nil {
		return fmt.Errorf("tree %s: %w", args[0], err)
	}
	return nil
}

func hold(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Hour): // so that the runtime sees no deadlock
		}
	}
}

func run(ctx context.Context, verb, root string, opts Options, stdin io.Reader, stdout io.Writer) error {
	var s Summary
	var err error
	switch verb {
	case "pack":
		_, err = Pack(ctx, root, opts, stdout)
		return err
	case "unpack":
		s, err = Unpack(ctx, root, stdin)
	case "hash":
		s, err = Hash(ctx, root, opts)
	case "measure":
		s, err = Measure(ctx, root, opts)
	default:
		return errors.New("unknown")
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(s)
}

// ParseSummary reads the last line of what [Main] printed.
func ParseSummary(out []byte) (Summary, error) {
	text := string(out)
	if !strings.HasSuffix(text, "\n") {
		return Summary{}, fmt.Errorf("summary: %w", ErrCut)
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	var s Summary
	if err := decodeStrict([]byte(lines[len(lines)-1]), &s); err != nil {
		return Summary{}, fmt.Errorf("summary: %w", err)
	}
	return s, nil
}
