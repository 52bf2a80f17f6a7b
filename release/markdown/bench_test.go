package markdown

import (
	"bytes"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
)

// hundred is the text of the 100 newest releases of n8n.
func hundred(b *testing.B) ([]byte, int) {
	src := corpus(b, "n8n/CHANGELOG.md.1.99.0")
	size := 0
	for _, e := range Changelog(src)[:100] {
		size += len(e.Body)
	}
	return src, size
}

// BenchmarkRead is what a dossier over 100 releases costs here; compare with
// BenchmarkGoldmark, the same text parsed and rendered as HTML.
func BenchmarkRead(b *testing.B) {
	src, size := hundred(b)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		var out strings.Builder
		for _, e := range Changelog(src)[:100] {
			for _, s := range Read(e.Body, Options{Repo: "n8n-io/n8n", Ref: "n8n@" + e.Version, Demote: 2}).Sections {
				for _, x := range s.Blocks {
					out.WriteString(x.Markdown)
				}
			}
		}
	}
}

func BenchmarkGoldmark(b *testing.B) {
	src, size := hundred(b)
	md := goldmark.New(goldmark.WithExtensions(extension.GFM))
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, e := range Changelog(src)[:100] {
			var out bytes.Buffer
			if err := md.Convert(e.Body, &out); err != nil {
				b.Fatal(err)
			}
		}
	}
}
