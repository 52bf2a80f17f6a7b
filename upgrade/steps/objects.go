package steps

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/belaystack/belay/upgrade/docker"
)

// objects refuses a stack that keeps files in object storage outside of it, unless
// belay.yml says what becomes of them: neither copies nor a way back would have them.
func (s *preflight) objects(ctx context.Context) error {
	if s.Spec.Options.WaiveObjectStore {
		return nil
	}
	cs, err := s.containers(ctx)
	if err != nil {
		return err
	}
	var errs []error
	var seen []string
	for _, c := range cs {
		key := objectStore(c.Env)
		if key == "" || inStack(c.Env, cs) || slices.Contains(seen, c.Service) {
			continue
		}
		seen = append(seen, c.Service)
		errs = append(errs, &Refusal{Reason: "service " + c.Service + " keeps files in object storage, which no backup here has", Found: key + " is set so",
			Needed: "a word on it in belay.yml", Next: "backup.object-storage: covered, with a command of yours in backup.commands; or waived"})
	}
	return errors.Join(errs...)
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
		if slices.ContainsFunc(cs, func(c docker.Container) bool { return c.Service == host }) {
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
