package app

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/belaystack/belay/lint/image"
)

func said(text string) Response { return Response{Status: 200, Body: []byte(text)} }

// weaviateStack is a Weaviate as Dify's compose file has it, with two collections.
func weaviateStack(t *testing.T, words ...string) *stack {
	const at = "store http://127.0.0.1:8080"
	return &stack{
		members: []Member{member(t, "db", "postgres:15"), member(t, "store", "semitechnologies/weaviate:1.27.0", words...)},
		http: map[string]Response{
			at + "/v1/.well-known/ready": {Status: 200},
			at + "/v1/meta":              said(`{"hostname": "http://[::]:8080", "modules": {}, "version": "1.27.0"}`),
			at + "/v1/schema": said(`{"classes": [{"class": "Vector_index_1_Node", "multiTenancyConfig": {"enabled": false}},
				{"class": "Vector_index_2_Node", "properties": []}]}`),
			at + `/v1/graphql {"query": "{Aggregate{Vector_index_1_Node{meta{count}}}}"}`: said(`{"data": {"Aggregate": {"Vector_index_1_Node": [{"meta": {"count": 12}}]}}}`),
			at + `/v1/graphql {"query": "{Aggregate{Vector_index_2_Node{meta{count}}}}"}`: said(`{"data": {"Aggregate": {"Vector_index_2_Node": [{"meta": {"count": 0}}]}}}`),
		},
	}
}

func qdrantStack(t *testing.T, words ...string) *stack {
	const at = "store http://127.0.0.1:6333"
	return &stack{
		members: []Member{member(t, "store", "langgenius/qdrant:v1.8.3", words...)},
		http: map[string]Response{
			at + "/readyz":      {Status: 200, Body: []byte("all shards are ready")},
			at + "/":            said(`{"title": "qdrant - vector search engine", "version": "1.8.3"}`),
			at + "/collections": said(`{"result": {"collections": [{"name": "a b"}, {"name": "c"}]}, "status": "ok", "time": 1e-6}`),
			at + `/collections/a%20b/points/count {"exact": true}`: said(`{"result": {"count": 7}, "status": "ok"}`),
			at + `/collections/c/points/count {"exact": true}`:     said(`{"result": {"count": 5}, "status": "ok"}`),
		},
	}
}

func vectorFacts(s *stack) []Fact { return FindVectors(s)[0].Facts(context.Background()) }

// shownFacts is what a report says of facts.
func shownFacts(all []Fact) string {
	var out []string
	for _, f := range all {
		out = append(out, f.Name+": "+f.shown())
	}
	return strings.Join(out, "; ")
}

func TestVectorFacts(t *testing.T) {
	for name, tt := range map[string]struct {
		stack *stack
		want  string
	}{
		"Weaviate": {weaviateStack(t), "version: 1.27.0; collections: 2; objects: 12 in 2 collections"},
		"Qdrant":   {qdrantStack(t), "version: 1.8.3; collections: 2; objects: 12 in 2 collections"},
	} {
		facts := vectorFacts(tt.stack)
		if got := shownFacts(facts); got != tt.want || facts[0].App != name || facts[2].Service != "store" {
			t.Errorf("%s: %s, %+v", name, got, facts)
		}
	}
	if all := FindVectors(&stack{members: []Member{member(t, "db", "postgres:15")}}); len(all) > 0 {
		t.Errorf("%+v", all)
	}
}

