package base

import (
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// TestMergeBase writes history as "commit:parents", oldest first, each a minute
// younger than the one before; b in "wrong clock" is the youngest of all.
func TestMergeBase(t *testing.T) {
	for name, test := range map[string]struct {
		history          string
		ref, head, want  string
		alsoByGitProgram bool
	}{
		"linear, ref behind": {"a: b:a c:b", "b", "c", "b", true},
		"linear, ref ahead":  {"a: b:a c:b", "c", "b", "b", true},
		"same":               {"a:", "a", "a", "a", true},
		"fork":               {"a: b:a c:b d:b e:d f:c", "e", "f", "b", true},
		"merged before":      {"a: b:a c:a d:b,c e:c f:d", "e", "f", "c", true},
		"pull request merge": {"a: b:a c:a m:b,c", "b", "m", "b", true},
		"octopus":            {"a: b:a c:a d:a m:b,c,d e:d", "e", "m", "d", true},
		"crossed: newest":    {"a: b:a c:a d:b,c e:c,b", "d", "e", "c", false},
		// The clock of whoever made the older commit was ahead.
		"wrong clock": {"b: c:b e:c f:c", "e", "f", "c", true},
		"unrelated":   {"a: b:a x: y:x", "b", "y", "", false},
		// As a rebase makes them: the order of the queue is that of their ids.
		"one second":   {"a: b:a c:b d:c e:b m:e,d", "c", "m", "c", true},
		"one second 2": {"a: b:a c:b d:c f:d g:f e:b m:e,g", "d", "m", "d", true},
		"one second 3": {"z: a:z b:a c:b d:c f:d g:f e:b h:e m:h,g", "f", "m", "f", true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t)
			ids, names := map[string]plumbing.Hash{}, map[string]string{}
			now := r.tick
			for c := range strings.FieldsSeq(test.history) {
				id, parents, _ := strings.Cut(c, ":")
				var hashes []plumbing.Hash
				for p := range strings.SplitSeq(parents, ",") {
					if p != "" {
						hashes = append(hashes, ids[p])
					}
				}
				if !strings.HasPrefix(name, "one second") {
					now++
				}
				if r.tick = now; name == "wrong clock" && id == "b" {
					r.tick = 1000
				}
				ids[id] = r.commitTree(r.tree(entry(id, filemode.Regular, r.blob(id))), hashes...)
				names[ids[id].String()] = id
			}
			r.setRef("refs/heads/ref", ids[test.ref])
			r.setRef("refs/heads/master", ids[test.head])
			b, err := Open(t.Context(), openRoot(t, r.dir), Options{Ref: "ref", Temp: t.TempDir(), MergeBase: true})
			if test.want == "" {
				if err == nil || !strings.Contains(err.Error(), "no common history") {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			if names[b.Commit] != test.want {
				t.Errorf("got %s, want %s", names[b.Commit], test.want)
			}
			if test.alsoByGitProgram {
				if out := gitProgram(t, r.dir, "merge-base", "ref", "HEAD"); out != b.Commit {
					t.Errorf("git says %s", names[out])
				}
			}
		})
	}
}
