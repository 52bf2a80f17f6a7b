package wanted

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/steps"
	"github.com/belaystack/belay/upgrade/wanted/deployed"
)

// TestMoves: what is written into the files for another major version, and nothing beside
// it, and where the data come from and go to.
func TestMoves(t *testing.T) {
	volume := func(name, target string) steps.DataPlace { return steps.DataPlace{Volume: name, Target: target} }
	tests := []struct {
		name          string
		compose, want string // DIR is the project directory
		pin           Pin
		move          steps.Move
	}{
		{"short syntax, and comments and blank lines around",
			"services:\n  db: # the database\n    image: postgres:17.2 # pinned\n    volumes:\n      # the data\n      - db_data:/var/lib/postgresql/data # here\n\nvolumes:\n\n  # of db\n  db_data:\n\n  # of others\n  other:\n",
			"services:\n  db: # the database\n    image: postgres:18.1 # pinned\n    volumes:\n      # the data\n      - db_data_pg18:/var/lib/postgresql # here\n\nvolumes:\n\n  # of db\n  db_data:\n  # PostgreSQL 18; db_data keeps the data of 17 as they were\n  db_data_pg18:\n\n  # of others\n  other:\n",
			Pin{"db", "18.1"}, steps.Move{From: 17, To: 18, Old: volume("stack_db_data", "/var/lib/postgresql/data"), New: volume("stack_db_data_pg18", "/var/lib/postgresql")}},
		{"a mode, quotes, CRLF and no line break at the end",
			"volumes:\r\n    \"db\": # mine\r\nservices:\r\n  db:\r\n    image: postgres:16-alpine\r\n    volumes: [\"db:/var/lib/postgresql/data:rw\"]",
			"volumes:\r\n    \"db\": # mine\r\n    # PostgreSQL 17; db keeps the data of 16 as they were\r\n    \"db_pg17\":\r\nservices:\r\n  db:\r\n    image: postgres:17-alpine\r\n    volumes: [\"db_pg17:/var/lib/postgresql/data:rw\"]",
			Pin{"db", "17-alpine"}, steps.Move{From: 16, To: 17, Old: volume("stack_db", "/var/lib/postgresql/data"), New: volume("stack_db_pg17", "/var/lib/postgresql/data")}},
		{"long syntax, and the last line of the file",
			"services:\n  db:\n    image: postgres:17-alpine\n    volumes:\n      - type: volume\n        source: 'db'\n        target: /var/lib/postgresql/data\n        volume: {nocopy: true}\nvolumes:\n  db:\n    labels: {a: b}",
			"services:\n  db:\n    image: postgres:18-alpine\n    volumes:\n      - type: volume\n        source: 'db_pg18'\n        target: /var/lib/postgresql\n        volume: {nocopy: true}\nvolumes:\n  db:\n    labels: {a: b}\n  # PostgreSQL 18; db keeps the data of 17 as they were\n  db_pg18:",
			Pin{"db", "18-alpine"}, steps.Move{From: 17, To: 18, Old: volume("stack_db", "/var/lib/postgresql/data"), New: volume("stack_db_pg18", "/var/lib/postgresql")}},
		{"from 18 to 19",
			"services:\n  db:\n    image: postgres:18\n    volumes: [db_pg18:/var/lib/postgresql]\nvolumes:\n  db:\n  db_pg18:\n",
			"services:\n  db:\n    image: postgres:19\n    volumes: [db_pg19:/var/lib/postgresql]\nvolumes:\n  db:\n  db_pg18:\n  # PostgreSQL 19; db_pg18 keeps the data of 18 as they were\n  db_pg19:\n",
			Pin{"db", "19"}, steps.Move{From: 18, To: 19, Old: volume("stack_db_pg18", "/var/lib/postgresql"), New: volume("stack_db_pg19", "/var/lib/postgresql")}},
		{"a volume that has that name already",
			"services:\n  db:\n    image: postgres:17\n    volumes: [db_pg18:/var/lib/postgresql/data]\nvolumes:\n  db_pg18:\n",
			"services:\n  db:\n    image: postgres:18\n    volumes: [db_pg18_pg18:/var/lib/postgresql]\nvolumes:\n  db_pg18:\n  # PostgreSQL 18; db_pg18 keeps the data of 17 as they were\n  db_pg18_pg18:\n",
			Pin{"db", "18"}, steps.Move{From: 17, To: 18, Old: volume("stack_db_pg18", "/var/lib/postgresql/data"), New: volume("stack_db_pg18_pg18", "/var/lib/postgresql")}},
		{"a name of its own",
			"services:\n  db: {image: 'postgres:17', volumes: ['db:/var/lib/postgresql/data']}\nvolumes:\n  db:\n    name: shop-db\n",
			"services:\n  db: {image: 'postgres:18', volumes: ['db_pg18:/var/lib/postgresql']}\nvolumes:\n  db:\n    name: shop-db\n  # PostgreSQL 18; db keeps the data of 17 as they were\n  db_pg18:\n    name: shop-db_pg18\n",
			Pin{"db", "18"}, steps.Move{From: 17, To: 18, Old: volume("shop-db", "/var/lib/postgresql/data"), New: volume("shop-db_pg18", "/var/lib/postgresql")}},
		{"external",
			"services:\n  db: {image: 'postgres:17', volumes: ['db:/var/lib/postgresql/data']}\nvolumes:\n  db:\n    external: true\n",
			"services:\n  db: {image: 'postgres:18', volumes: ['db_pg18:/var/lib/postgresql']}\nvolumes:\n  db:\n    external: true\n  # PostgreSQL 18; db keeps the data of 17 as they were\n  db_pg18:\n    name: db_pg18\n",
			Pin{"db", "18"}, steps.Move{From: 17, To: 18, Old: volume("db", "/var/lib/postgresql/data"), New: volume("db_pg18", "/var/lib/postgresql")}},
		{"external with a name, flow style",
			"services: {db: {image: 'postgres:17', volumes: ['db:/var/lib/postgresql/data']}}\nvolumes: {db: {external: true, name: \"a b_pg17\"}}\n",
			"services: {db: {image: 'postgres:18', volumes: ['db_pg18:/var/lib/postgresql']}}\nvolumes: {db_pg18: {name: \"a b_pg18\"}, db: {external: true, name: \"a b_pg17\"}}\n",
			Pin{"db", "18"}, steps.Move{From: 17, To: 18, Old: volume("a b_pg17", "/var/lib/postgresql/data"), New: volume("a b_pg18", "/var/lib/postgresql")}},
		{"a folder, as Dify has it",
			"services:\n  db:\n    image: postgres:15-alpine\n    environment:\n      PGDATA: ${PGDATA:-/var/lib/postgresql/data/pgdata}\n    volumes:\n      - ./volumes/db/data:/var/lib/postgresql/data\n",
			"services:\n  db:\n    image: postgres:18-alpine\n    environment:\n      PGDATA: ${PGDATA:-/var/lib/postgresql/data/pgdata}\n    volumes:\n      - ./volumes/db/data_pg18:/var/lib/postgresql/data\n",
			Pin{"db", "18-alpine"}, steps.Move{From: 15, To: 18, Old: steps.DataPlace{Folder: "DIR/volumes/db/data", Target: "/var/lib/postgresql/data"}, New: steps.DataPlace{Folder: "DIR/volumes/db/data_pg18", Target: "/var/lib/postgresql/data"}}},
		{"an absolute folder, and PGDATA of the new image set",
			"services:\n  db:\n    image: postgres:17\n    environment: [PGDATA=/var/lib/postgresql/data/pgdata]\n    volumes: ['DIR/pg/:/var/lib/postgresql/data/']\n",
			"services:\n  db:\n    image: postgres:18\n    environment: [PGDATA=/var/lib/postgresql/data/pgdata]\n    volumes: ['DIR/pg_pg18:/var/lib/postgresql/data/']\n",
			Pin{"db", "18"}, steps.Move{From: 17, To: 18, Old: steps.DataPlace{Folder: "DIR/pg", Target: "/var/lib/postgresql/data"}, New: steps.DataPlace{Folder: "DIR/pg_pg18", Target: "/var/lib/postgresql/data"}}},
		{"a variable above the folder",
			"services:\n  db: {image: 'postgres:17', volumes: ['${TOP:-./v}/db:/var/lib/postgresql/data']}\n",
			"services:\n  db: {image: 'postgres:18', volumes: ['${TOP:-./v}/db_pg18:/var/lib/postgresql']}\n",
			Pin{"db", "18"}, steps.Move{From: 17, To: 18, Old: steps.DataPlace{Folder: "DIR/v/db", Target: "/var/lib/postgresql/data"}, New: steps.DataPlace{Folder: "DIR/v/db_pg18", Target: "/var/lib/postgresql"}}},
		{"an extension, and an anchor that one service uses",
			"x-v: &v\n  - db:/var/lib/postgresql/data\nservices:\n  db: {image: 'pgvector/pgvector:pg17', volumes: *v}\nvolumes: {db: }\n",
			"x-v: &v\n  - db_pg18:/var/lib/postgresql\nservices:\n  db: {image: 'pgvector/pgvector:pg18', volumes: *v}\nvolumes: {db_pg18: {}, db: }\n",
			Pin{"db", "pg18"}, steps.Move{From: 17, To: 18, Old: volume("stack_db", "/var/lib/postgresql/data"), New: volume("stack_db_pg18", "/var/lib/postgresql")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, nil)
			in := func(s string) string { return strings.ReplaceAll(s, "DIR", h.dir) }
			h.write(map[string]string{"compose.yaml": in(tt.compose)})
			h.start()
			r := h.want(Mode{Set: []Pin{tt.pin}})
			if diff := cmp.Diff(in(tt.want), string(r.New[filepath.Join(h.dir, "compose.yaml")].Data)); diff != "" {
				t.Error(diff)
			}
			tt.move.Service = "db"
			tt.move.Old.Folder, tt.move.New.Folder = in(tt.move.Old.Folder), in(tt.move.New.Folder)
			if diff := cmp.Diff([]steps.Move{tt.move}, r.Moves); diff != "" {
				t.Error(diff)
			}
			if r.Moves[0].New.Volume+r.Moves[0].New.Folder != "" && !strings.Contains(strings.Join(r.Notes, "\n"), "stays as it is, and is the way back") {
				t.Errorf("notes %q", r.Notes)
			}
			h.moved(r)
			if again := h.want(Mode{}); !again.Nothing() || len(again.Moves) != 0 {
				t.Errorf("after that: %s %+v", h.changed(again), again.Moves)
			}
		})
	}
}

