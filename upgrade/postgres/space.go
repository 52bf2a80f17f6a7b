package postgres

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strconv"
)

// Space is the room on the disk of a server's data directory, in bytes. Other
// tablespaces and a moved pg_wal are not looked at.
type Space struct {
	Total int64 `json:"total"`
	Free  int64 `json:"free"` // for users other than root
}

const diskFree = `exec df -Pk "$1"
`

var dfLine = regexp.MustCompile(` +(\d+) +(\d+) +(\d+) +\d+% `)

// Space asks how much room there is where the server keeps its data: dataDir of
// its Facts.
func (s *Server) Space(ctx context.Context, dataDir string) (Space, error) {
	var out bytes.Buffer
	args := []string{"sh", "-c", setup + diskFree, "belay", dataDir}
	if err := s.Exec.Exec(ctx, s.Container, args, nil, nil, &out); err != nil {
		return Space{}, fmt.Errorf("space of the data directory read: %w", err)
	}
	m := dfLine.FindStringSubmatch(out.String())
	if m == nil {
		return Space{}, fmt.Errorf("space of the data directory read: df of the container says nothing that can be read")
	}
	total, err := strconv.ParseInt(m[1], 10, 54)
	if err != nil {
		return Space{}, fmt.Errorf("space of the data directory read: %w", err)
	}
	free, err := strconv.ParseInt(m[3], 10, 54)
	if err != nil {
		return Space{}, fmt.Errorf("space of the data directory read: %w", err)
	}
	return Space{Total: total << 10, Free: free << 10}, nil
}
