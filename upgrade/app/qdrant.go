package app

import (
	"cmp"
	"context"
	"net/url"
)

// qdrant is how Qdrant is asked: releases 1.7 to 1.17.
type qdrant struct{}

// newQdrant reads its settings: config/config.yaml of qdrant, where QDRANT__A__B is a.b.
// Dify's compose file calls the key QDRANT_API_KEY; one that needs none takes any.
func newQdrant(st Stack, m Member) *Vectors {
	v := &Vectors{Member: m, Title: "Qdrant", st: st, kind: qdrant{}, heads: map[string]string{}}
	if !enabled(m.Env["QDRANT__SERVICE__ENABLE_TLS"].Reveal()) {
		v.base = "http://127.0.0.1:" + cmp.Or(m.Env["QDRANT__SERVICE__HTTP_PORT"].Reveal(), "6333")
	}
	key := cmp.Or(m.Env["QDRANT__SERVICE__API_KEY"].Reveal(), m.Env["QDRANT__SERVICE__READ_ONLY_API_KEY"].Reveal(), m.Env["QDRANT_API_KEY"].Reveal())
	if key != "" {
		v.heads["api-key"] = key
	}
	return v
}

func (qdrant) ready() string { return "/readyz" }

func (qdrant) version(ctx context.Context, v *Vectors) (string, error) {
	var told struct{ Version string }
	err := v.get(ctx, "/", &told)
	return told.Version, err
}

func (qdrant) collections(ctx context.Context, v *Vectors) ([]string, map[string]string, error) {
	var told struct {
		Result struct{ Collections *[]struct{ Name string } }
	}
	if err := v.get(ctx, "/collections", &told); err != nil {
		return nil, nil, err
	}
	if told.Result.Collections == nil {
		return nil, nil, unknown("/collections names none")
	}
	var names []string
	for _, c := range *told.Result.Collections {
		names = append(names, c.Name)
	}
	return names, map[string]string{}, nil
}

func (qdrant) count(v *Vectors, name string) Request {
	return Request{Method: "POST", URL: v.base + "/collections/" + url.PathEscape(name) + "/points/count", Body: `{"exact": true}`}
}

func (qdrant) answer(r Response, _ string) (int64, error) {
	var told struct{ Result struct{ Count *int64 } }
	if err := decode(r, "points/count", &told); err != nil {
		return 0, err
	}
	if told.Result.Count == nil {
		return 0, unknown("points/count does not tell their number")
	}
	return *told.Result.Count, nil
}
