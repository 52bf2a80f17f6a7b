package githubtest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// contract is GitHub's own description of its REST API.
type contract struct {
	doc     *openapi3.T
	checked int
	missing []string // calls that it does not describe
}

// FindContract gives the path of GitHub's OpenAPI description beside this
// module's checkout, or "".
func FindContract() string {
	dir, err := os.Getwd()
	for err == nil {
		if _, gone := os.Stat(filepath.Join(dir, "go.mod")); gone == nil {
			path := filepath.Join(dir, "..", "shared", "github-api", "openapi.json")
			if _, gone = os.Stat(path); gone == nil {
				return path
			}
			return ""
		}
		if dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	return ""
}

// LoadContract reads GitHub's OpenAPI description. One may serve many servers
// and is slow to read.
func LoadContract(path string) (*openapi3.T, error) {
	return openapi3.NewLoader().LoadFromFile(path)
}

// UseContract holds every REST request and every answer from now on against a
// description, or against none when doc is nil.
func (s *Server) UseContract(doc *openapi3.T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.contract = nil
	if doc != nil {
		s.contract = &contract{doc: doc}
	}
}

// Contract tells how many calls were held against the description, and which
// it does not hold.
func (s *Server) Contract() (checked int, missing []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.contract == nil {
		return 0, nil
	}
	return s.contract.checked, slices.Clone(s.contract.missing)
}

// check holds one call against the description.
func (c *contract) check(t TB, r *request, route route, params []string, out reply) {
	if c == nil {
		return
	}
	name := route.method + " " + route.template
	item := c.doc.Paths.Find(route.template)
	if item == nil || item.GetOperation(route.method) == nil {
		if !slices.Contains(c.missing, name) {
			c.missing = append(c.missing, name)
		}
		return
	}
	c.checked++
	ctx := context.Background()
	clone := r.Request.Clone(ctx)
	clone.Body = io.NopCloser(bytes.NewReader(r.body))
	input := &openapi3filter.RequestValidationInput{
		Request: clone, PathParams: map[string]string{}, QueryParams: r.URL.Query(),
		Route:   &routers.Route{Spec: c.doc, Path: route.template, PathItem: item, Method: route.method, Operation: item.GetOperation(route.method)},
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, MultiError: true},
	}
	for i, p := range parameter.FindAllStringSubmatch(route.template, -1) {
		input.PathParams[p[1]] = params[i]
	}
	if err := openapi3filter.ValidateRequest(ctx, input); err != nil {
		t.Errorf("%s: the request is not as GitHub describes it: %v", name, err)
	}
	header := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	for k, v := range out.header {
		header.Set(k, v)
	}
	if header.Get("Content-Type") != "application/json; charset=utf-8" || out.status == http.StatusNotModified || out.status == http.StatusUnauthorized {
		return // raw content and 401 are described apart from the calls
	}
	if out.status >= 400 && item.GetOperation(route.method).Responses.Status(out.status) == nil {
		return // refusals that every call may meet, such as 403, are not repeated at each
	}
	answer := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: out.status, Header: header, Options: input.Options}
	answer.SetBodyBytes(out.bytes())
	if err := openapi3filter.ValidateResponse(ctx, answer); err != nil {
		t.Errorf("%s: the answer is not as GitHub describes it: %v", name, err)
	}
}
