// Package registry asks the registry of an image what the image says of itself.
//
// What must stay true: the name of an image comes from a compose file that a
// stranger may have written, so that only registries on a list are asked; an
// answer is bounded in size; nobody's credentials are sent. Digest alone is for
// images that docker is about to pull by itself: it asks any registry, with the
// credentials that docker has for it.
package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/belaystack/belay/lint/image"
)

// public are the registries that anyone may ask. A pattern is path.Match's.
var public = []string{"docker.io", "ghcr.io", "quay.io", "lscr.io", "gcr.io", "*.gcr.io", "*.pkg.dev", "public.ecr.aws", "mcr.microsoft.com",
	"registry.gitlab.com", "registry.k8s.io", "docker.n8n.io", "docker.elastic.co", "docker.getcollate.io", "codeberg.org", "cr.weaviate.io", "cgr.dev"}

// maxAnswer bounds one answer of a registry, in bytes: manifests and image
// configurations are a few KB.
const maxAnswer = 4 << 20

// defaultTimeout is how long a registry may take for one image: what it can
// tell is not worth more of the run.
const defaultTimeout = 12 * time.Second

// Client asks registries. A registry that did not answer is not asked again,
// so that a stack with many of its images waits for it once.
type Client struct {
	Transport http.RoundTripper // nil: http.DefaultTransport
	Allow     []string          // registries besides the public ones: "registry.example.com", "127.0.0.1:5000"
	Timeout   time.Duration     // for one image; 0 is 12 seconds
	Keys      authn.Keychain    // for Digest; nil: none are sent

	mu     sync.Mutex
	silent map[string]bool // registries that did not answer
}

// sourceLabel is where an image says which repository it was built from:
// opencontainers/image-spec, annotations.md.
const sourceLabel = "org.opencontainers.image.source"

// Repository gives the repository on github.com that ref's image says it was
// built from, as "owner/name", and "" when it does not say or names another
// place. Of an image for several platforms that for linux/amd64 is read. The
// error may be printed.
func (c *Client) Repository(ctx context.Context, ref image.Ref) (string, error) {
	allowed := func(pattern string) bool { ok, _ := path.Match(pattern, ref.Registry); return ok }
	if !slices.ContainsFunc(public, allowed) && !slices.Contains(c.Allow, ref.Registry) {
		return "", fmt.Errorf("registry %s is not one of those that belay asks", ref.Registry)
	}
	label, err := asked(ctx, c, ref, c.label)
	if err != nil {
		return "", err
	}
	return repository(label), nil
}

// asked puts one question to the registry of ref, in bounded time; one that did not answer
// is not asked again.
func asked[T any](ctx context.Context, c *Client, ref image.Ref, ask func(context.Context, name.Reference) (T, error)) (T, error) {
	var none T
	parsed, err := name.ParseReference(ref.String())
	if err != nil {
		return none, errors.New("not the name of an image")
	}
	if c.isSilent(ref.Registry) {
		return none, errors.New("it did not answer before")
	}
	asking, cancel := context.WithTimeout(ctx, cmp.Or(c.Timeout, defaultTimeout))
	defer cancel()
	answer, err := ask(asking, parsed)
	if err != nil {
		if ctx.Err() == nil && (asking.Err() != nil || isGone(err)) {
			c.markSilent(ref.Registry)
		}
		return none, describe(asking, err)
	}
	return answer, nil
}

func (c *Client) isSilent(registry string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.silent[registry]
}

func (c *Client) markSilent(registry string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.silent == nil {
		c.silent = map[string]bool{}
	}
	c.silent[registry] = true
}

// label reads the source label of an image.
func (c *Client) label(ctx context.Context, parsed name.Reference) (string, error) {
	base := c.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	img, err := remote.Image(parsed, remote.WithContext(ctx), remote.WithAuth(authn.Anonymous), remote.WithTransport(bounded{base}),
		remote.WithUserAgent("belay"))
	if err != nil {
		return "", err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return "", err
	}
	return config.Config.Labels[sourceLabel], nil
}

// repoRE is compiled when a label is read: with its counts that takes half a
// millisecond.
var repoRE = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$`)
})

// repository takes owner and name out of the address of a repository.
func repository(label string) string {
	u, err := url.Parse(strings.TrimSpace(label))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "git" || u.Hostname() != "github.com" {
		return ""
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(parts) < 2 {
		return ""
	}
	repo := parts[0] + "/" + strings.TrimSuffix(parts[1], ".git")
	if !repoRE().MatchString(repo) || strings.Trim(parts[1], ".") == "" {
		return ""
	}
	return repo
}

// describe is err without addresses and without the server's own words.
func describe(ctx context.Context, err error) error {
	var answer *transport.Error
	switch {
	case errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound:
		return errors.New("it has no such image")
	case errors.As(err, &answer):
		return fmt.Errorf("it answered %d", answer.StatusCode)
	case ctx.Err() != nil:
		return errors.New("it did not answer in time")
	}
	return errors.New("it could not be reached")
}

// bounded cuts what a server answers to maxAnswer.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(req)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	}
	return resp, err
}
