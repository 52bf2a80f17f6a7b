package registry

import (
	"encoding/base64"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	server "github.com/google/go-containerregistry/pkg/registry"

	"github.com/belaystack/belay/lint/image"
)

// keys are the same credentials for every registry.
type keys struct{ user, password string }

func (k keys) Resolve(authn.Resource) (authn.Authenticator, error) {
	return &authn.Basic{Username: k.user, Password: k.password}, nil
}

// TestDigest: what a pull would bring is known before it, also of a registry that lets in
// only whom it knows, and of one that does not answer without a body.
func TestDigest(t *testing.T) {
	inner := server.New(server.Logger(log.New(io.Discard, "", 0)))
	var private, bodies bool
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		switch {
		case private && password != "canary":
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		case bodies && r.Method == http.MethodHead:
			w.WriteHeader(http.StatusMethodNotAllowed)
		default:
			inner.ServeHTTP(w, r)
		}
	}))
	defer srv.Close()
	host := strings.TrimPrefix(srv.URL, "http://")
	img, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm64"}}})
	want, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.ParseReference(host + "/acme/app:1")
	if err == nil {
		err = remote.WriteIndex(tag, index)
	}
	if err != nil {
		t.Fatal(err)
	}
	parse := func(s string) image.Ref {
		ref, err := image.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return ref
	}
	pinned := "sha256:" + strings.Repeat("a", 64)
	for _, tt := range []struct {
		name            string
		ref             string
		keys            authn.Keychain
		private, bodies bool
		want, err       string
	}{
		{"of several platforms", host + "/acme/app:1", nil, false, false, want.String(), ""},
		{"without an answer to HEAD", host + "/acme/app:1", nil, false, true, want.String(), ""},
		{"with credentials", host + "/acme/app:1", keys{"me", "canary"}, true, false, want.String(), ""},
		{"without credentials", host + "/acme/app:1", nil, true, false, "", "it answered 401"},
		{"with wrong ones", host + "/acme/app:1", keys{"me", "other"}, true, false, "", "it answered 401"},
		{"not there", host + "/acme/app:2", nil, false, false, "", "it has no such image"},
		{"pinned", "registry.invalid/acme/app:2@" + pinned, nil, false, false, pinned, ""},
	} {
		private, bodies = tt.private, tt.bodies
		got, err := (&Client{Keys: tt.keys}).Digest(t.Context(), parse(tt.ref))
		said := ""
		if err != nil {
			said = err.Error()
		}
		if got != tt.want || said != tt.err {
			t.Errorf("%s: %q, error %q; want %q, %q", tt.name, got, said, tt.want, tt.err)
		}
		if strings.Contains(said, "canary") || strings.Contains(said, base64.StdEncoding.EncodeToString([]byte("me:canary"))) {
			t.Errorf("%s: a password is in the error: %s", tt.name, said)
		}
	}
	srv.Close()
	c := &Client{}
	for _, want := range []string{"it could not be reached", "it did not answer before"} {
		if _, err := c.Digest(t.Context(), parse(host+"/acme/app:1")); err == nil || err.Error() != want {
			t.Errorf("a server that is gone: %v, want %s", err, want)
		}
	}
}
