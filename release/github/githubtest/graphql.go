package githubtest

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"
)

//go:embed schema.graphql
var schemaText string

// object is a thing of the schema: its fields by name, each a value or a
// func(args) of one. Under __typename is its type.
type object map[string]any

type field func(args map[string]any) any

// gqlError is an entry of "errors" in an answer.
type gqlError struct {
	Type    string `json:"type,omitempty"`
	Message string `json:"message"`
}

// graphql answers a question, after holding it against the schema.
func (s *Server) graphql(r *request) reply {
	if r.Method != http.MethodPost || r.URL.RawQuery != "" {
		s.t.Errorf("GraphQL: %s %s", r.Method, r.URL.RequestURI())
	}
	if r.token.rights.NoGraphQL {
		return failure(http.StatusForbidden, "Resource not accessible by integration")
	}
	var doc struct {
		Query     string
		Variables map[string]any
	}
	dec := json.NewDecoder(strings.NewReader(string(r.body)))
	dec.UseNumber()
	if err := dec.Decode(&doc); err != nil {
		s.t.Errorf("GraphQL: %v", err)
		return failure(http.StatusBadRequest, "Problems parsing JSON")
	}
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphql", Input: schemaText})
	if err != nil {
		panic("githubtest: " + err.Error())
	}
	query, errs := gqlparser.LoadQueryWithRules(schema, doc.Query, nil)
	if len(errs) > 0 {
		s.t.Errorf("GraphQL: %v in %s", errs, doc.Query)
		return gqlAnswer(nil, gqlError{"", errs.Error()})
	}
	op := query.Operations[0]
	vars, err := validator.VariableValues(schema, op, doc.Variables)
	if err != nil {
		s.t.Errorf("GraphQL: variables %v of %s: %v", doc.Variables, doc.Query, err)
		return gqlAnswer(nil, gqlError{"", err.Error()})
	}
	e := execution{vars: vars}
	root := object{"__typename": "Query", "repository": field(func(args map[string]any) any {
		return s.gqlRepository(r, &e, args)
	})}
	return gqlAnswer(e.complete(root, op.SelectionSet), e.errors...)
}

func gqlAnswer(data any, errs ...gqlError) reply {
	body := map[string]any{"data": data}
	if len(errs) > 0 {
		body["errors"] = errs
	}
	return reply{status: http.StatusOK, body: body}
}

type execution struct {
	vars   map[string]any
	errors []gqlError
}

// complete gives of a value what is selected.
func (e *execution) complete(v any, set ast.SelectionSet) any {
	switch v := v.(type) {
	case []object:
		out := []any{}
		for _, item := range v {
			out = append(out, e.complete(item, set))
		}
		return out
	case object:
		if v == nil {
			return nil
		}
		out := map[string]any{}
		e.collect(out, v, set)
		return out
	}
	return v
}

func (e *execution) collect(out map[string]any, v object, set ast.SelectionSet) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			value := v[sel.Name]
			if f, ok := value.(field); ok {
				value = f(sel.ArgumentMap(e.vars))
			}
			out[sel.Alias] = e.complete(value, sel.SelectionSet)
		case *ast.InlineFragment:
			if sel.TypeCondition == v["__typename"] {
				e.collect(out, v, sel.SelectionSet)
			}
		case *ast.FragmentSpread:
			if sel.Definition.TypeCondition == v["__typename"] {
				e.collect(out, v, sel.Definition.SelectionSet)
			}
		}
	}
}

func (s *Server) gqlRepository(r *request, e *execution, args map[string]any) any {
	name := strings.ToLower(fmt.Sprint(args["owner"], "/", args["name"]))
	if to, ok := s.moved[name]; ok {
		name = strings.ToLower(to)
	}
	repo := s.repos[name]
	if repo == nil || !r.token.sees(repo) {
		e.errors = append(e.errors, gqlError{"NOT_FOUND", "Could not resolve to a Repository with the name '" + name + "'."})
		return nil
	}
	return object{
		"__typename": "Repository",
		"object": field(func(args map[string]any) any {
			return repo.git.gqlObject(args)
		}),
		"issues": field(func(args map[string]any) any {
			return connection("IssueConnection", repo.gqlIssues(r.token.login, args["states"]))(args)
		}),
		"pullRequest": field(func(args map[string]any) any {
			n, _ := strconv.Atoi(fmt.Sprint(args["number"]))
			p := repo.pull(n)
			if p == nil {
				e.errors = append(e.errors, gqlError{"NOT_FOUND", fmt.Sprintf("Could not resolve to a PullRequest with the number of %d.", n)})
				return nil
			}
			return p.gql(r.token.login)
		}),
	}
}