func TestVectorFactsAfterwards(t *testing.T) {
	const graphql = `store http://127.0.0.1:8080/v1/graphql {"query": "{Aggregate{Vector_index_1_Node{meta{count}}}}"}`
	const points = `store http://127.0.0.1:6333/collections/c/points/count {"exact": true}`
	w, q := weaviateStack, qdrantStack
	for name, tt := range map[string]struct {
		of      func(*testing.T, ...string) *stack
		at      string
		answer  Response
		failed  string
		unasked string
	}{
		"the same": {w, graphql, said(`{"data": {"Aggregate": {"Vector_index_1_Node": [{"meta": {"count": 12}}]}}}`), "", ""},
		"more":     {w, graphql, said(`{"data": {"Aggregate": {"Vector_index_1_Node": [{"meta": {"count": 13}}]}}}`), "", ""},
		"fewer":    {w, graphql, said(`{"data": {"Aggregate": {"Vector_index_1_Node": [{"meta": {"count": 11}}]}}}`), "Vector_index_1_Node has 11 and had 12", ""},
		// Weaviate 1.26.1 to 1.26.4 did this: weaviate/weaviate issue 5869.
		"none":          {w, graphql, said(`{"data": {"Aggregate": {"Vector_index_1_Node": [{"meta": {"count": 0}}]}}}`), "Vector_index_1_Node has 0 and had 12", ""},
		"gone":          {w, "store http://127.0.0.1:8080/v1/schema", said(`{"classes": [{"class": "Vector_index_2_Node"}]}`), "1 of 2 are missing: Vector_index_1_Node", ""},
		"all gone":      {w, "store http://127.0.0.1:8080/v1/schema", said(`{"classes": []}`), "2 of 2 are missing: Vector_index_1_Node, Vector_index_2_Node", ""},
		"an error":      {w, graphql, said(`{"data": null, "errors": [{"message": "canary"}]}`), "", "/v1/graphql does not tell their number: Vector_index_1_Node"},
		"no count":      {w, graphql, said(`{"data": {"Aggregate": {"Vector_index_1_Node": [{"meta": {}}]}}}`), "", "/v1/graphql does not tell their number: Vector_index_1_Node"},
		"no JSON":       {w, graphql, said("<html>canary"), "", "/v1/graphql does not answer with JSON: Vector_index_1_Node"},
		"no GraphQL":    {w, graphql, Response{Status: 422}, "", "/v1/graphql answers 422: Vector_index_1_Node"},
		"no answer":     {w, graphql, Response{Error: "EOF"}, "", "/v1/graphql: EOF: Vector_index_1_Node"},
		"no schema":     {w, "store http://127.0.0.1:8080/v1/schema", Response{Status: 401, Body: []byte("canary")}, "", "/v1/schema answers 401"},
		"a schema of":   {w, "store http://127.0.0.1:8080/v1/schema", said(`{"error": "canary"}`), "", "/v1/schema names no classes"},
		"tenants":       {w, "store http://127.0.0.1:8080/v1/schema", said(`{"classes": [{"class": "Vector_index_1_Node", "multiTenancyConfig": {"enabled": true}}, {"class": "Vector_index_2_Node"}]}`), "", "they are multi-tenant, and their tenants are not asked one by one: Vector_index_1_Node"},
		"an odd name":   {w, "store http://127.0.0.1:8080/v1/schema", said(`{"classes": [{"class": "Vector_index_1_Node"}, {"class": "Vector_index_2_Node"}, {"class": "X{meta}}} #"}]}`), "", "their names cannot be asked for: X{meta}}} #"},
		"points":        {q, points, said(`{"result": {"count": 5}}`), "", ""},
		"fewer points":  {q, points, said(`{"result": {"count": 4}}`), "c has 4 and had 5", ""},
		"a collection":  {q, "store http://127.0.0.1:6333/collections", said(`{"result": {"collections": [{"name": "a b"}]}}`), "1 of 2 are missing: c", ""},
		"no points":     {q, points, Response{Status: 404}, "", "points/count answers 404: c"},
		"of no count":   {q, points, said(`{"result": null}`), "", "points/count does not tell their number: c"},
		"forbidden":     {q, "store http://127.0.0.1:6333/collections", Response{Status: 403}, "", "/collections answers 403"},
		"another thing": {q, "store http://127.0.0.1:6333/collections", said(`[]`), "", "/collections does not answer with JSON"},
		"names none":    {q, "store http://127.0.0.1:6333/collections", said(`{"result": {}}`), "", "/collections names none"},
	} {
		s := tt.of(t)
		before := vectorFacts(s)
		s.http[tt.at] = tt.answer
		var failed, unasked []string
		for _, c := range Compare(before, vectorFacts(s)) {
			if c.Failed != "" {
				failed = append(failed, c.Failed)
			}
			if c.Unasked != "" && !strings.Contains(strings.Join(unasked, " "), c.Unasked) {
				unasked = append(unasked, c.Unasked)
			}
		}
		if got := strings.Join(failed, "; "); got != tt.failed {
			t.Errorf("%s: failed %q, want %q", name, got, tt.failed)
		}
		if got := strings.Join(unasked, "; "); got != tt.unasked || strings.Contains(got, "canary") {
			t.Errorf("%s: not checked %q, want %q", name, got, tt.unasked)
		}
	}
}

