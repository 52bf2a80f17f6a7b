package docker

import (
	"context"
	"strings"
)

// Pending says what a plain `docker compose up -d` would do to the project now, one
// line each as compose says it: "Container shop-api-1 Recreate". None: every
// container runs as the files say. It asks compose itself (--dry-run), since the
// hashes that `config --hash` prints are not those that it compares: compose 2.40.3
// leaves env_file and variables without a value unresolved in them.
func (c *Client) Pending(ctx context.Context, p Project) ([]string, error) {
	cmd := c.Compose(p, "--dry-run", "up", "-d", "--no-build", "--pull", "never")
	var pending []string
	cmd.Watch = func(line string) {
		if line, ok := pendingLine(line); ok {
			pending = append(pending, line)
		}
	}
	_, err := c.Do(ctx, cmd)
	return pending, err
}

// pendingLine reads "DRY-RUN MODE -  Container shop-api-1  Running". What is not known
// to be harmless counts: a wording of a later release must not read as "nothing".
func pendingLine(line string) (string, bool) {
	_, rest, ok := strings.Cut(line, "DRY-RUN MODE -")
	words := strings.Fields(rest)
	if !ok || len(words) == 0 {
		return "", false
	}
	switch words[len(words)-1] {
	case "Running", "Waiting", "Healthy", "Exited", // as they are
		"Created", "Recreated", "Started", "Restarted": // the end of what a line before began
		return "", false
	}
	return strings.Join(words, " "), true
}
