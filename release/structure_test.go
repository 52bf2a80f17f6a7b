package release

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStructure(t *testing.T) {
	for _, c := range []struct{ name, base, head, want string }{
		{"nothing", "services: {a: {image: acme/a:1}}", "services: {a: {image: acme/a:2}}", ""},
		{"added and removed", "services: {a: {image: acme/a:1}, b: {image: acme/b:1}}", "services: {a: {image: acme/a:1}, c: {image: acme/c:1}}",
			"service added c acme/c compose.yaml:1:34\nservice removed b acme/b\n"},
		{"renamed, by the app that it is", "services: {db: {image: postgres:15}}", "services: {db_postgres: {image: 'pgvector/pgvector:pg16'}}",
			"service renamed db_postgres was db pgvector/pgvector compose.yaml:1:12\n"},
		{"renamed, by the name of an image that is not known", "services: {a: {image: acme/a:1}}", "services: {b: {image: acme/a:2}}",
			"service renamed b was a acme/a compose.yaml:1:12\n"},
		{"two that came: no guess", "services: {db: {image: postgres:15}}", "services: {x: {image: postgres:15}, y: {image: postgres:15}}",
			"service added x postgres compose.yaml:1:12\nservice added y postgres compose.yaml:1:37\nservice removed db postgres\n"},
		{"two that went: no guess", "services: {x: {image: redis:7}, y: {image: redis:7}}", "services: {cache: {image: redis:7}}",
			"service added cache redis compose.yaml:1:12\nservice removed x redis\nservice removed y redis\n"},
		{"one that stays is none that went", "services: {x: {image: redis:7}}", "services: {x: {image: redis:7}, y: {image: redis:7}}",
			"service added y redis compose.yaml:1:33\n"},
		{"a volume renamed by its mount", "services: {r: {image: redis:7, volumes: ['data:/data']}}\nvolumes: {data: {}}",
			"services: {r: {image: redis:7, volumes: ['redis:/data']}}\nvolumes: {redis: {}}", "volume renamed redis was data compose.yaml:2:11\n"},
		{"a volume and its service", "services: {db: {image: postgres:15, volumes: ['old:/d']}}\nvolumes: {old: {}}",
			"services: {pg: {image: postgres:15, volumes: ['new:/d']}}\nvolumes: {new: {}}",
			"service renamed pg was db postgres compose.yaml:1:12\nvolume renamed new was old compose.yaml:2:11\n"},
		{"another volume elsewhere is none", "services: {r: {image: redis:7, volumes: ['data:/data']}}\nvolumes: {data: {}}",
			"services: {r: {image: redis:7, volumes: ['redis:/other']}}\nvolumes: {redis: {}}", "volume added redis compose.yaml:2:11\nvolume removed data\n"},
		{"a volume that stays is not renamed", "services: {r: {image: redis:7, volumes: ['data:/data']}}\nvolumes: {data: {}}",
			"services: {r: {image: redis:7, volumes: ['redis:/data']}}\nvolumes: {data: {}, redis: {}}", "volume added redis compose.yaml:2:21\n"},
		{"a folder of the host becomes a volume", "services: {r: {image: redis:7, volumes: ['./data:/data']}}",
			"services: {r: {image: redis:7, volumes: ['redis:/data']}}\nvolumes: {redis: {}}", "volume added redis compose.yaml:2:11\n"},
		{"one that was there takes the place", "services: {r: {image: redis:7, volumes: ['data:/data', 'redis:/x']}}\nvolumes: {data: {}, redis: {}}",
			"services: {r: {image: redis:7, volumes: ['redis:/data']}}\nvolumes: {redis: {}}", "volume removed data\n"},
		{"removed for a folder of the host", "services: {r: {image: redis:7, volumes: ['data:/data']}}\nvolumes: {data: {}}",
			"services: {r: {image: redis:7, volumes: ['./data:/data']}}", "volume removed data\n"},
	} {
		s := LoadChange(t, "-- base/compose.yaml --\n"+c.base+"\n-- head/compose.yaml --\n"+c.head+"\n")
		var got strings.Builder
		for _, p := range Structure(s.Base, s.Head, s.Catalog) {
			fmt.Fprintf(&got, "%s %s %s", p.Kind, p.What, p.Name)
			for _, more := range []string{" was " + p.Was, " " + p.Image, " " + p.Place.String()} {
				if more != " was " && more != " " {
					got.WriteString(more)
				}
			}
			got.WriteByte('\n')
		}
		if d := cmp.Diff(c.want, got.String()); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

func TestStructureHidesImages(t *testing.T) {
	s := LoadChange(t, "-- .env --\nIMG=canary/app:1\n-- base/compose.yaml --\nservices: {a: {image: acme/a:1}}\n"+
		"-- head/compose.yaml --\nservices: {a: {image: acme/a:1}, b: {image: '${IMG}'}}\n")
	if got := Structure(s.Base, s.Head, s.Catalog); len(got) != 1 || got[0].Image != "" {
		t.Errorf("%+v", got)
	}
}