// What could not be counted at all is no count of 0.
func TestVectorsUncounted(t *testing.T) {
	s := weaviateStack(t)
	s.http["store http://127.0.0.1:8080/v1/schema"] = said(`{"classes": [{"class": "A", "multiTenancyConfig": {"enabled": true}}, {"class": "B"}, {"class": "C"}, {"class": "D"}, {"class": "E"}, {"class": "F"}, {"class": "G"}]}`)
	want := "version: 1.27.0; collections: 7; objects: not checked: /v1/graphql: connection refused: B, C, D, E, F, and 1 more; " +
		"they are multi-tenant, and their tenants are not asked one by one: A"
	if got := shownFacts(vectorFacts(s)); got != want {
		t.Errorf("%s", got)
	}
	s.http["store http://127.0.0.1:8080/v1/schema"] = said(`{"classes": []}`)
	if got := shownFacts(vectorFacts(s)); got != "version: 1.27.0; collections: 0; objects: 0 in 0 collections" {
		t.Errorf("%s", got)
	}
}

// A key goes into a header, where one is asked for, and nowhere else.
func TestVectorKeys(t *testing.T) {
	for name, tt := range map[string]struct {
		stack *stack
		head  string
		value string
	}{
		"Dify's Weaviate": {weaviateStack(t, "AUTHENTICATION_APIKEY_ENABLED=true", "AUTHENTICATION_APIKEY_ALLOWED_KEYS= canary-1,canary-2"), "Authorization", "Bearer canary-1"},
		"keys that are off": {weaviateStack(t, "AUTHENTICATION_APIKEY_ENABLED=false", "AUTHENTICATION_APIKEY_ALLOWED_KEYS=canary-1"),
			"Authorization", ""},
		"no key":            {weaviateStack(t), "Authorization", ""},
		"a Qdrant":          {qdrantStack(t, "QDRANT__SERVICE__API_KEY=canary-3"), "api-key", "canary-3"},
		"Dify's Qdrant":     {qdrantStack(t, "QDRANT_API_KEY=canary-4"), "api-key", "canary-4"},
		"a Qdrant for all":  {qdrantStack(t), "api-key", ""},
		"one that only can": {qdrantStack(t, "QDRANT__SERVICE__READ_ONLY_API_KEY=canary-5"), "api-key", "canary-5"},
	} {
		facts := vectorFacts(tt.stack)
		if strings.Contains(fmt.Sprint(facts), "canary") || facts[2].Text == "" || len(tt.stack.sent) != 4 {
			t.Errorf("%s: %+v, %d requests", name, facts, len(tt.stack.sent))
		}
		for _, r := range tt.stack.sent {
			if r.Headers[tt.head] != tt.value || strings.Contains(r.URL+r.Body, "canary") || r.Method == "POST" && r.Headers["Content-Type"] != "application/json" {
				t.Errorf("%s: %+v", name, r)
			}
		}
	}
}

