package github

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
)

// File gives a file of an upstream repository as it stands at ref, a tag, a
// branch, a commit, or "" for the newest. It is at most 8 MiB. The raw media
// type gives also those over 1 MB whole, and what a symlink points at.
func (c *Client) File(ctx context.Context, repo, path, ref string) ([]byte, error) {
	op := "read " + cut(path) + " of"
	base, err := repoPath(op, repo)
	if err != nil {
		return nil, err
	}
	if err := checkRef(op, repo, ref); err != nil {
		return nil, err
	}
	if !fs.ValidPath(path) || path == "." {
		return nil, &Error{Op: op, Repo: repo, Kind: Invalid, Err: errName("not a path")}
	}
	to := base + "/contents/" + escape(path)
	if ref != "" {
		to += "?ref=" + url.QueryEscape(ref)
	}
	data, err := c.get(ctx, fetch{op: op, repo: repo, s: c.upstream, path: to, accept: raw, fresh: freshAt(ref)})
	switch {
	case err != nil:
		return nil, err
	case len(data) > objectMax:
		return nil, tooLarge(op, repo, path)
	case isListing(data):
		return nil, &Error{Op: op, Repo: repo, Kind: NotFound, Err: errName("it is a folder")}
	}
	return data, nil
}

// isListing tells what GitHub answers for a folder from a file in JSON.
func isListing(data []byte) bool {
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		return false
	}
	var entries []struct {
		SHA  string `json:"sha"`
		Git  string `json:"git_url"`
		Self *struct {
			Git string `json:"git"`
		} `json:"_links"`
	}
	return json.Unmarshal(data, &entries) == nil && len(entries) > 0 && isCommit(entries[0].SHA) && entries[0].Git != "" && entries[0].Self != nil
}

func tooLarge(op, repo, path string) error {
	return &Error{Op: op, Repo: repo, Kind: TooLarge, Err: fmt.Errorf("%s has more than %d MiB", cut(path), objectMax>>20)}
}

// blob gives the content of a git object, which its id proves.
func (c *Client) blob(ctx context.Context, s *server, op, repo, oid string) ([]byte, error) {
	return c.get(ctx, fetch{op: op, repo: repo, s: s, path: blobPath(repo, oid), accept: raw, fresh: forever, keep: keepProven,
		sound: func(data []byte) bool { return isBlob(data, oid) }})
}

func blobPath(repo, oid string) string { return "repos/" + repo + "/git/blobs/" + oid }

// blobKey is under what get keeps a blob.
func blobKey(s *server, repo, oid string) string {
	return raw + " " + s.api.String() + blobPath(repo, oid)
}

// isBlob reports whether data is the content that git knows as oid.
func isBlob(data []byte, oid string) bool {
	head := fmt.Appendf(nil, "blob %d\x00", len(data))
	if len(oid) == 2*sha256.Size {
		h := sha256.New()
		h.Write(head)
		h.Write(data)
		return hex.EncodeToString(h.Sum(nil)) == oid
	}
	h := sha1.New()
	h.Write(head)
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil)) == oid
}

// isText is git's own test: no zero byte in the first 8,000.
func isText(data []byte) bool {
	return bytes.IndexByte(data[:min(len(data), 8000)], 0) < 0
}
