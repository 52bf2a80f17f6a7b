package registry

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	server "github.com/google/go-containerregistry/pkg/registry"

	"github.com/belaystack/belay/lint/image"
)

// TestRepository pushes images into a registry and asks for their source.
func TestRepository(t *testing.T) {
	srv := httptest.NewServer(server.New(server.Logger(log.New(io.Discard, "", 0))))
	defer srv.Close()
	host := strings.TrimPrefix(srv.URL, "http://")
	push := func(tag string, labels map[string]string, index bool) image.Ref {
		img, err := random.Image(100, 1)
		if err == nil {
			img, err = mutate.Config(img, v1.Config{Labels: labels})
		}
		if err != nil {
			t.Fatal(err)
		}
		ref, err := name.ParseReference(host + "/acme/" + tag)
		if err == nil && index {
			platform := &v1.Platform{OS: "linux", Architecture: "amd64"}
			err = remote.WriteIndex(ref, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: platform}}))
		} else if err == nil {
			err = remote.Write(ref, img)
		}
		if err != nil {
			t.Fatal(err)
		}
		out, err := image.Parse(host + "/acme/" + tag)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	missing, _ := image.Parse(host + "/acme/none:1")
	elsewhere, _ := image.Parse("registry.internal:5000/acme/app:1")
	for _, tt := range []struct {
		name string
		ref  image.Ref
		want string
		err  string
	}{
		{"labelled", push("app:1", map[string]string{sourceLabel: "https://github.com/acme/app"}, false), "acme/app", ""},
		{"git suffix, deep path", push("app:2", map[string]string{sourceLabel: "https://github.com/acme/app.git/tree/main"}, false), "acme/app", ""},
		{"several platforms", push("app:3", map[string]string{sourceLabel: "https://github.com/acme/multi"}, true), "acme/multi", ""},
		{"no labels", push("app:4", nil, false), "", ""},
		{"another host", push("app:5", map[string]string{sourceLabel: "https://github.com.evil.example/acme/app"}, false), "", ""},
		{"no repository", push("app:6", map[string]string{sourceLabel: "https://github.com/../.."}, false), "", ""},
		{"not there", missing, "", "it has no such image"},
		{"not on the list", elsewhere, "", "registry registry.internal:5000 is not one of those that belay asks"},
	} {
		c := &Client{Allow: []string{host}}
		got, err := c.Repository(context.Background(), tt.ref)
		said := ""
		if err != nil {
			said = err.Error()
		}
		if got != tt.want || said != tt.err {
			t.Errorf("%s: %q, error %q; want %q, %q", tt.name, got, said, tt.want, tt.err)
		}
	}
	srv.Close()
	c := &Client{Allow: []string{host}}
	for _, want := range []string{"it could not be reached", "it did not answer before"} {
		if _, err := c.Repository(context.Background(), missing); err == nil || err.Error() != want {
			t.Errorf("a server that is gone: %v, want %s", err, want)
		}
	}
}

// TestSilent: one registry that did not answer used to hold up the run once
// for each of its images, until the time for all notes was used up.
func TestSilent(t *testing.T) {
	var asked atomic.Int32
	hung := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		<-r.Context().Done()
	}))
	defer hung.Close()
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer busy.Close()
	ref := func(srv *httptest.Server, app string) image.Ref {
		out, err := image.Parse(strings.TrimPrefix(srv.URL, "http://") + "/acme/" + app)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	c := &Client{Timeout: 500 * time.Millisecond, Allow: []string{ref(hung, "a").Registry, ref(busy, "a").Registry}}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Repository(cancelled, ref(hung, "a:1")); err == nil || len(c.silent) > 0 {
		t.Errorf("a run that was stopped says nothing of the registry: %v, %v", err, c.silent)
	}
	asked.Store(0)
	for _, tt := range []struct {
		ref   image.Ref
		want  string
		asked int32
	}{
		{ref(hung, "a:1"), "it did not answer in time", 1},
		{ref(hung, "b:1"), "it did not answer before", 1},
		{ref(busy, "a:1"), "it answered 403", 1},
		{ref(busy, "b:1"), "it answered 403", 1}, // that is an answer
	} {
		start := time.Now()
		if _, err := c.Repository(context.Background(), tt.ref); err == nil || err.Error() != tt.want || asked.Load() != tt.asked {
			t.Errorf("%s: %v with %d questions to the one that hangs; want %s", tt.ref, err, asked.Load(), tt.want)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: took %s", tt.ref, took)
		}
	}
}
