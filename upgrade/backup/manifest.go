package backup

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// version is the only version of the manifest that this package writes and reads.
const version = 1

// A Manifest says what a backup holds. Its file, manifest.json, is written last:
// a folder with one is complete.
type Manifest struct {
	Version   int       `json:"version"`
	ID        string    `json:"id"`
	Run       string    `json:"run"` // the run that made it
	Project   string    `json:"project"`
	Created   time.Time `json:"created"` // UTC
	Belay     string    `json:"belay"`   // version of the program
	Encrypted bool      `json:"encrypted"`
	Contents  []Content `json:"contents"` // every other file of the folder, in the order of their making

	// Detail is what an encrypted backup keeps out of the clear: there it is nil
	// in the file, and [Backup.Detail] reads it with an identity.
	Detail *Detail `json:"detail,omitempty"`
}

// A Content is one file of the folder as it is stored.
type Content struct {
	Name   string `json:"name"`
	Kind   Kind   `json:"kind"`
	Size   int64  `json:"size"`   // bytes on disk
	SHA256 string `json:"sha256"` // of those bytes, hex
}

// A Sum is the size and the checksum of a content before compression.
type Sum struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// A Detail is the part of a manifest that tells of the stack.
type Detail struct {
	Moment    Moment          `json:"moment"`
	Engine    json.RawMessage `json:"engine,omitempty"` // versions, as the adapter gives them
	Services  []Service       `json:"services,omitempty"`
	Databases []Database      `json:"databases,omitempty"`
	Globals   []Globals       `json:"globals,omitempty"`
	Volumes   []Volume        `json:"volumes,omitempty"`
	Files     []File          `json:"files,omitempty"`
	FilesIn   string          `json:"files_in,omitempty"` // the content that holds Files
	Images    []Image         `json:"images,omitempty"`   // that no registry has
	Commands  []Command       `json:"commands,omitempty"`
	Together  []Together      `json:"together,omitempty"`
	Excludes  []string        `json:"excludes,omitempty"` // patterns of what volumes were packed without
	LeftOut   []LeftOut       `json:"left_out,omitempty"` // mounts that belong to the host
	Plain     map[string]Sum  `json:"plain"`              // by name of a content; filled by [Writer.Commit]
}

// A Moment says what the parts of a backup have in common.
type Moment struct {
	Consistent bool      `json:"consistent"`        // all writers stood still: one moment
	Halted     time.Time `json:"halted,omitzero"`   // since when
	Running    []string  `json:"running,omitempty"` // services that ran meanwhile

}

// A Service is what ran, by image.
type Service struct {
	Name    string   `json:"name"`
	Image   string   `json:"image"`    // as the definition names it
	ImageID string   `json:"image_id"` // sha256:...
	Digests []string `json:"digests,omitempty"`
}

// A Database is one database of one server.
type Database struct {
	Service     string          `json:"service"`
	Name        string          `json:"name"`
	Server      string          `json:"server"`                // its version
	Definition  json.RawMessage `json:"definition"`            // owner, locale, settings...: what a dump lacks
	Fingerprint json.RawMessage `json:"fingerprint,omitempty"` // counts and hashes of its tables
	Content     string          `json:"content"`
}

// Globals are the roles and tablespaces of one server.
type Globals struct {
	Service string `json:"service"`
	Content string `json:"content"`
}

