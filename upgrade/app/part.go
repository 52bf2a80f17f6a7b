package app

import (
	"cmp"
	"context"
	"net/url"
	"path"
	"strings"

	"github.com/belaystack/belay/upgrade/docker"
)

// Kind is what a part of an application's data is.
type Kind string

// The kinds. A user accepts by them that a backup lacks something.
const (
	Database      Kind = "database"
	Files         Kind = "files"
	VectorStore   Kind = "vector-store"
	ObjectStorage Kind = "object-storage"
)

// Kinds are all of them.
var Kinds = []string{string(Database), string(Files), string(ObjectStorage), string(VectorStore)}

// Part is one piece of an application's data. All parts of an application belong to one
// moment: rows name files and vectors, and a private key lies among the files.
type Part struct {
	App     string
	Name    string // "plugins' database"
	Kind    Kind
	Service string // of the stack, that has it
	Path    string // of Files, in the container of Service
	Missing string // why no service of the stack has it
}

// Parts are what must be backed up together of Dify. Its object storage is the business of
// whoever asks all services for it.
func (d *Dify) Parts(ctx context.Context) []Part {
	var out []Part
	add := func(p Part) { p.App = "Dify"; out = append(out, p) }
	first := d.servers()[0]
	add(d.databaseOf(ctx, first, "database"))
	if kind := first.Env["STORAGE_TYPE"].Reveal(); kind == "" || kind == "opendal" || kind == "local" {
		// OPENDAL_FS_ROOT and STORAGE_LOCAL_PATH: api/configs/middleware/storage; both are
		// "storage" by default, in the working folder /app/api. With it go the private keys
		// of all workspaces.
		root := "OPENDAL_FS_ROOT"
		if kind == "local" {
			root = "STORAGE_LOCAL_PATH"
		}
		add(Part{Name: "files and private keys", Kind: Files, Service: first.Service, Path: within("/app/api", cmp.Or(first.Env[root].Reveal(), "storage"))})
	}
	for _, m := range d.Daemons {
		add(d.databaseOf(ctx, m, "plugins' database"))
		if kind := m.Env["PLUGIN_STORAGE_TYPE"].Reveal(); kind == "" || kind == "local" {
			add(Part{Name: "plugins", Kind: Files, Service: m.Service, Path: within("/app", cmp.Or(m.Env["PLUGIN_STORAGE_LOCAL_ROOT"].Reveal(), "storage"))})
		}
	}
	if p, ok := d.vectors(first); ok {
		add(p)
	}
	return out
}

// within is a path as a program in the folder takes it.
func within(folder, p string) string {
	if path.IsAbs(p) {
		return path.Clean(p)
	}
	return path.Join(folder, p)
}

func (d *Dify) databaseOf(ctx context.Context, m Member, name string) Part {
	p := Part{Name: name, Kind: Database}
	address, err := setting(ctx, d.st, m, "DB_HOST", "localhost")
	if err == nil {
		p.Service, err = host(d.st.Members(), address)
	}
	if err != nil {
		p.Missing = why(err)
	}
	return p
}

// vectors is where the vectors are. Each store has variables of its own, whose names begin
// with the store's: api/configs/middleware/vdb. false: they do not say where it is.
func (d *Dify) vectors(m Member) (Part, bool) {
	store := m.Env["VECTOR_STORE"].Reveal()
	p := Part{Name: "vectors", Kind: VectorStore}
	for _, suffix := range []string{"_ENDPOINT", "_URL", "_URI", "_HOST"} {
		address := m.Env[strings.ToUpper(strings.ReplaceAll(store, "-", "_"))+suffix].Reveal()
		if store == "" || address == "" {
			continue
		}
		if u, err := url.Parse(address); err == nil && u.Host != "" {
			address = u.Host
		}
		if p.Service, _ = host(d.st.Members(), address); p.Service == "" {
			p.Missing = "its vector store is no service of this stack"
		}
		return p, true
	}
	return Part{}, false
}

// Parts are what must be backed up together of n8n: packages/@n8n/config, database.config.ts
// and instance-settings; packages/core, binary-data.config.ts.
func (n *N8N) Parts(ctx context.Context) []Part {
	if len(n.Mains) == 0 {
		return nil
	}
	m := n.Mains[0] // all main instances have the same
	p := Part{App: "n8n", Name: "database", Kind: Database}
	home := path.Join(cmp.Or(m.Env["N8N_USER_FOLDER"].Reveal(), "/home/node"), ".n8n")
	kind, err := setting(ctx, n.st, m, "DB_TYPE", "sqlite")
	switch {
	case err != nil:
	case kind == "sqlite":
		p.Kind, p.Service, p.Path = Files, m.Service, home
	default:
		key := "DB_MYSQLDB_HOST"
		if kind == "postgresdb" {
			key = "DB_POSTGRESDB_HOST"
		}
		var address string
		if address, err = setting(ctx, n.st, m, key, "localhost"); err == nil {
			p.Service, err = host(n.st.Members(), address)
		}
	}
	if err != nil {
		p.Missing = why(err)
	}
	out := []Part{p}
	if m.Env["N8N_DEFAULT_BINARY_DATA_MODE"].Reveal() == "filesystem" {
		out = append(out, Part{App: "n8n", Name: "files of executions", Kind: Files, Service: m.Service,
			Path: path.Clean(cmp.Or(m.Env["N8N_BINARY_DATA_STORAGE_PATH"].Reveal(), path.Join(home, "binaryData")))})
	}
	return out
}

// Holds is the mount that has a path; false when the path is in the container itself, and
// goes with it.
func Holds(mounts []docker.Mount, p string) (docker.Mount, bool) {
	var best docker.Mount
	for _, m := range mounts {
		at := path.Clean(m.Destination)
		if (p == at || strings.HasPrefix(p, strings.TrimSuffix(at, "/")+"/")) && len(at) > len(best.Destination) {
			best = m
		}
	}
	return best, best.Destination != "" && best.Type != "tmpfs"
}
