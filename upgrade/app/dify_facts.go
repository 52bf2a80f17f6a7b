package app

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/belaystack/belay/lint/image"
)

// Facts are what an upgrade of Dify must keep.
func (d *Dify) Facts(ctx context.Context) []Fact {
	out := d.api(ctx)
	out = append(out, d.sameVersion(ctx), d.console(ctx), d.sandbox(ctx), d.daemon(ctx))
	return append(out, d.Still(ctx)...)
}

// Still are those of the facts that can be asked while Dify stands still. Until then people
// go on with their work.
func (d *Dify) Still(ctx context.Context) []Fact {
	return append(d.counts(ctx), d.pluginCounts(ctx)...)
}

func (d *Dify) fact(name string, rule Rule) Fact { return Fact{App: "Dify", Name: name, Rule: rule} }

// api asks the server itself: /health touches neither the database nor Redis and tells the
// build (api/extensions/ext_app_metrics.py), /v1/ the version, and /console/api/setup reads
// the table dify_setups. A Dify that is not set up although it was has lost its data, and
// lets anybody who comes first make himself its administrator.
func (d *Dify) api(ctx context.Context) []Fact {
	version, health, setup := d.fact("version", Told), d.fact("health", Same), d.fact("setup", Same)
	all := []*Fact{&version, &health, &setup}
	finish := func(err error) []Fact {
		var out []Fact
		for _, f := range all {
			if err != nil {
				f.Unasked = why(err)
			}
			out = append(out, *f)
		}
		return out
	}
	i := slices.IndexFunc(d.APIs, func(m Member) bool { return m.Running })
	if i < 0 {
		return finish(unknown("no api runs"))
	}
	base := d.apiBase(i)
	got, err := d.st.Ask(ctx, d.APIs[i].Service, Request{URL: base + "/health"}, Request{URL: base + "/v1/"}, Request{URL: base + "/console/api/setup"})
	if err != nil {
		return finish(err)
	}
	var h struct{ Status, Version string }
	if err := decode(got[0], "/health", &h); err != nil {
		health.Wrong = why(err)
	} else if health.Text = h.Status; h.Status != "ok" {
		health.Wrong = "/health says " + strconv.Quote(h.Status)
	}
	var v struct {
		Server string `json:"server_version"`
	}
	if err := decode(got[1], "/v1/", &v); err != nil {
		version.Unasked = why(err)
	}
	version.Text = cmp.Or(v.Server, h.Version)
	tag := exactTag(d.APIs[i].Image)
	built := cmp.Or(got[0].Headers["X-Version"], h.Version, v.Server)
	// A tag may say more than the version: 1.13.3-ours.
	if tag != "" && built != "" && built != tag && !strings.HasPrefix(tag, built+"-") {
		version.Wrong = fmt.Sprintf("the image is %s, and the program says that it is %s", tag, built)
	}
	var s struct{ Step string }
	if err := decode(got[2], "/console/api/setup", &s); err != nil {
		setup.Wrong = why(err)
	} else if setup.Text = s.Step; s.Step != "finished" {
		setup.Wrong = neverSetUp(s.Step)
	}
	return finish(nil)
}

func neverSetUp(step string) string {
	return fmt.Sprintf("Dify says that it was never set up (%s): its data are not there", step)
}

// apiBase is the address of an api from within its network.
func (d *Dify) apiBase(i int) string {
	return "http://127.0.0.1:" + cmp.Or(d.APIs[i].Env["DIFY_PORT"].Reveal(), "5001")
}

// exactTag is the version that a tag names; "" for one that names none.
func exactTag(ref image.Ref) string {
	if v := ref.Read().Version; len(v.Numbers()) == 3 {
		return ref.Tag
	}
	return ""
}

// versionLine finds the version in api/pyproject.toml, which the image has from 1.0 on.
var versionLine = regexp.MustCompile(`(?m)^version\s*=\s*"([^"]+)"`)

// sameVersion compares what the containers of one image report, not what their tags say.
func (d *Dify) sameVersion(ctx context.Context) Fact {
	f := d.fact("same version in all services", Told)
	seen := map[string][]string{}
	for _, m := range d.servers() {
		data, err := d.st.File(ctx, m.Service, "/app/api/pyproject.toml")
		if err != nil {
			f.Unasked = m.Service + " has no file with its version"
			return f
		}
		v := versionLine.FindSubmatch(data)
		if v == nil {
			f.Unasked = "the file with the version of " + m.Service + " names none"
			return f
		}
		seen[string(v[1])] = append(seen[string(v[1])], m.Service)
	}
	if len(seen) > 1 {
		f.Wrong = "they have different versions: " + spread(seen)
	}
	f.Text = spread(seen)
	return f
}

