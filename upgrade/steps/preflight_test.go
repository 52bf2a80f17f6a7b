package steps

import (
	"testing"

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
	cs := []docker.Container{{Service: "minio"}}
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