// gqlObject is what an expression (REF:PATH) or an id names, or nil.
func (g *git) gqlObject(args map[string]any) any {
	if id, ok := args["oid"].(string); ok {
		return g.gqlByID(id)
	}
	ref, path, ok := strings.Cut(fmt.Sprint(args["expression"]), ":")
	tree, known := g.resolve(ref)
	if !ok || !known {
		return nil
	}
	found, ok := g.at(tree, path)
	if !ok {
		return nil
	}
	return g.gqlByID(found.sha)
}

const maxText = 512 << 10 // GitHub cuts longer ones

func (g *git) gqlByID(id string) any {
	if data, ok := g.blobs[id]; ok {
		out := object{"__typename": "Blob", "oid": id, "byteSize": len(data), "isTruncated": len(data) > maxText, "isBinary": false}
		text := string(data[:min(len(data), maxText)])
		switch {
		case strings.Contains(text, "\x00"):
			out["isBinary"], out["text"] = true, nil
		case !utf8.ValidString(text): // converted from whatever it seems to be
			out["text"] = strings.ToValidUTF8(text, "?")
		default:
			out["text"] = text
		}
		return out
	}
	if _, ok := g.trees[id]; !ok {
		return nil
	}
	return object{"__typename": "Tree", "oid": id, "entries": field(func(map[string]any) any {
		var out []object
		for _, x := range g.trees[id] {
			mode, _ := strconv.ParseInt(x.mode, 8, 32)
			out = append(out, object{"__typename": "TreeEntry", "name": x.name, "mode": mode, "type": x.kind, "oid": x.sha, "object": field(func(map[string]any) any { return g.gqlByID(x.sha) })})
		}
		return out
	})}
}

func (p *Pull) gql(viewer string) object {
	var comments, threads []object
	for _, c := range p.comments {
		comments = append(comments, object{
			"__typename": "IssueComment", "id": fmt.Sprintf("IC_%d", c.ID), "databaseId": int32(uint32(c.ID)), // it overflows, as GitHub's does
			"body": c.Body, "url": c.URL, "isMinimized": c.Minimized, "viewerDidAuthor": c.Author == viewer,
		})
	}
	for _, t := range p.threads {
		first := object{"__typename": "PullRequestReviewComment", "body": t.body, "path": t.path, "viewerDidAuthor": t.author == viewer}
		threads = append(threads, object{"__typename": "PullRequestReviewThread", "path": t.path, "isResolved": false, "comments": connection("PullRequestReviewCommentConnection", []object{first})})
	}
	return object{
		"__typename": "PullRequest", "headRefOid": p.HeadSHA, "comments": connection("IssueCommentConnection", comments),
		"reviewThreads": connection("PullRequestReviewThreadConnection", threads),
	}
}

// gqlIssues gives the issues of the states, all for nil; none where issues are
// disabled.
func (repo *repository) gqlIssues(viewer string, states any) []object {
	var out []object
	for _, x := range repo.issues {
		state := "OPEN"
		if x.Closed {
			state = "CLOSED"
		}
		if wanted, ok := states.([]any); repo.settings.NoIssues || ok && !slices.Contains(wanted, any(state)) {
			continue
		}
		out = append(out, object{"__typename": "Issue", "number": x.Number, "title": x.Title, "body": x.Body, "url": x.URL, "state": state, "viewerDidAuthor": x.Author == viewer})
	}
	return out
}

// connection is a list that is read in pages of at most 100.
func connection(typename string, items []object) field {
	return func(args map[string]any) any {
		from, size := 0, 100
		if after, ok := args["after"].(string); ok {
			from, _ = strconv.Atoi(strings.TrimPrefix(after, "cursor:"))
		}
		if n, err := strconv.Atoi(fmt.Sprint(args["first"])); err == nil {
			size = min(n, size)
		}
		from = min(from, len(items))
		to := min(from+size, len(items))
		return object{
			"__typename": typename, "nodes": append([]object{}, items[from:to]...),
			"pageInfo": object{"__typename": "PageInfo", "hasNextPage": to < len(items), "endCursor": fmt.Sprint("cursor:", to)},
		}
	}
}
