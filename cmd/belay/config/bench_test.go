package config

import (
	"testing"
)

// BenchmarkLoad includes generating and compiling the schema, as each run of
// the program does once for each belay.yml.
func BenchmarkLoad(b *testing.B) {
	root := open(b, "version: 1\nstacks: [{name: a, path: docker}]\nrules: {image-tag-floating: note}\n")
	for b.Loop() {
		if _, err := Load(root, "belay.yml", ruleIDs()); err != nil {
			b.Fatal(err)
		}
	}
}
