package postgres

import (
	"slices"
	"strings"
	"testing"
)

// Index builds took the memory of the host, though the container had a limit; a job for each
// of 64 CPUs is more than a restore gains from.
func TestMeansOf(t *testing.T) {
	const gb = int64(1) << 30
	for said, want := range map[string]Means{
		"2 16000000000 max 67108864":                   {Jobs: 2, Memory: 2000000000},
		"2 1.6e+10 max 67108864":                       {Jobs: 2, Memory: 2000000000},
		"2 16000000000 1073741824 67108864":            {Jobs: 2, Memory: gb / 8},
		"2 16000000000 9223372036854771712 8589934592": {Jobs: 2, Memory: 2000000000, Shared: true},
		"2 16000000000 max 3000000000":                 {Jobs: 2, Memory: 2000000000}, // shared memory for one of them
		"2 0 1073741824 67108864":                      {Jobs: 2, Memory: gb / 8},     // what is free is not known
		"64 1000000000000 max 67108864":                {Jobs: 8, Memory: 2 * gb},
		"1 100000000 max 67108864":                     {Jobs: 1, Memory: 64 << 20},
		"":                                             {Jobs: 1, Memory: 64 << 20},
	} {
		if got := meansOf(strings.Fields(said)); got != want {
			t.Errorf("%q: %+v, want %+v", said, got, want)
		}
	}
}

// What another major version's server changes by itself is no difference; all else is.
func TestCarried(t *testing.T) {
	sorting := []string{"encoding", "provider", "collate", "ctype", "locale", "rules"}
	print := func(vector, sorted, owner string) *Fingerprint {
		f := &Fingerprint{Extensions: map[string]string{"vector": vector}, Settings: map[string]string{"owner": owner}}
		for _, key := range sorting {
			f.Settings[key] = sorted
		}
		return f
	}
	var all []string
	for _, key := range slices.Sorted(slices.Values(sorting)) {
		all = append(all, "setting of the database: "+key+" differs")
	}
	for _, c := range []struct {
		name   string
		now    *Fingerprint
		system bool
		want   []string
	}{
		{"a newer extension", print("0.8.10", "a", "o"), false, nil},
		{"an older one", print("0.7.9", "a", "o"), false, []string{"extension vector: 0.7.9, was 0.8.0"}},
		{"none", &Fingerprint{Settings: print("", "a", "o").Settings}, false, []string{"extension vector: none, was 0.8.0"}},
		{"sorted otherwise", print("0.8.0", "b", "o"), false, all},
		{"one of the server's own sorted otherwise", print("0.8.0", "b", "o"), true, nil},
		{"of another", print("0.8.0", "a", "p"), true, []string{"setting of the database: owner differs"}},
	} {
		was := print("0.8.0", "a", "o")
		if c.now.Carried(was, c.system); !slices.Equal(c.now.Diff(was), c.want) {
			t.Errorf("%s: %q, want %q", c.name, c.now.Diff(was), c.want)
		}
	}
}