// console asks the web container for its first page.
func (d *Dify) console(ctx context.Context) Fact {
	return d.answers(ctx, "console", d.Webs, "PORT", "3000", "/", func(r Response) bool { return r.Status < 400 })
}

// sandbox: GET /health is public and answers "ok" (dify-sandbox, router.go).
func (d *Dify) sandbox(ctx context.Context) Fact {
	return d.answers(ctx, "sandbox", d.Boxes, "SANDBOX_PORT", "8194", "/health", func(r Response) bool {
		return r.Status == 200 && bytes.Contains(r.Body, []byte("ok"))
	})
}

// answers asks the first of the services once, on the port that a variable of it names.
func (d *Dify) answers(ctx context.Context, name string, of []Member, variable, port, path string, good func(Response) bool) Fact {
	f := d.fact(name, Told)
	if len(of) == 0 {
		f.Unasked = "no " + name + " in this stack"
		return f
	}
	f.Service = of[0].Service
	got, err := d.st.Ask(ctx, f.Service, Request{URL: "http://127.0.0.1:" + cmp.Or(of[0].Env[variable].Reveal(), port) + path})
	switch {
	case err != nil:
		f.Unasked = why(err)
	case got[0].Error != "":
		f.Wrong = "no answer: " + got[0].Error
	case !good(got[0]):
		f.Wrong = fmt.Sprintf("%s answers %d", path, got[0].Status)
	}
	if f.Unasked+f.Wrong == "" {
		f.Text = fmt.Sprintf("HTTP %d", got[0].Status)
	}
	return f
}

// daemon asks the plugin daemon for its health and version.
func (d *Dify) daemon(ctx context.Context) Fact {
	f := d.fact("plugin daemon", Told)
	if len(d.Daemons) == 0 {
		f.Unasked = "no plugin daemon in this stack"
		return f
	}
	f.Service = d.Daemons[0].Service
	var health struct{ Status, Version string }
	if err := d.json(ctx, d.Daemons[0], cmp.Or(d.Daemons[0].Env["SERVER_PORT"].Reveal(), "5002"), "/health/check", &health); err != nil {
		f.Wrong = why(err)
		return f
	}
	f.Text = strings.TrimSpace(health.Status + " " + health.Version)
	if health.Status != "ok" {
		f.Wrong = "its health says " + strconv.Quote(health.Status)
	}
	return f
}

// counts are the things that users would miss. Those of documents and segments are of what
// was indexed: a worker that takes up its work again may add some.
func (d *Dify) counts(ctx context.Context) []Fact {
	var out []Fact
	for _, table := range []string{"apps", "datasets", "documents", "document_segments"} {
		out = append(out, d.count(ctx, d.fact(strings.ReplaceAll(table, "_", " "), NotFewer), d.server, d.db, d.schema, table, d.noSQL))
	}
	return out
}

// pluginCounts are those of the plugin daemon's own database, which it makes anew when it
// is missing, without a word (dify-plugin-daemon, internal/db/pg).
func (d *Dify) pluginCounts(ctx context.Context) []Fact {
	if len(d.Daemons) == 0 {
		return nil
	}
	m := d.Daemons[0]
	server, err := host(d.st.Members(), cmp.Or(m.Env["DB_HOST"].Reveal(), "localhost"))
	db := cmp.Or(m.Env["DB_DATABASE"].Reveal(), "dify_plugin")
	schema := ""
	if err == nil {
		schema, err = homeOf(ctx, d.st, server, db, "plugins")
	}
	var out []Fact
	for _, table := range []string{"plugins", "plugin_installations"} {
		out = append(out, d.count(ctx, d.fact(strings.ReplaceAll(table, "_", " "), NotFewer), server, db, schema, table, err))
	}
	return out
}

func (d *Dify) count(ctx context.Context, f Fact, server, db, schema, table string, err error) Fact {
	var rows [][]string
	if err == nil {
		rows, err = d.st.Query(ctx, server, db, "SELECT count(*)::text FROM "+quoted(schema)+"."+quoted(table))
	}
	if err != nil {
		f.Unasked = why(err)
		return f
	}
	f.Count, _ = strconv.ParseInt(rows[0][0], 10, 64)
	return f
}