// moved is the run that carries r out.
func (h *host) moved(r *Result) {
	h.t.Helper()
	h.commit(r, "r1")
	for _, m := range r.Moves {
		h.volumes = append(h.volumes, m.New.Volume)
	}
}

const (
	pg17 = "services:\n  db:\n    image: postgres:17\n    volumes:\n      - db:/var/lib/postgresql/data\nvolumes:\n  db:\n"
	pg18 = "services:\n  db:\n    image: postgres:18\n    volumes:\n      - db_pg18:/var/lib/postgresql\nvolumes:\n  db:\n  db_pg18:\n"
)

// TestMoveOfFiles: the new image in the files as they stand, with and without the new
// volume. The bytes that a person wrote are known to the run.
func TestMoveOfFiles(t *testing.T) {
	h := newHost(t, map[string]string{"compose.yaml": pg17})
	h.start()
	image := strings.Replace(pg17, "17", "18", 1)
	h.write(map[string]string{"compose.yaml": image})
	r := h.want(Mode{})
	spec := steps.Spec{Run: "r1", State: h.state}
	if err := r.Fill(&spec); err != nil {
		t.Fatal(err)
	}
	if len(spec.Moves) != 1 || len(spec.Files) != 1 || spec.Files[0].Now != deployed.Sum([]byte(image)) || h.old(r, "compose.yaml") != pg17 {
		t.Errorf("%+v %+v", spec.Moves, spec.Files)
	}

	h.write(map[string]string{"compose.yaml": pg18}) // all of it by hand
	r = h.want(Mode{})
	if err := r.Fill(&spec); err != nil {
		t.Fatal(err)
	}
	want := []steps.Move{{Service: "db", From: 17, To: 18, Old: steps.DataPlace{Volume: "stack_db", Target: "/var/lib/postgresql/data"}, New: steps.DataPlace{Volume: "stack_db_pg18", Target: "/var/lib/postgresql"}}}
	if diff := cmp.Diff(want, spec.Moves); diff != "" || spec.Files[0].Now != "" || string(r.New[spec.Files[0].Path].Data) != pg18 {
		t.Errorf("%s %+v", diff, spec.Files)
	}
}

