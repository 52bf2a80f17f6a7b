package main

import (
	"context"
	"fmt"
	"time"
)

// ends are those of the engine and of the machine.
func ends() []point {
	var out []point
	for _, at := range []string{"captured pull", "captured baseline-live", "captured halt", "captured backup", "captured clone", "captured migrate", "captured launch", "captured open"} {
		out = append(out, dockerd(at, "", at == "captured backup"))
	}
	out = append(out, dockerd("undoing", unverified, true))
	for _, at := range []string{"captured pull", "captured halt", "captured backup", "captured apply-files", "captured launch", "captured open"} {
		out = append(out, reboot(at, at == "captured launch"))
	}
	return out
}

// faults are what else happens to the small stack.
func faults() []point {
	out := append(amongWriters(), badImages()...)
	out = append(out, movedTags()...)
	out = append(out, fullDisks()...)
	return append(out, disturbed()...)
}

// fault is an upgrade to which something happens.
type fault struct {
	group, name string
	quick       bool
	config      string
	args        []string // instead of the good image
	at          string   // the entry after which it happens; none: at once
	after       time.Duration
	happens     func(context.Context, *bench, *proc) error
	heal        func(context.Context, *bench) error // before the recovery
	exits       []int                               // that are right; none: all
	worlds      []string
	loss        bool // recover has to ask before it takes rows back, and is told to
}

func (f fault) point() point { return point{Group: f.group, Name: f.name, Quick: f.quick, Do: f.do} }

func (f fault) do(ctx context.Context, b *bench) outcome {
	if err := b.config(f.config); err != nil {
		return outcome{Err: err}
	}
	args := f.args
	if args == nil {
		args = b.set
	}
	known := len(b.journals())
	p, err := b.start(append(append([]string{"upgrade", "--retry"}, args...), b.dir)...)
	if err != nil {
		return outcome{Err: err}
	}
	note := ""
	if f.happens != nil {
		if f.at != "" {
			if err := b.untilEntry(ctx, p, known, f.at); err != nil {
				note = "never: " + f.at + "; "
			}
		}
		time.Sleep(f.after)
		if err := f.happens(ctx, b, p); err != nil {
			return outcome{Err: err}
		}
	}
	code := p.wait(ctx, 8*time.Minute)
	if f.heal != nil {
		if err := f.heal(ctx, b); err != nil {
			return outcome{Err: err}
		}
	}
	path := ""
	if all := b.journals(); len(all) > known {
		path = all[len(all)-1]
	}
	var more []string
	if f.loss {
		r, err := b.start("recover", b.dir)
		if err != nil {
			return outcome{Err: err}
		}
		if code := r.wait(ctx, 5*time.Minute); code != 5 {
			return outcome{Exit: p.code, Recover: []int{code}, World: "recover did not ask", Diff: []string{last(r.out.String(), 1500)}}
		}
		more = []string{"--accept-data-loss"}
	}
	o := b.afterwards(ctx, p, path, more...)
	o.Exit, o.Allowed = code, f.worlds
	o.Note = note + o.Note + ": " + lastLine(p.out.String())
	if note != "" && ctx.Err() == nil {
		o.World, o.Diff = "never there", []string{last(p.out.String(), 600)}
	}
	if !oneOf(code, f.exits) {
		o.World, o.Diff = fmt.Sprintf("exit %d, want one of %v", code, f.exits), []string{last(p.out.String(), 1500)}
	}
	return o
}

func oneOf(code int, want []int) bool {
	for _, w := range want {
		if w == code {
			return true
		}
	}
	return len(want) == 0
}

// dockerd kills the engine and starts it again two seconds later; its containers live on.
func dockerd(at, config string, quick bool) point {
	return fault{group: "dockerd", name: "killed at " + at, quick: quick, config: config, at: at, after: 500 * time.Millisecond,
		happens: func(ctx context.Context, b *bench, _ *proc) error {
			return b.engineCommand(ctx, "kill; sleep 2; $engine start")
		}}.point()
}

// reboot kills belay with everything that it started, the engine and its containers.
func reboot(at string, quick bool) point {
	// A server that died cannot say whether anybody wrote since the opening.
	return fault{group: "reboot", name: "at " + at, quick: quick, at: at, after: 700 * time.Millisecond, loss: at == "captured open",
		happens: func(ctx context.Context, b *bench, p *proc) error {
			p.killSession()
			return b.engineCommand(ctx, "kill --all; $engine start")
		}}.point()
}

func (b *bench) engineCommand(ctx context.Context, commands string) error {
	_, err := b.sh(ctx, `engine=$1/../../.ci/engine; { $engine `+commands+`; } >/dev/null`, b.lab)
	return err
}

// badImages are new versions that do not work.
func badImages() []point {
	var out []point
	for _, tag := range []string{"failmigrate", "servesbroken", "crashloop", "workercrash", "unhealthy", "needsvar"} {
		out = append(out, fault{group: "image", name: tag, quick: tag == "failmigrate", args: []string{"--set", good + "-" + tag},
			exits: []int{4, 11}, worlds: []string{"old"}}.point())
	}
	return append(out,
		fault{group: "image", name: "losesrows", config: "verify: {not-fewer-rows: [\"dify.*.*\"]}\n", args: []string{"--set", good + "-losesrows"},
			exits: []int{4}, worlds: []string{"old"}}.point(),
		fault{group: "image", name: "missing tag", args: []string{"--set", "langgenius/dify-api=9.99.9"},
			exits: []int{3, 4, 11}, worlds: []string{"old"}}.point(),
		fault{group: "image", name: "no clones, not verified", config: unverified, args: []string{"--no-clone", "--set", good},
			exits: []int{4}, worlds: []string{"old"}}.point(),
	)
}
