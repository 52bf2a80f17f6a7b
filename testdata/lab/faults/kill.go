package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// all gives every point of a stack, in the order in which they are tried.
func all(s stack, rnd *rand.Rand, random int) []point {
	var out []point
	for n := 1; n <= s.good; n++ {
		out = append(out, killAfter("kill", n, "", n == 20 || n == 30))
	}
	for n := 1; n <= s.bad; n++ {
		out = append(out, killAfter("killbad", n, unverified, n == 36))
	}
	for n := range random {
		out = append(out, killAt("instant", fmt.Sprintf("%02d", n), time.Duration(rnd.Float64()*s.instants*1e9), n%2 == 1))
	}
	for n := 24; n <= 33; n++ {
		for _, k := range []int{1, 3, 6, 10} {
			out = append(out, killTwice(n, k))
		}
	}
	out = append(out, ends()...)
	if s.kind == "mini" {
		out = append(append(out, faults()...), runs()...)
	}
	return out
}

// unverified makes an upgrade fail at its last moment.
const unverified = "verify: {commands: [{name: own, run: [\"false\"]}]}\n"

// killAfter kills belay as soon as the entry number n is in the journal.
func killAfter(group string, n int, config string, quick bool) point {
	return point{Group: group, Name: fmt.Sprintf("after entry %02d", n), Quick: quick, Do: func(ctx context.Context, b *bench) outcome {
		o := outcome{}
		if o.Err = b.config(config); o.Err != nil {
			return o
		}
		known := len(b.journals())
		p, err := b.upgrade("--retry")
		if err != nil {
			return outcome{Err: err}
		}
		path, missed := b.until(ctx, p, known, n)
		p.kill()
		return b.reached(ctx, p, path, missed)
	}}
}

// reached is afterwards, for a point that is none when the command ended before it.
func (b *bench) reached(ctx context.Context, p *proc, path string, missed error) outcome {
	o := b.afterwards(ctx, p, path)
	if missed != nil && ctx.Err() == nil {
		o.World, o.Diff = "never there", []string{last(p.out.String(), 600)}
	}
	return o
}

// afterwards recovers and says at what it was.
func (b *bench) afterwards(ctx context.Context, p *proc, path string, more ...string) outcome {
	o := outcome{Exit: p.code}
	if entries := read(path); len(entries) > 0 {
		o.Note = "at " + entries[len(entries)-1].String()
	}
	r := b.recover(ctx, more...)
	o.Recover = r.codes
	if !r.ok() {
		o.World, o.Diff = "recover failed", []string{last(r.out, 1500), last(p.out.String(), 600)}
		return o
	}
	if n := b.stray(ctx); n != "" {
		o.World, o.Diff = "left something", []string{n}
	}
	return o
}

// stray names what nobody needs any more: helpers, one-offs, copies of databases, new volumes
// of a server that did not move there, and in the state folder files and backups that were
// not finished.
func (b *bench) stray(ctx context.Context) string {
	out, err := b.sh(ctx, `docker ps -a --filter label=belay.run --format '{{.Names}} {{.Status}}'
		docker ps -a --filter label=com.docker.compose.project="$(basename "$1")" --filter label=com.docker.compose.oneoff=True --format 'one-off {{.Names}}'
		pg=$(docker ps -q --filter label=com.docker.compose.project="$(basename "$1")" --filter label=com.docker.compose.service=postgres)
		docker exec "$pg" psql -X -A -t -U postgres -c "SELECT 'database ' || datname FROM pg_database WHERE datname ~ '__(belay|scratch)_'"
		for volume in $(docker volume ls -q --filter label=com.docker.compose.project="$(basename "$1")" | grep _pg); do docker ps -aq --filter "volume=$volume" | grep -q . || echo "volume $volume"; done
		[ ! -d "$2" ] || find "$2" -name '.belay-*'
		for backup in "$2"/*/backups/*/; do [ ! -d "$backup" ] || [ -e "$backup/manifest.json" ] || echo "no whole backup: $backup"; done`, b.dir, b.state)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(out)
}

// killAt kills belay at an instant.
func killAt(group, name string, at time.Duration, bad bool) point {
	return point{Group: group, Name: fmt.Sprintf("%s at %.3fs bad=%t", name, at.Seconds(), bad), Do: func(ctx context.Context, b *bench) outcome {
		config := ""
		if bad {
			config = unverified
		}
		if err := b.config(config); err != nil {
			return outcome{Err: err}
		}
		known := len(b.journals())
		p, err := b.upgrade("--retry")
		if err != nil {
			return outcome{Err: err}
		}
		select {
		case <-time.After(at):
			p.kill()
		case <-p.done:
		}
		path := ""
		if all := b.journals(); len(all) > known {
			path = all[len(all)-1]
		}
		return b.afterwards(ctx, p, path)
	}}
}

// killTwice kills an upgrade after entry n, and its recovery after k more.
func killTwice(n, k int) point {
	return point{Group: "recovery", Name: fmt.Sprintf("after entry %02d, then %d on", n, k), Quick: n == 31 && k == 3, Do: func(ctx context.Context, b *bench) outcome {
		known := len(b.journals())
		p, err := b.upgrade("--retry")
		if err != nil {
			return outcome{Err: err}
		}
		path, missed := b.until(ctx, p, known, n)
		p.kill()
		if missed != nil {
			return b.reached(ctx, p, path, missed)
		}
		r, err := b.start("recover", b.dir)
		if err != nil {
			return outcome{Err: err}
		}
		if _, missed := b.until(ctx, r, known, n+k); missed == nil {
			r.kill()
		} else {
			r.wait(ctx, time.Minute)
		}
		return b.afterwards(ctx, p, path)
	}}
}
