package app

import (
	"context"
	"regexp"
	"slices"
	"strings"
)

// weaviate is how Weaviate is asked: releases 1.19 to 1.39.
type weaviate struct{}

func newWeaviate(st Stack, m Member) *Vectors {
	v := &Vectors{Member: m, Title: "Weaviate", st: st, kind: weaviate{}, base: "http://127.0.0.1:8080", heads: map[string]string{}}
	words := strings.Fields(strings.Join(m.Args, " "))
	if i := slices.Index(words, "--port"); i >= 0 && i+1 < len(words) {
		v.base = "http://127.0.0.1:" + words[i+1]
	}
	if i := slices.Index(words, "--scheme"); i >= 0 && i+1 < len(words) && words[i+1] == "https" {
		v.base = ""
	}
	// With a key that it does not know, or with any where keys are off, it answers 401 even
	// to those who need none.
	key, _, _ := strings.Cut(m.Env["AUTHENTICATION_APIKEY_ALLOWED_KEYS"].Reveal(), ",")
	if key = strings.TrimSpace(key); key != "" && enabled(m.Env["AUTHENTICATION_APIKEY_ENABLED"].Reveal()) {
		v.heads["Authorization"] = "Bearer " + key
	}
	return v
}

// enabled reads a variable as Weaviate does: entities/config, Enabled.
func enabled(value string) bool {
	return slices.Contains([]string{"on", "enabled", "1", "true"}, strings.ToLower(value))
}

func (weaviate) ready() string { return "/v1/.well-known/ready" }

func (weaviate) version(ctx context.Context, v *Vectors) (string, error) {
	var meta struct{ Version string }
	err := v.get(ctx, "/v1/meta", &meta)
	return meta.Version, err
}

// className is what Weaviate takes as the name of a collection; it goes into a query.
var className = regexp.MustCompile(`^[A-Z][_0-9A-Za-z]{0,254}$`)

func (weaviate) collections(ctx context.Context, v *Vectors) ([]string, map[string]string, error) {
	var schema struct {
		Classes *[]struct {
			Class              string
			MultiTenancyConfig struct{ Enabled bool }
		}
	}
	if err := v.get(ctx, "/v1/schema", &schema); err != nil {
		return nil, nil, err
	}
	if schema.Classes == nil {
		return nil, nil, unknown("/v1/schema names no classes")
	}
	var names []string
	uncounted := map[string]string{}
	for _, c := range *schema.Classes {
		names = append(names, c.Class)
		switch {
		case c.MultiTenancyConfig.Enabled:
			uncounted[c.Class] = "they are multi-tenant, and their tenants are not asked one by one"
		case !className.MatchString(c.Class):
			uncounted[c.Class] = "their names cannot be asked for"
		}
	}
	return names, uncounted, nil
}

// count asks by Aggregate, which is exact. What /v1/nodes says is the objects that are on
// disk already, from 1.24 on: it may be a minute late (weaviate/weaviate pull 4203).
func (weaviate) count(v *Vectors, name string) Request {
	return Request{Method: "POST", URL: v.base + "/v1/graphql", Body: `{"query": "{Aggregate{` + name + `{meta{count}}}}"}`}
}

func (weaviate) answer(r Response, name string) (int64, error) {
	var told struct {
		Data struct {
			Aggregate map[string][]struct{ Meta struct{ Count *int64 } }
		}
		Errors []struct{}
	}
	if err := decode(r, "/v1/graphql", &told); err != nil {
		return 0, err
	}
	rows := told.Data.Aggregate[name]
	if len(told.Errors) > 0 || len(rows) != 1 || rows[0].Meta.Count == nil {
		return 0, unknown("/v1/graphql does not tell their number")
	}
	return *rows[0].Meta.Count, nil
}
