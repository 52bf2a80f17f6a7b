package app

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/belaystack/belay/upgrade/docker"
)

const keyName = "N8N_ENCRYPTION_KEY"

// Problem is why an upgrade may not begin.
type Problem struct {
	What   string // "the encryption key of n8n would change"
	Found  string
	Needed string
	Next   string
}

// Key holds the keys of n8n against each other: that of the container that runs, and that
// of its settings file in the volume. n8n refuses to start where they differ, and makes up
// a key where there is neither, with which it can decrypt nothing (packages/core,
// instance-settings.ts). Only hashes are compared across services, and nothing of a key is
// told. That the new files keep the key is for package wanted to see.
func (n *N8N) Key(ctx context.Context) []Problem {
	var out []Problem
	known := map[[sha256.Size]byte][]string{} // who has which key
	for _, m := range slices.Concat(n.Mains, n.Hooks, n.Workers) {
		env, inFile, problem := n.keys(ctx, m)
		if problem != nil {
			out = append(out, *problem)
			continue
		}
		live := env
		if live == "" {
			live = inFile
		}
		switch {
		case env != "" && inFile != "" && env != inFile:
			out = append(out, Problem{What: "the encryption key of n8n is not the one of its settings file", Found: "service " + m.Service + ": " + keyName + " and " + settingsFile(m) + " differ",
				Next: "set " + keyName + " to what the file holds: with it the credentials were encrypted"})
		case inFile == "":
			out = append(out, Problem{What: "the settings file of n8n is not in its volume", Found: "service " + m.Service + ": no " + settingsFile(m),
				Needed: "the file with the key that n8n wrote when it started",
				Next:   "see whether the volume is the right one; when " + keyName + " is set, docker compose restart " + m.Service + " has n8n write the file again"})
		}
		if live != "" {
			known[sha256.Sum256([]byte(live))] = append(known[sha256.Sum256([]byte(live))], m.Service)
		}
	}
	if len(known) > 1 {
		var who []string
		for _, services := range known {
			who = append(who, strings.Join(services, ", "))
		}
		out = append(out, Problem{What: "services of one n8n have different encryption keys", Found: strings.Join(sorted(who), " against "),
			Next: "set the same " + keyName + " for all of them"})
	}
	return out
}

// keys gives the key of the environment and that of the settings file, "" for one that
// there is not.
func (n *N8N) keys(ctx context.Context, m Member) (env, inFile string, problem *Problem) {
	env, err := setting(ctx, n.st, m, keyName, "")
	if err != nil {
		return "", "", &Problem{What: "the encryption key of n8n cannot be read", Found: why(err), Next: "see that the file is there"}
	}
	data, err := n.st.File(ctx, m.Service, settingsFile(m))
	if errors.Is(err, docker.ErrNotFound) {
		return env, "", nil
	}
	var file struct {
		EncryptionKey string `json:"encryptionKey"`
	}
	if err == nil {
		err = json.Unmarshal(data, &file)
	}
	if err != nil {
		// Its text would quote what the file holds.
		return "", "", &Problem{What: "the settings file of n8n cannot be read", Found: fmt.Sprintf("service %s: %s", m.Service, settingsFile(m)),
			Needed: "JSON with the encryption key", Next: "put the file back as n8n wrote it, from a backup"}
	}
	return env, file.EncryptionKey, nil
}

// settingsFile is where n8n keeps its key: N8N_USER_FOLDER, else the home of its user.
func settingsFile(m Member) string {
	home := m.Env["N8N_USER_FOLDER"].Reveal()
	if home == "" {
		home = "/home/node"
		if v := m.Env["HOME"].Reveal(); v != "" {
			home = v
		}
	}
	return path.Join(home, ".n8n", "config")
}
