package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/belaystack/belay/"

// base is the layer that all the others read and that reads none of them.
var baseLayer = []string{"lint/source", "lint/compose", "lint/image", "lint/dotenv", "release/catalog"}

// TestLayers: imports point one way, as design has it: cmd to upgrade, release
// and lint, which do not import one another; all of them to the base layer.
func TestLayers(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "../../...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var pkg struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&pkg); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		from := strings.TrimPrefix(pkg.ImportPath, module)
		for _, name := range []string{"util", "common", "helpers", "shared", "types", "models"} {
			if strings.HasSuffix(from, "/"+name) {
				t.Errorf("package %s: a name that says nothing", from)
			}
		}
		for _, imported := range pkg.Imports {
			to, own := strings.CutPrefix(imported, module)
			if !own {
				continue
			}
			seen++
			if !allowed(from, to) {
				t.Errorf("%s imports %s", from, to)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d imports seen", seen)
	}
}

func layer(pkg string) string {
	for _, b := range baseLayer {
		if pkg == b || strings.HasPrefix(pkg, b+"/") {
			return "base"
		}
	}
	top, _, _ := strings.Cut(pkg, "/")
	return top
}

func allowed(from, to string) bool {
	switch f, t := layer(from), layer(to); f {
	case "base":
		return t == "base"
	case "cmd":
		return true
	default:
		return t == f || t == "base"
	}
}