// TestMoveFrom: a checkout with the new image alone, and one with the new volume, too; and
// what later checkouts must not forget.
func TestMoveFrom(t *testing.T) {
	c := newClone(t, map[string]string{"compose.yaml": pg17})
	h := newHost(t, map[string]string{"compose.yaml": pg17})
	h.start()
	image := strings.Replace(pg17, "17", "18", 1)
	c.commit(map[string]string{"compose.yaml": image})
	r := h.want(c.mode())
	if len(r.Moves) != 1 || !strings.Contains(strings.Join(r.Notes, "\n"), "the repository still mounts the old data: write `db_pg18:/var/lib/postgresql` there as well") {
		t.Errorf("%+v %q", r.Moves, r.Notes)
	}
	h.moved(r)

	// The checkout still has the old volume.
	_, err := h.compute(c.mode())
	refused(t, err, Volume, "compose.yaml:5:9: service db would get other data at /var/lib/postgresql: the checkout still names the volume of before PostgreSQL 18: found volume stack_db_pg18, needed volume stack_db")
	hint := err.(interface{ Unwrap() []error }).Unwrap()[0].(*Refused).Hint()
	if hint != "bring the change of run r1 into the repository: write `db_pg18:/var/lib/postgresql`" {
		t.Errorf("hint %q", hint)
	}
	// And the old image.
	c.commit(map[string]string{"compose.yaml": pg17})
	_, err = h.compute(c.mode())
	refused(t, err, Major, "found PostgreSQL 18, needed PostgreSQL 17")
	all := err.(interface{ Unwrap() []error }).Unwrap()
	if len(all) != 2 || !strings.Contains(all[0].(*Refused).Hint(), "write `db_pg18:/var/lib/postgresql`, and the image that runs") ||
		!strings.Contains(all[1].Error(), "the checkout still names the volume of PostgreSQL 17") {
		t.Errorf("%v", err)
	}
	// The change is in the repository.
	c.commit(map[string]string{"compose.yaml": pg18})
	if r := h.want(c.mode()); len(r.Moves) != 0 || len(r.Notes) != 0 {
		t.Errorf("%+v %q", r.Moves, r.Notes)
	}

	h = newHost(t, map[string]string{"compose.yaml": pg17}) // that does not have it yet
	h.start()
	if r := h.want(c.mode()); len(r.Moves) != 1 || string(r.New[filepath.Join(h.dir, "compose.yaml")].Data) != pg18 || strings.Contains(strings.Join(r.Notes, " "), "repository") {
		t.Errorf("%+v %q", r.Moves, r.Notes)
	}
}

