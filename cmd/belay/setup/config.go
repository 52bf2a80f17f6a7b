package setup

import (
	"fmt"
	"strings"

	"github.com/belaystack/belay/cmd/belay/config"
)

const configHead = `# yaml-language-server: $schema=%s
#
# What Belay checks here. Everything but version may be left out.
# Editors show the keys and what they mean, by the schema above.

version: 1

# A check fails from this severity on: error, warning, note or never.
fail-on: error

# The compose projects of this repository. Other files are given from their path.
# environment is a guess: dev allows floating tags such as latest, prod does not.
stacks:
`

const configTail = `
# What is asked of images, before the built-in policy: the first entry that
# matches an image holds. The pins: floating, major, minor, exact, digest.
#
# policy:
#   images:
#     - match: ghcr.io/acme/*
#       dev: floating
#       prod: exact
#       digest: true     # prod asks for a digest as well
#       review: true     # a change needs the review label
#   groups:
#     - name: acme
#       images: [ghcr.io/acme/api, ghcr.io/acme/web]   # always the same tag
#   protected: [ACME_MASTER_KEY]   # env keys whose change loses data

# Severity by rule, instead of its own. The rules: belay rules
#
# rules:
#   healthcheck-missing: off

# Where release notes of images are that belay does not know.
#
# upstreams:
#   - images: [ghcr.io/acme/api]
#     repository: acme/api   # on github.com
#     tag-prefix: v          # what git tags have before the version
#     changelog: CHANGELOG.md

# What a person has to do before a stack passes a version.
#
# gates:
#   - id: acme-2-0-reindex
#     images: [ghcr.io/acme/api]
#     at: 2.0.0
#     title: The index is built anew
#     text: Searching finds nothing until it was.
#     risks: [data]

# What upgrades and backups are to do, of all stacks or in one of them. Commands
# run on the host, in the container of a service, or in one of an image.
#
# backup:
#   exclude: ["cache:/data/tmp/**"]   # service:/path in the container
#   keep: 5                           # backups
#   keep-days: 30                     # and all that are younger
#   commands:                         # such as object storage
#     - {name: objects, run: ./copy-objects.sh, timeout: 1h}
# verify:
#   commands:
#     - {name: smoke, run: pytest -q, image: "ghcr.io/acme/tests:3", mount: tests}
#   probes:                           # asked before the stack is open again
#     - {name: api, service: api, url: "http://127.0.0.1:5001/health"}
#   not-fewer-rows: ["*.public.users"]
# approval: dispatch   # upgrades by a workflow wait until a person starts their plan
# record: commit       # how the repository learns what runs now: pr, commit or off
# windows:             # when upgrades by a workflow may begin; without it, at any time
#   - {days: mon-fri, from: "22:00", to: "04:00", timezone: Europe/Berlin}

# Pull requests get one comment for each stack, and no suggested changes.
#
# comment: true
# suggestions: false
`

// belayYML writes the belay.yml.
func belayYML(found Found) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, configHead, config.SchemaURL)
	for _, s := range found.Stacks {
		fmt.Fprintf(&b, "  - name: %s\n    path: %s\n    environment: %s\n", scalar(s.Name), scalar(s.Dir), s.Environment)
		if s.Deploy != "" {
			fmt.Fprintf(&b, "    deploy: %s   # the folder of the host that it runs from\n", scalar(s.Deploy))
		} else if found.Runner {
			fmt.Fprintf(&b, "    # deploy: %s   # the folder of the host that it runs from: upgrades need it\n", scalar("/srv/"+s.Name))
		}
		if len(s.Examples) > 0 {
			b.WriteString("    examples:\n")
		}
		for _, g := range s.Examples {
			fmt.Fprintf(&b, "      - %s\n", scalar(g))
		}
	}
	b.WriteString(configTail)
	return []byte(b.String())
}

// scalar writes text as YAML, in quotes unless it is plainly a word. A quoted
// YAML text may hold every escape that Go writes.
func scalar(s string) string {
	plain := s != "" && !strings.ContainsAny(s[:1], "0123456789-.~") || s == "."
	for _, c := range s {
		plain = plain && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("._-/", c))
	}
	switch strings.ToLower(s) {
	case "true", "false", "yes", "no", "on", "off", "null", "y", "n":
		plain = false
	}
	if plain {
		return s
	}
	return fmt.Sprintf("%q", s)
}
