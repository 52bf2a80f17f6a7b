package setup

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/belaystack/belay/lint"
)

// renovateConfig is the part of Renovate's configuration that we write:
// docs.renovatebot.com/configuration-options.
type renovateConfig struct {
	Schema      string         `json:"$schema"`
	Description []string       `json:"description"`
	Extends     []string       `json:"extends,omitempty"`
	Rules       []renovateRule `json:"packageRules"`
}

type renovateRule struct {
	Description string   `json:"description"`
	Datasources []string `json:"matchDatasources"`
	Packages    []string `json:"matchPackageNames"`
	UpdateTypes []string `json:"matchUpdateTypes,omitempty"`
	GroupName   string   `json:"groupName,omitempty"`
	Versioning  string   `json:"versioning,omitempty"`
	Approval    bool     `json:"dependencyDashboardApproval,omitempty"`
	Automerge   *bool    `json:"automerge,omitempty"`
	Enabled     *bool    `json:"enabled,omitempty"`
}

// fixVersioning reads Dify's 1.14.0-fix.2 as newer than 1.14.0, and leaves
// out candidates such as 1.0.0-beta.1: Renovate takes a suffix for a variant.
const fixVersioning = `regex:^(?<major>\d+)\.(?<minor>\d+)\.(?<patch>\d+)(-fix\.(?<build>\d+))?$`

// renovateJSON writes a configuration, or a preset where the repository has a
// configuration of its own.
func renovateJSON(found Found) []byte {
	c := renovateConfig{
		Schema:      "https://docs.renovatebot.com/renovate-schema.json",
		Description: []string{"Bumps of the stacks that Belay checks."},
		Rules:       groupRules(found),
	}
	if found.Renovate == "" {
		c.Extends = []string{"config:recommended"}
	}
	if slices.ContainsFunc(found.Stacks, func(s Stack) bool { return s.Reviewed }) {
		c.Rules = append(c.Rules, reviewRule())
	}
	c.Rules = append(c.Rules, storeRules()...)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // (?<major>…) stays readable
	enc.SetIndent("", "  ")
	if err := enc.Encode(c); err != nil {
		panic(err) // of strings and booleans: cannot happen
	}
	return b.Bytes()
}

// groupRules keeps together what must carry the same tag: one pull request.
func groupRules(found Found) []renovateRule {
	var rules []renovateRule
	for _, g := range lint.BuiltIn().Groups {
		if !slices.ContainsFunc(found.Stacks, func(s Stack) bool { return slices.Contains(s.Groups, g.Name) }) {
			continue
		}
		rule := renovateRule{Description: fmt.Sprintf("%s: always the same version, in one pull request", g.Name),
			Datasources: docker(), Packages: g.Images, GroupName: g.Name}
		if g.Name == "dify" {
			rule.Versioning = fixVersioning
		}
		rules = append(rules, rule)
	}
	return rules
}

// reviewRule is for images whose version another release prescribes: Renovate
// asks before it opens a pull request.
func reviewRule() renovateRule {
	rule := renovateRule{Description: "Bumped only after reading the release notes: tick it in the dependency dashboard",
		Datasources: docker(), Approval: true, Automerge: new(bool)}
	for _, p := range lint.BuiltIn().Images {
		if p.Review {
			rule.Packages = append(rule.Packages, p.Match...)
		}
	}
	return rule
}

// storeRules guards what holds data, also of apps that are added later.
func storeRules() []renovateRule {
	majors := []string{"**/postgres", "**/pgvector/pgvector", "**/redis", "**/valkey/valkey"}
	stores := append(slices.Clone(majors), "**/postgresql", "**/mysql", "**/mariadb", "**/mongo", "**/elasticsearch",
		"**/opensearchproject/opensearch", "**/semitechnologies/weaviate", "**/qdrant/qdrant", "**/milvusdb/milvus", "**/minio/minio")
	return []renovateRule{
		{Description: "Data stores are never merged without a person", Datasources: docker(), Packages: stores, Automerge: new(bool)},
		{Description: "PostgreSQL and Redis stay on their major version: a new one needs a dump and a restore", Datasources: docker(),
			Packages: majors, UpdateTypes: []string{"major"}, Enabled: new(bool)},
	}
}

func docker() []string { return []string{"docker"} }