func TestVectorPlaces(t *testing.T) {
	for name, tt := range map[string]struct {
		ref   string
		words []string
		want  string
	}{
		"Weaviate":           {"semitechnologies/weaviate:1.27.0", []string{"/bin/weaviate", "--host", "0.0.0.0", "--port", "8081", "--scheme", "http"}, "http://127.0.0.1:8081"},
		"Weaviate with TLS":  {"cr.weaviate.io/semitechnologies/weaviate:1.27.0", []string{"/bin/weaviate", "--scheme", "https"}, ""},
		"Qdrant":             {"qdrant/qdrant:v1.9.0", []string{"QDRANT__SERVICE__HTTP_PORT=7000"}, "http://127.0.0.1:7000"},
		"Qdrant with TLS":    {"qdrant/qdrant:v1.9.0", []string{"QDRANT__SERVICE__ENABLE_TLS=1"}, ""},
		"Qdrant without TLS": {"qdrant/qdrant:v1.9.0", []string{"QDRANT__SERVICE__ENABLE_TLS=false"}, "http://127.0.0.1:6333"},
	} {
		s := &stack{members: []Member{member(t, "store", tt.ref, tt.words...)}}
		v := FindVectors(s)[0]
		if v.base != tt.want {
			t.Errorf("%s: %q", name, v.base)
		}
		if f := v.Facts(context.Background()); tt.want == "" && (f[2].Unasked == "" || NotServing(context.Background(), s, s.members[0]) != "" || len(s.sent) > 0) {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// Without a check of its container a store was asked for its objects before it had loaded
// them: nothing answered, and nothing was checked.
func TestVectorsNotServing(t *testing.T) {
	for name, tt := range map[string]struct {
		answer Response
		want   string
	}{
		"ready":          {Response{Status: 200}, ""},
		"not yet":        {Response{Status: 503}, "does not serve yet: /v1/.well-known/ready answers 503"},
		"not listening":  {Response{Error: "dial tcp 127.0.0.1:8080: connect: connection refused"}, "does not answer: dial tcp 127.0.0.1:8080: connect: connection refused"},
		"an old one":     {Response{Status: 404}, ""},
		"another speech": {Response{Error: "malformed HTTP response"}, ""},
	} {
		s := weaviateStack(t)
		s.http["store http://127.0.0.1:8080/v1/.well-known/ready"] = tt.answer
		if got := NotServing(context.Background(), s, s.members[1]); got != tt.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	q := qdrantStack(t)
	q.http["store http://127.0.0.1:6333/readyz"] = Response{Status: 503}
	if got := NotServing(context.Background(), q, q.members[0]); got != "does not serve yet: /readyz answers 503" {
		t.Errorf("%q", got)
	}
}

func TestVectorSteps(t *testing.T) {
	weaviate := func(meta Response) *stack {
		s := weaviateStack(t)
		s.http["store http://127.0.0.1:8080/v1/meta"] = meta
		return s
	}
	runs := func(v string) Response { return said(`{"version": "` + v + `"}`) }
	for name, tt := range map[string]struct {
		stack *stack
		to    string
		want  string // Found, and the beginning of What
	}{
		"one step":            {weaviate(runs("1.27.3")), "cr.weaviate.io/semitechnologies/weaviate:1.28.4", ""},
		"a patch":             {weaviate(runs("1.27.0")), "semitechnologies/weaviate:1.27.9", ""},
		"over one":            {weaviate(runs("1.27.3")), "semitechnologies/weaviate:1.29.0", "1.27.3, which runs: service store: Weaviate goes up one minor version at a time"},
		"over twelve":         {weaviate(runs("1.27.0")), "cr.weaviate.io/semitechnologies/weaviate:1.39.2", "1.27.0, which runs: service store: Weaviate goes up one minor version at a time"},
		"what runs counts":    {weaviate(runs("1.28.2")), "semitechnologies/weaviate:1.29.0", ""},
		"down":                {weaviate(runs("1.30.1")), "semitechnologies/weaviate:1.28.0", "1.30.1, which runs: the image of store would be older than the Weaviate that runs, and its data may be newer than it can read"},
		"the tag, without it": {weaviate(Response{Status: 401}), "semitechnologies/weaviate:1.29.0", "what its tag says: service store: Weaviate goes up one minor version at a time"},
		"no version":          {weaviate(runs("canary\\n::error::x")), "semitechnologies/weaviate:1.29.0", "what its tag says: service store: Weaviate goes up one minor version at a time"},
		"to no version":       {weaviate(runs("1.27.0")), "semitechnologies/weaviate:latest", ""},
		"Qdrant, one step":    {qdrantStack(t), "langgenius/qdrant:v1.9.1", ""},
		"Qdrant, over one":    {qdrantStack(t), "langgenius/qdrant:v1.10.0", "1.8.3, which runs: service store: Qdrant goes up one minor version at a time"},
	} {
		to, err := image.Parse(tt.to)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range FindVectors(tt.stack)[0].Steps(context.Background(), to) {
			if got = append(got, p.Found+": "+p.What); p.Next == "" {
				t.Errorf("%s: %+v", name, p)
			}
		}
		if text := strings.Join(got, "; "); text != tt.want {
			t.Errorf("%s: %q, want %q", name, text, tt.want)
		}
	}
}
