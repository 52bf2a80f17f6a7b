package backup

import (
	"context"
	"fmt"
	"slices"
)

// Verified is what a verification has read.
type Verified struct {
	Contents int
	Stored   int64 // bytes on disk
	Plain    int64 // bytes decompressed; 0 when an encrypted one was not decrypted
	Opened   bool  // false: no identity, so only the stored bytes were compared
}

// Verify reads every content from disk and compares its stored bytes and, when it
// can be read, what they decompress to. Any difference is a *DamageError. It takes
// the caller's word for those in except, which are counted all the same: to read
// them through [Backup.Reader] to io.EOF compares as much.
func (b *Backup) Verify(ctx context.Context, except ...string) (Verified, error) {
	v := Verified{Contents: len(b.Contents), Opened: b.Readable()}
	if v.Opened {
		if _, err := b.Details(); err != nil {
			return v, err
		}
	}
	for _, c := range b.Contents {
		var plain int64
		var err error
		switch {
		case slices.Contains(except, c.Name):
			plain = b.plain(c)
		case v.Opened:
			plain, err = b.verifyPlain(ctx, c)
		default:
			err = b.verifyStored(ctx, c)
		}
		if err != nil {
			return v, fmt.Errorf("backup %s: verify: %w", b.ID, err)
		}
		v.Stored += c.Size
		v.Plain += plain
	}
	return v, nil
}

// plain is how many bytes a content decompresses to, by the manifest.
func (b *Backup) plain(c Content) int64 {
	if b.Detail == nil {
		return 0
	}
	return b.Detail.Plain[c.Name].Size
}

func (b *Backup) verifyPlain(ctx context.Context, c Content) (int64, error) {
	var want *Sum
	if sum, ok := b.Detail.Plain[c.Name]; ok {
		want = &sum
	}
	r, err := b.reader(c, want)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	return drain(ctx, r)
}

func (b *Backup) verifyStored(ctx context.Context, c Content) error {
	f, err := b.openContent(c)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = drain(ctx, storedReader(f, c))
	return err
}
