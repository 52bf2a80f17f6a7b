package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/belaystack/belay/upgrade/app"
	"github.com/belaystack/belay/upgrade/backup"
	"github.com/belaystack/belay/upgrade/docker"
)

// uncovered refuses a stack with data that neither copies nor a way back would have,
// unless the user said what becomes of them: by belay.yml, or with a flag.
func (s *preflight) uncovered(ctx context.Context) error {
	cs, err := s.containers(ctx)
	if err != nil {
		return err
	}
	var errs []error
	var seen []string
	for _, c := range cs {
		key := objectStore(c.Env)
		if key == "" || inStack(c.Env, cs) || slices.Contains(seen, c.Service) || s.accepted(app.ObjectStorage) {
			continue
		}
		seen = append(seen, c.Service)
		errs = append(errs, s.refusal(app.ObjectStorage, "service "+c.Service+" keeps files in object storage, which no backup here has", key+" is set so"))
	}
	parts, err := s.parts(ctx)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if p.Missing != "" && !s.accepted(p.Kind) {
			errs = append(errs, s.refusal(p.Kind, "no backup here has the "+p.Name+" of "+p.App, p.Missing))
		}
	}
	return errors.Join(append(errs, s.uncommanded())...)
}

// uncommanded refuses a kind of data that belay.yml says is covered, by nothing.
func (s *preflight) uncommanded() error {
	if len(s.Spec.Config.Covered) == 0 || len(s.Spec.Config.BackUp) > 0 {
		return nil
	}
	return &Refusal{Reason: "belay.yml says that data outside of the stack is backed up, and no command does it", Found: "backup.covered without backup.commands",
		Needed: "a command of yours in backup.commands", Next: "write it; or backup.accept-uncovered in the place of backup.covered"}
}

// refusal says how the lack of a kind of data is accepted.
func (s *preflight) refusal(kind app.Kind, reason, found string) error {
	needed := "a word on it"
	if kind == app.Files {
		needed = "a volume for it"
	}
	return &Refusal{Reason: reason, Found: found, Needed: needed,
		Next: fmt.Sprintf("backup.covered: [%s] in belay.yml, with a command of yours in backup.commands; or --accept-uncovered %s, and no rollback gives it back", kind, kind)}
}

func (s *preflight) accepted(kind app.Kind) bool {
	return slices.Contains(slices.Concat(s.Spec.Config.Covered, s.Spec.Config.Uncovered, s.Spec.Options.AcceptUncovered), kind)
}

// parts are the data of the applications that are known, each with what is missing of it. A
// folder that belay.yml excludes is not: the user said so.
func (h *Host) parts(ctx context.Context) ([]app.Part, error) {
	stack, err := h.apps(ctx)
	if err != nil {
		return nil, err
	}
	var out []app.Part
	for _, n := range stack.n8n(ctx) {
		out = append(out, n.Parts(ctx)...)
	}
	if d := app.FindDify(ctx, stack); d != nil {
		out = append(out, d.Parts(ctx)...)
	}
	for i, p := range out {
		if p.Path == "" {
			continue
		}
		c, err := stack.one(p.Service, false)
		if err != nil {
			return nil, err
		}
		if _, ok := app.Holds(c.Mounts, p.Path); !ok {
			// Not the path: it may be a value of .env.
			out[i].Missing = "their folder in " + p.Service + " is in no volume, and goes with the container"
		}
	}
	return out, nil
}

// together says for the manifest what of an application lies in the backup and belongs to
// one moment.
func (h *Host) together(ctx context.Context) ([]backup.Together, error) {
	parts, err := h.parts(ctx)
	if err != nil {
		return nil, err
	}
	cs, err := h.containers(ctx)
	if err != nil {
		return nil, err
	}
	var out []backup.Together
	for _, p := range parts {
		i := slices.IndexFunc(out, func(t backup.Together) bool { return t.App == p.App })
		if i < 0 {
			i, out = len(out), append(out, backup.Together{App: p.App})
		}
		where := p.Service
		if c := slices.IndexFunc(cs, func(c docker.Container) bool { return c.Service == p.Service }); c >= 0 && p.Path != "" && p.Missing == "" {
			m, _ := app.Holds(cs[c].Mounts, p.Path)
			where += ":" + m.Destination
			if _, whole := excluded(h.Spec.Config.Exclude, p.Service, m.Destination); whole {
				p.Missing = "belay.yml excludes it"
			}
		}
		out[i].Parts = append(out[i].Parts, backup.Part{Name: p.Name, Where: where, Missing: p.Missing})
	}
	return out, nil
}

// stores are the values of variables that say where an application keeps its files:
// STORAGE_TYPE of dify (api/configs/middleware), N8N_DEFAULT_BINARY_DATA_MODE and
// N8N_AVAILABLE_BINARY_DATA_MODES of n8n (packages/core, binary-data.config.ts),
// PLUGIN_STORAGE_TYPE of dify-plugin-daemon.
var stores = map[string][]string{
	"STORAGE_TYPE":                        {"s3", "aliyun-oss", "azure-blob", "baidu-obs", "google-storage", "huawei-obs", "oci-storage", "tencent-cos", "volcengine-tos", "supabase", "clickzetta-volume"},
	"PLUGIN_STORAGE_TYPE":                 {"aws_s3", "s3", "tencent_cos", "tencent", "azure_blob", "aliyun_oss", "volcengine_tos", "huawei_obs", "gcs"},
	"OPENDAL_SCHEME":                      {"s3", "azblob", "gcs", "oss", "cos", "obs", "b2", "swift", "webdav", "webhdfs"},
	"N8N_DEFAULT_BINARY_DATA_MODE":        {"s3"},
	"N8N_AVAILABLE_BINARY_DATA_MODES":     {"s3"},
	"N8N_EXTERNAL_STORAGE_S3_HOST":        nil,
	"N8N_EXTERNAL_STORAGE_S3_BUCKET_NAME": nil,
}

// inStack reports whether the endpoint of an object store is a service of the stack,
// whose volumes are backed up.
func inStack(env map[string]docker.Secret, cs []docker.Container) bool {
	for _, key := range []string{"S3_ENDPOINT", "N8N_EXTERNAL_STORAGE_S3_HOST", "OPENDAL_S3_ENDPOINT"} {
		host := env[key].Reveal()
		if _, after, ok := strings.Cut(host, "://"); ok {
			host = after
		}
		host, _, _ = strings.Cut(host, "/")
		host, _, _ = strings.Cut(host, ":")
		if slices.ContainsFunc(cs, func(c docker.Container) bool { return c.Service == host || slices.Contains(c.Names, host) }) {
			return true
		}
	}
	return false
}

// objectStore is the variable by which a service keeps files outside of the stack;
// "" for none. Those without a list count when they are not empty. A variable of
// another store that dify is given, but does not use, does not count.
func objectStore(env map[string]docker.Secret) string {
	for _, key := range sortedKeys(stores) {
		value := strings.ToLower(strings.TrimSpace(env[key].Reveal()))
		if key == "OPENDAL_SCHEME" && !slices.Contains([]string{"", "opendal"}, strings.ToLower(env["STORAGE_TYPE"].Reveal())) {
			continue
		}
		for _, one := range strings.Split(value, ",") {
			if one != "" && (stores[key] == nil || slices.Contains(stores[key], strings.TrimSpace(one))) {
				return key
			}
		}
	}
	return ""
}