// TestMoveLeftFolder: the same for a folder of the host.
func TestMoveLeftFolder(t *testing.T) {
	now := "services:\n  db: {image: 'postgres:17', volumes: ['./data_pg17:/var/lib/postgresql/data']}\n"
	h := newHost(t, map[string]string{"compose.yaml": now})
	h.start()
	h.write(map[string]string{"compose.yaml": strings.Replace(now, "data_pg17", "data", 1)})
	_, err := h.compute(Mode{})
	refused(t, err, Volume, "the files still name the folder of before PostgreSQL 17")
	if hint := err.(interface{ Unwrap() []error }).Unwrap()[0].(*Refused).Hint(); !strings.Contains(hint, "`./data_pg17:/var/lib/postgresql/data`") {
		t.Errorf("hint %q", hint)
	}
}

// TestMovesOfTwo: two servers, their files apart, and what else mounts the old data.
func TestMovesOfTwo(t *testing.T) {
	h := newHost(t, map[string]string{
		"compose.yaml":          "services:\n  a: {image: 'postgres:16', volumes: ['one:/var/lib/postgresql/data']}\n  b: {image: 'postgres:16', volumes: ['two:/var/lib/postgresql/data']}\n  dump: {image: 'busybox:1', volumes: ['one:/in:ro']}\nvolumes:\n  one:\n",
		"compose.override.yaml": "services:\n  b: {labels: {x: y}}\nvolumes:\n  two:\n"})
	h.start()
	r := h.want(Mode{Set: []Pin{{"postgres", "17"}}})
	got := map[string]string{}
	for _, path := range r.changedFiles() {
		got[filepath.Base(path)] = string(r.New[path].Data)
	}
	want := map[string]string{
		"compose.yaml":          "services:\n  a: {image: 'postgres:17', volumes: ['one_pg17:/var/lib/postgresql/data']}\n  b: {image: 'postgres:17', volumes: ['two_pg17:/var/lib/postgresql/data']}\n  dump: {image: 'busybox:1', volumes: ['one:/in:ro']}\nvolumes:\n  one:\n  # PostgreSQL 17; one keeps the data of 16 as they were\n  one_pg17:\n",
		"compose.override.yaml": "services:\n  b: {labels: {x: y}}\nvolumes:\n  two:\n  # PostgreSQL 17; two keeps the data of 16 as they were\n  two_pg17:\n"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(r.Moves) != 2 || !strings.Contains(strings.Join(r.Notes, "\n"), "dump mounts the old data of a, and goes on seeing those") {
		t.Errorf("%+v %q", r.Moves, r.Notes)
	}
}

// TestMoveRefuses: what Belay does not know, and what it cannot write, with what a person
// is to write.
func TestMoveRefuses(t *testing.T) {
	tests := []struct {
		name          string
		before, after string // "" for before with the image of 18
		kind          Kind
		says          string
	}{
		{"another volume", pg17, strings.NewReplacer("postgres:17", "postgres:18", "db:/", "fresh:/", "\nvolumes:\n  db:", "\nvolumes:\n  fresh:").Replace(pg17), Volume,
			"compose.yaml:5:9: service db would get data for PostgreSQL 18 that are neither those of now nor a volume of this plan: found volume stack_fresh, needed `db_pg18:/var/lib/postgresql`"},
		{"no volume", pg17, "services:\n  db: {image: 'postgres:18'}\n", Volume, "found nothing, needed `db_pg18:/var/lib/postgresql`"},
		{"the new volume where the server does not look", pg17, strings.Replace(pg18, "/postgresql", "/pg", 1), Volume, "found nothing, needed"},
		{"the new volume besides the old", pg17, strings.Replace(pg18, "    volumes:\n", "    volumes:\n      - db:/var/lib/postgresql/data\n", 1), Volume, "the new server of db would have the data of the old one mounted, too"},
		{"a folder for a volume", pg17, strings.Replace(pg18, "db_pg18:/", "./db_pg18:/", 1), Volume, "neither those of now nor a volume of this plan"},
		{"an external new volume", pg17, strings.Replace(pg18, "  db_pg18:\n", "  db_pg18: {external: true, name: stack_db_pg18}\n", 1), Volume, "compose.yaml:8:3: volume db_pg18 for the new data of db is external"},
		{"a key that means another volume", pg17 + "  db_pg18: {name: elsewhere}\n", "", Files, "the files do not give it the new data when that is written"},
		{"an anonymous volume", "services:\n  db: {image: 'postgres:17', volumes: ['/var/lib/postgresql/data']}\n", "", Volume, "compose.yaml:2:16: the data of db, at /var/lib/postgresql/data, lie in no named volume or folder"},
		{"an anonymous volume below", "services:\n  db: {image: 'postgres:17', volumes: ['db:/var/lib/postgresql', '/var/lib/postgresql/data']}\nvolumes: {db: }\n", "", Volume, "found an anonymous volume"},
		{"none", "services:\n  db: {image: 'postgres:17'}\n", "", Volume, "found nothing mounted"},
		{"a file in the data folder", strings.Replace(pg17, "    volumes:\n", "    volumes:\n      - ./x.conf:/var/lib/postgresql/data/x.conf\n", 1), "", Volume, "is mounted into the old data folder"},
		{"PGDATA outside", pg17, strings.Replace(pg17, "postgres:17", "postgres:18\n    environment: {PGDATA: /srv/pg}", 1), Volume, "compose.yaml:4:19: the data of db would lie in no volume: found /srv/pg"},
		{"a variable", strings.Replace(pg17, "- db:", "- ${WHERE:-./pg}:", 1), "", Files,
			"compose.yaml:5:9: the data of db go to a new place with PostgreSQL 18, and Belay cannot write that here: the mount comes from a variable, needed `${WHERE:-./pg}_pg18:/var/lib/postgresql` in db"},
		{"a variable for all", strings.Replace(pg17, "- db:/var/lib/postgresql/data", "- ${WHERE:-db:/var/lib/postgresql/data}", 1), "", Files, "parts that cannot be edited, needed `db_pg18:/var/lib/postgresql` in db, and `db_pg18:` below the top-level volumes"},
		{"a variable for the place", strings.Replace(pg17, ":/var/lib/postgresql/data", ":${AT:-/var/lib/postgresql/data}", 1), "", Files, "the mount's place in the container comes from a variable"},
		{"lines of two services", "x-v: &v ['db:/var/lib/postgresql/data']\nservices:\n  db: {image: 'postgres:17', volumes: *v}\n  dump: {image: 'busybox:1', volumes: *v}\nvolumes: {db: }\n", "", Files, "the lines that say so are those of dump, too"},
		{"options of the volume", strings.TrimSuffix(pg17, "\n") + "\n    driver: local\n    driver_opts: {type: none, o: bind, device: /srv/pg}\n    name: pg\n", "", Files,
			"the volume has a driver or options of its own, needed `db_pg18:/var/lib/postgresql` in db, and `db_pg18:` below the top-level volumes, with `name: pg_pg18`"},
		{"a part of a volume", "services:\n  db:\n    image: postgres:17\n    volumes: [{type: volume, source: db, target: /var/lib/postgresql/data, volume: {subpath: x}}]\nvolumes: {db: }\n", "", Files, "a folder in a volume"},
		{"volumes by a merge key", "x-v: &v {db: }\nservices:\n  db: {image: 'postgres:17', volumes: ['db:/var/lib/postgresql/data']}\nvolumes: {<<: *v}\n", "", Files, "in a way that cannot be added to"},
		{"Dify before 1.16.0", strings.Replace(pg17, "services:\n", "services:\n  api: {image: 'langgenius/dify-api:1.15.0', environment: {DB_HOST: db}}\n", 1), "", Gate, "compose.yaml:2:17: PostgreSQL 18 of db beside api: PostgreSQL 18 breaks a migration of these releases."},
		{"Dify before 1.16.0 on another database", strings.Replace(pg17, "services:\n", "services:\n  mine: {image: 'postgres:16', volumes: ['x:/var/lib/postgresql/data']}\n  api: {image: 'langgenius/dify-api:1.15.0', environment: {DB_HOST: mine}}\n", 1) + "  x:\n", "", "", ""},
		{"Dify 1.16.0", strings.Replace(pg17, "services:\n", "services:\n  api: {image: 'langgenius/dify-api:1.16.0'}\n", 1), "", "", ""},
		{"an older version", pg18, pg17, Major, "found PostgreSQL 18, needed PostgreSQL 17"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, map[string]string{"compose.yaml": tt.before})
			h.start()
			if tt.after == "" {
				tt.after = strings.Replace(tt.before, "postgres:17", "postgres:18", 1)
			}
			h.write(map[string]string{"compose.yaml": tt.after})
			_, err := h.compute(Mode{})
			if tt.kind == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			refused(t, err, tt.kind, tt.says)
		})
	}
}

