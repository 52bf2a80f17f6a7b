package steps

import (
	"errors"
	"testing"

	"github.com/belaystack/belay/upgrade/app"
	"github.com/belaystack/belay/upgrade/docker"
)

func TestObjectStore(t *testing.T) {
	for _, c := range []struct {
		env  map[string]docker.Secret
		want string
	}{
		{nil, ""},
		{map[string]docker.Secret{"STORAGE_TYPE": "opendal", "OPENDAL_SCHEME": "fs", "S3_ENDPOINT": "https://x"}, ""},
		{map[string]docker.Secret{"STORAGE_TYPE": "local", "OPENDAL_SCHEME": "s3"}, ""},
		{map[string]docker.Secret{"STORAGE_TYPE": "opendal", "OPENDAL_SCHEME": "S3"}, "OPENDAL_SCHEME"},
		{map[string]docker.Secret{"STORAGE_TYPE": "s3"}, "STORAGE_TYPE"},
		{map[string]docker.Secret{"N8N_AVAILABLE_BINARY_DATA_MODES": "filesystem, s3"}, "N8N_AVAILABLE_BINARY_DATA_MODES"},
		{map[string]docker.Secret{"N8N_EXTERNAL_STORAGE_S3_HOST": ""}, ""},
		{map[string]docker.Secret{"PLUGIN_STORAGE_TYPE": "aws_s3"}, "PLUGIN_STORAGE_TYPE"},
	} {
		if got := objectStore(c.env); got != c.want {
			t.Errorf("%v: %q, want %q", sortedKeys(c.env), got, c.want)
		}
	}
	cs := []docker.Container{{Service: "objects", Names: []string{"minio"}}}
	if !inStack(map[string]docker.Secret{"S3_ENDPOINT": "http://minio:9000/x"}, cs) || inStack(map[string]docker.Secret{"S3_ENDPOINT": "https://s3.example.com"}, cs) {
		t.Error("which store is in the stack")
	}
}

func TestOlder(t *testing.T) {
	for found, refused := range map[string]bool{"2.24.4": false, "v2.40.3": false, "2.24.3": true, "": true, "5.6.0": false, "2.24.5-desktop.1": false} {
		if err := older("compose", found, oldestCompose); (err != nil) != refused {
			t.Errorf("%q: %v", found, err)
		}
	}
}

// That workflows cannot be activated again would only show when the stack is down.
func TestPreflightAPIKey(t *testing.T) {
	key := app.N8NAPI{KeyEnv: "N8N_KEY"}
	for name, c := range map[string]struct {
		kind    Kind
		options Options
		config  app.N8NAPI
		set     string
		want    string
	}{
		"not wanted":  {Upgrade, Options{}, key, "", ""},
		"no name":     {Upgrade, Options{Reactivate: true}, app.N8NAPI{}, "", "no n8n.key-env in the deployed belay.yml"},
		"not set":     {Upgrade, Options{Reactivate: true}, key, "", "N8N_KEY is not set"},
		"in the file": {Upgrade, Options{}, app.N8NAPI{KeyEnv: "N8N_KEY", Reactivate: true}, "", "N8N_KEY is not set"},
		"set":         {Upgrade, Options{Reactivate: true}, key, "canary", ""},
		"a rollback":  {Rollback, Options{}, app.N8NAPI{Reactivate: true}, "", ""},
	} {
		s := &preflight{&Host{Spec: Spec{Kind: c.kind, Options: c.options, Config: Config{N8N: c.config}}, Getenv: func(name string) string {
			if name != "N8N_KEY" {
				return "another"
			}
			return c.set
		}}}
		err := s.apiKey(t.Context())
		var r *Refusal
		if errors.As(err, &r); (err == nil) != (c.want == "") || r != nil && r.Found != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
