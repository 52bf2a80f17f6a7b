package main

import (
	"context"
	"strings"
	"time"
)

// fullDisks are file systems that fill up while belay writes.
func fullDisks() []point {
	fill := func(ctx context.Context, b *bench, _ *proc) error {
		_, err := b.sh(ctx, `free=$(df --output=avail -k "$1" | tail -n 1); fallocate -l "$((free - $2))K" "$1/ballast"`, b.disk(), "64")
		return err
	}
	empty := func(ctx context.Context, b *bench) error {
		_, err := b.sh(ctx, `rm -f "$1/ballast"`, b.disk())
		return err
	}
	var out []point
	for _, at := range []string{"captured baseline-data", "captured backup"} {
		out = append(out, onDisk(fault{group: "disk", name: "backups full at " + at, quick: at == "captured backup", at: at, happens: fill, heal: empty,
			exits: []int{4}, worlds: []string{"old"}}, "backup: {directory: DISK/backups}\n"))
	}
	out = append(out, onDisk(fault{group: "disk", name: "backups on a disk too small",
		happens: func(ctx context.Context, b *bench, p *proc) error { return nil }, heal: empty,
		exits: []int{11}, worlds: []string{"old"}}, "backup: {directory: DISK/backups}\nsize: 8M\n"))
	for _, at := range []string{"captured halt", "captured backup", "captured apply-files", "captured launch", "done verify", "captured open"} {
		out = append(out, onDisk(fault{group: "disk", name: "journal's full at " + at, quick: at == "captured launch", at: at, happens: fill, heal: empty},
			"state: DISK/state\nbackup: {directory: STATE-backups}\n"))
	}
	out = append(out, onDisk(fault{group: "disk", name: "journal's full at undoing", at: "undoing", after: 300 * time.Millisecond, happens: fill, heal: empty,
		worlds: []string{"old"}}, "state: DISK/state\nbackup: {directory: STATE-backups}\n"+unverified))
	return out
}

func (b *bench) disk() string { return b.dir + "-disk" }

// onDisk gives a fault a file system of its own, of 600 MB or what its config says.
func onDisk(f fault, config string) point {
	p := f.point()
	p.Do = func(ctx context.Context, b *bench) outcome {
		size, text := "600M", config
		if before, found := cut(config, "size: 8M\n"); found {
			size, text = "8M", before
		}
		_, err := b.sh(ctx, `mkdir -p "$1"; truncate -s "$2" "$1.img"; mkfs.ext4 -q -F -m 0 "$1.img"; mount -o loop "$1.img" "$1"`, b.disk(), size)
		if err != nil {
			return outcome{Err: err}
		}
		defer func() {
			_, _ = b.sh(context.WithoutCancel(ctx), `umount -l "$1"; rm -rf "$1" "$1.img" "$2-backups"`, b.disk(), b.state)
		}()
		g, was := f, b.state
		g.config = expand(text, b)
		if moved, ok := stateOf(g.config); ok {
			b.state, g.config = moved[0], moved[1]
			defer func() { b.state = was }()
			if _, err := b.sh(ctx, `docker volume ls -q --filter name="^belay-$(basename "$1")\$" | xargs -r docker volume rm >/dev/null`, b.dir); err != nil {
				return outcome{Err: err}
			}
		}
		o := g.do(ctx, b)
		if o.World == "" && o.Err == nil {
			o.World, o.Diff = b.verdict(ctx)
		}
		o.Dirty = true
		if !o.good() {
			b.save(point{Group: "disk", Name: f.name}, o)
		}
		return o
	}
	return p
}

func cut(s, end string) (string, bool) {
	before, found := strings.CutSuffix(s, end)
	return before, found
}

func expand(text string, b *bench) string {
	return strings.NewReplacer("DISK", b.disk(), "STATE", b.state).Replace(text)
}

// stateOf takes the line state: out of a config; bench.config writes its own.
func stateOf(config string) ([2]string, bool) {
	rest, ok := strings.CutPrefix(config, "state: ")
	if !ok {
		return [2]string{}, false
	}
	path, rest, _ := strings.Cut(rest, "\n")
	return [2]string{path, rest}, true
}