// TestMoveInTheWay: what is in the new place already is nobody's to fill.
func TestMoveInTheWay(t *testing.T) {
	folder := "services:\n  db: {image: 'postgres:17', volumes: ['./data:/var/lib/postgresql/data']}\n"
	tests := []struct {
		name, compose string
		before        func(h *host)
		kind          Kind // "" for none
		says          string
	}{
		{"a volume", pg17, func(h *host) { h.volumes = []string{"a_stack_db_pg18", "stack_db_pg18"} }, Volume, "compose.yaml:5:9: a volume stack_db_pg18 is there already, and nobody knows what is in it"},
		{"volumes with longer names", pg17, func(h *host) { h.volumes = []string{"a_stack_db_pg18", "stack_db_pg180"} }, "", ""},
		{"a folder", folder, func(h *host) { h.write(map[string]string{"data_pg18/PG_VERSION": "18\n"}) }, Volume, "data_pg18 is there already, and nobody knows what is in it: found 1 entries, needed an empty folder, or none"},
		{"an empty folder", folder, func(h *host) { os.Mkdir(filepath.Join(h.dir, "data_pg18"), 0o755) }, "", ""},
		{"a file", folder, func(h *host) { h.write(map[string]string{"data_pg18": "x"}) }, Volume, "cannot be looked into"},
		{"a folder behind a volume", pg17 + "  db_pg18:\n    driver_opts: {type: none, o: bind, device: /etc}\n", func(*host) {}, Volume, "the folder /etc is there already"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, map[string]string{"compose.yaml": tt.compose})
			h.start()
			tt.before(h)
			_, err := h.compute(Mode{Set: []Pin{{"db", "18"}}})
			if tt.kind != "" {
				refused(t, err, tt.kind, tt.says)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// TestMoveOfRunning: what the container says counts, not what the tags let one think.
func TestMoveOfRunning(t *testing.T) {
	h := newHost(t, map[string]string{"compose.yaml": pg17})
	h.start()
	c := &h.containers["stack"][0]
	c.Env["PGDATA"] = "/var/lib/postgresql/data" // of the image
	if r := h.want(Mode{Set: []Pin{{"db", "18"}}}); len(r.Moves) != 1 {
		t.Errorf("%+v", r.Moves)
	}
	// Other images have their data elsewhere, and say so.
	c.Env["PGDATA"], c.Mounts[0].Destination = "/home/postgres/pgdata/data", "/home/postgres/pgdata"
	_, err := h.compute(Mode{Set: []Pin{{"db", "18"}}})
	refused(t, err, Volume, "keeps its data elsewhere than the official one does")

	// A container that only uses the image's programs has no data.
	c.Env, c.Mounts = nil, []docker.Mount{{Type: "volume", Name: strings.Repeat("ab", 32), Destination: "/var/lib/postgresql/data", RW: true, Anonymous: true}}
	for args, server := range map[string]bool{"docker-entrypoint.sh postgres": true, "docker-entrypoint.sh -c x=y": true, "postgres": true, "sh -c exec_postgres": true, "": true,
		"docker-entrypoint.sh /dump.sh": false, "/dump.sh": false, "sh -c pg_dump": false} {
		c.Args = strings.Fields(args)
		_, err := h.compute(Mode{Set: []Pin{{"db", "18"}}})
		if server {
			refused(t, err, Volume, "lie in no named volume or folder: what is to be kept as the way back would go with its container: found an anonymous volume")
		} else if err != nil && strings.Contains(err.Error(), "lie in no") {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// TestMoveGates: what must not run beside the new version is said once, and only where it
// is about that version.
func TestMoveGates(t *testing.T) {
	h := newHost(t, map[string]string{"compose.yaml": "services:\n  api: {image: 'langgenius/dify-api:1.15.0'}\n  worker: {image: 'langgenius/dify-api:1.15.0'}\n  db: {image: 'postgres:16', volumes: ['db:/var/lib/postgresql/data']}\nvolumes: {db: }\n"})
	h.start()
	if r := h.want(Mode{Set: []Pin{{"db", "17"}}}); len(r.Moves) != 1 {
		t.Errorf("%+v", r.Moves)
	}
	_, err := h.compute(Mode{Set: []Pin{{"db", "18"}}})
	refused(t, err, Gate, "found langgenius/dify-api:1.15.0, needed 1.16.0 or later")
	if all := err.(interface{ Unwrap() []error }).Unwrap(); len(all) != 1 {
		t.Errorf("%v", err)
	}
}

// TestMoveDown: one service does not go back across major versions, nor forward.
func TestMoveDown(t *testing.T) {
	h := newHost(t, map[string]string{"compose.yaml": pg18})
	h.start()
	h.volumes = []string{"stack_db_pg19"} // which is nobody's concern here
	for _, version := range []string{"17", "19"} {
		_, err := h.compute(Mode{Down: &Down{"db", version}})
		refused(t, err, Major, "found PostgreSQL 18, needed PostgreSQL "+version)
		all := err.(interface{ Unwrap() []error }).Unwrap()
		if hint := all[0].(*Refused).Hint(); hint != "take the whole run back: belay rollback" || version == "19" && len(all) != 1 {
			t.Errorf("%v: hint %q", err, hint)
		}
	}
}

// TestMoveSaysNoValue: names of volumes and folders may come from an env file.
func TestMoveSaysNoValue(t *testing.T) {
	text := "services:\n  db: {image: 'postgres:${V}', volumes: ['${TOP}/db:/var/lib/postgresql/data']}\n"
	h := newHost(t, map[string]string{"compose.yaml": text, ".env": "TOP=/srv/canary\nV=17\n"})
	h.start()
	h.write(map[string]string{".env": "TOP=/srv/canary\nV=18\n"})
	r := h.want(Mode{})
	if len(r.Moves) != 1 || r.Moves[0].New.Folder != "/srv/canary/db_pg18" || !strings.Contains(strings.Join(r.Notes, "\n"), "db: another major version of PostgreSQL by dump and restore into new folder ${TOP}/db_pg18; folder ${TOP}/db stays") {
		t.Errorf("%+v %q", r.Moves, r.Notes)
	}
	h.write(map[string]string{"compose.yaml": strings.Replace(text, "${TOP}/db", "${TOP}", 1), ".env": "TOP=/srv/canary\nV=17\n"})
	h.start()
	h.write(map[string]string{".env": "TOP=/srv/canary\nV=18\n"})
	_, err := h.compute(Mode{})
	refused(t, err, Files, "needed `${TOP}_pg18:/var/lib/postgresql` in db")
	h.write(map[string]string{"compose.yaml": strings.NewReplacer("${TOP}/db", "${TOP}_pg18", "postgresql/data", "postgresql").Replace(text)})
	if r := h.want(Mode{}); len(r.Moves) != 1 || r.Moves[0].New.Folder != "/srv/canary_pg18" {
		t.Errorf("%+v", r.Moves)
	}
}
