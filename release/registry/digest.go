package registry

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/belaystack/belay/lint/image"
)

// Digest gives the digest, "sha256:…", that a pull of ref would bring: that of the index,
// where the image is for several platforms. Credentials are those of Keys. The error may
// be printed.
func (c *Client) Digest(ctx context.Context, ref image.Ref) (string, error) {
	if ref.Digest != "" {
		return ref.Digest, nil
	}
	return asked(ctx, c, ref, c.digest)
}

// digest asks without a body first, which registries do not count as a pull. Not all of
// them answer that.
func (c *Client) digest(ctx context.Context, parsed name.Reference) (string, error) {
	base := c.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	keys := c.Keys
	if keys == nil {
		keys = authn.NewMultiKeychain()
	}
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(keys), remote.WithTransport(bounded{base}), remote.WithUserAgent("belay")}
	head, err := remote.Head(parsed, options...)
	if err == nil {
		return head.Digest.String(), nil
	}
	var answer *transport.Error
	if isGone(err) || ctx.Err() != nil || errors.As(err, &answer) && answer.StatusCode != http.StatusMethodNotAllowed {
		return "", err
	}
	whole, err := remote.Get(parsed, options...)
	if err != nil {
		return "", err
	}
	return whole.Digest.String(), nil
}

// isGone reports whether there was no answer, at https or at http.
func isGone(err error) bool {
	var answer *transport.Error
	var gone *url.Error // of net/http
	return errors.As(err, &gone) && !errors.As(err, &answer)
}