// A Volume is a mount of a service. Services that share a volume share its content.
type Volume struct {
	Service     string            `json:"service"`
	Destination string            `json:"destination"` // in the container
	Type        string            `json:"type"`        // volume, bind or anonymous
	Name        string            `json:"name,omitempty"`
	Source      string            `json:"source,omitempty"`    // of a bind, on the host
	ReadOnly    bool              `json:"read_only,omitempty"` // no service may write it: a rollback leaves it
	Driver      string            `json:"driver,omitempty"`
	Options     map[string]string `json:"options,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Tree        string            `json:"tree"` // its hash, see package tree
	Content     string            `json:"content"`
}

// An Image is a local image that was built or imported, as docker saves it.
type Image struct {
	ID      string `json:"id"` // sha256:...
	Content string `json:"content"`
}

// A LeftOut is a mount that is not in the backup, and why.
type LeftOut struct {
	Service     string `json:"service"`
	Destination string `json:"destination"`
	Source      string `json:"source"` // on the host
	Why         string `json:"why"`
}

// A File is one file of the project.
type File struct {
	Path   string `json:"path"` // relative to the project's folder, or absolute when outside
	Mode   uint32 `json:"mode"` // permission bits
	UID    uint32 `json:"uid"`
	GID    uint32 `json:"gid"`
	SHA256 string `json:"sha256"`
}

// A Command is one of the user's own, run as a part of the backup.
type Command struct {
	Name     string        `json:"name"`
	Exit     int           `json:"exit"`
	Duration time.Duration `json:"duration"` // ns
	Output   string        `json:"output,omitempty"`
}

// A Kind says what a content is, and is the start of its name.
type Kind string

// The kinds of content.
const (
	KindDatabase Kind = "db"      // an archive of pg_dump
	KindGlobals  Kind = "globals" // SQL
	KindVolume   Kind = "vol"     // an archive of package tree
	KindFiles    Kind = "files"   // a tar of project files
	KindImage    Kind = "image"   // an archive of docker image save
	kindDetail   Kind = "detail"  // JSON; only in an encrypted backup
)

// suffix is what follows the number in the name of a content of the kind.
func (k Kind) suffix() (string, bool) {
	switch k {
	case KindDatabase:
		return ".dump.zst", true
	case KindGlobals:
		return ".sql.zst", true
	case KindVolume, KindFiles, KindImage:
		return ".tar.zst", true
	case kindDetail:
		return ".json.zst", true
	}
	return "", false
}

// contentName is the n-th name of a kind. Nothing of the stack gets into a name:
// a database may be called "../x".
func contentName(k Kind, n int, encrypted bool) (string, error) {
	suffix, ok := k.suffix()
	if !ok {
		return "", fmt.Errorf("content: unknown kind %q", k)
	}
	name := fmt.Sprintf("%s-%03d%s", k, n, suffix)
	if encrypted {
		name += ".age"
	}
	return name, nil
}

// decodeManifest reads a manifest strictly.
func decodeManifest(data []byte) (*Manifest, error) {
	var v struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if v.Version != version {
		return nil, &VersionError{Got: v.Version}
	}
	m := &Manifest{}
	if err := decodeStrict(data, m); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return m, nil
}

func decodeStrict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more follows its end")
	}
	return nil
}

// check finds what no manifest of ours can say.
func (m *Manifest) check() error {
	names := map[string]bool{}
	number := map[Kind]int{}
	for _, c := range m.Contents {
		number[c.Kind]++
		want, err := contentName(c.Kind, number[c.Kind], m.Encrypted)
		if err != nil {
			return err
		}
		if c.Name != want {
			return fmt.Errorf("content %q: want %q", c.Name, want)
		}
		if c.Size < 0 || !hexSum(c.SHA256) {
			return fmt.Errorf("content %s: impossible size or checksum", c.Name)
		}
		if c.Kind != kindDetail {
			names[c.Name] = true
		}
	}
	if m.Encrypted != (number[kindDetail] == 1) || m.Encrypted != (m.Detail == nil) || number[kindDetail] > 1 {
		return errors.New("detail: must be encrypted exactly when the backup is")
	}
	if m.Detail != nil {
		return m.Detail.check(names)
	}
	return nil
}

// check compares what the detail names with the contents there are.
func (d *Detail) check(names map[string]bool) error {
	used := map[string]bool{}
	use := func(name string) { used[name] = true }
	for _, x := range d.Databases {
		use(x.Content)
	}
	for _, x := range d.Globals {
		use(x.Content)
	}
	for _, x := range d.Volumes {
		use(x.Content)
	}
	for _, x := range d.Images {
		use(x.Content)
	}
	if d.FilesIn != "" || len(d.Files) > 0 {
		use(d.FilesIn)
	}
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if !names[name] {
			return fmt.Errorf("detail: names content %q, which is not there", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !used[name] {
			return fmt.Errorf("detail: content %s belongs to nothing", name)
		}
		if s, ok := d.Plain[name]; !ok || s.Size < 0 || !hexSum(s.SHA256) {
			return fmt.Errorf("detail: content %s: no plain size and checksum", name)
		}
	}
	if len(d.Plain) != len(names) {
		return errors.New("detail: plain: more checksums than contents")
	}
	return nil
}

// hexSum says whether s is a sha256 as we write it.
func hexSum(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" }

// Together are the data of one application, which are restored together or not at all.
type Together struct {
	App   string `json:"app"`
	Parts []Part `json:"parts"`
}

// Part is one of them.
type Part struct {
	Name    string `json:"name"`              // "database"
	Where   string `json:"where,omitempty"`   // a service, and a path in its container
	Missing string `json:"missing,omitempty"` // why it is not in the backup
}
