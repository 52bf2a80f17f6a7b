package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

// treeDepth is how many folders deep one question looks.
const treeDepth = 5

// query asks s one GraphQL question and reads its data into out. All that are
// asked change nothing, so that they may be repeated.
func (c *Client) query(ctx context.Context, s *server, repo, question string, vars map[string]any, out any) error {
	body, err := json.Marshal(map[string]any{"query": question, "variables": vars})
	if err != nil {
		return &Error{Kind: Invalid}
	}
	header := http.Header{"Content-Type": {"application/json"}}
	a, err := s.send(during(ctx, repo, true), http.MethodPost, s.graphql, header, body)
	if err != nil {
		return err
	}
	var doc struct {
		Data   json.RawMessage
		Errors []struct{ Type, Message string }
	}
	if err := json.Unmarshal(a.body, &doc); err != nil {
		return &Error{Kind: Broken, Status: a.status}
	}
	if len(doc.Errors) > 0 {
		e := &Error{Kind: Broken, Status: a.status, Err: errors.New(cut(doc.Errors[0].Message))}
		switch doc.Errors[0].Type {
		case "NOT_FOUND":
			e.Kind, e.Status = NotFound, http.StatusNotFound
		case "FORBIDDEN", "INSUFFICIENT_SCOPES":
			e.Kind, e.Status = Refused, http.StatusForbidden
		case "RATE_LIMITED":
			e.Kind, e.Status, e.Until = Limited, http.StatusForbidden, resetOf(a)
		}
		return e
	}
	if err := json.Unmarshal(doc.Data, out); err != nil {
		return &Error{Kind: Broken, Status: a.status}
	}
	return nil
}

func resetOf(a *answer) time.Time {
	if reset, err := strconv.ParseInt(a.header.Get("X-Ratelimit-Reset"), 10, 64); err == nil {
		return time.Unix(reset, 0)
	}
	return time.Time{}
}

// gitObject is Tree or Blob of the schema, cut to what is asked for.
type gitObject struct {
	Typename string `json:"__typename"`
	Entries  []struct {
		Name   string
		Mode   int
		Type   string
		OID    string
		Object *gitObject
	}
	ByteSize    int
	IsBinary    *bool
	IsTruncated bool
	Text        *string
}

// treeQuestion asks for a folder with the text of its files, nested treeDepth
// times: GraphQL has no recursion.
func treeQuestion() string {
	const file = "... on Blob{byteSize isBinary isTruncated text}"
	entries := "entries{name mode type oid}"
	for range treeDepth {
		entries = "entries{name mode type oid object{__typename " + file + " ... on Tree{" + entries + "}}}"
	}
	return "query($owner:String!,$name:String!,$expression:String!){repository(owner:$owner,name:$name){object(expression:$expression){__typename ... on Tree{" + entries + "}}}}"
}

// askTree asks for the folder dir at ref.
func (w *walk) askTree(ctx context.Context, ref, dir string) (map[string]found, error) {
	owner, name, _ := strings.Cut(w.repo, "/")
	var answer struct {
		Repository *struct{ Object *gitObject }
	}
	err := w.c.query(ctx, w.s, w.repo, treeQuestion(), map[string]any{"owner": owner, "name": name, "expression": ref + ":" + dir}, &answer)
	if err != nil {
		return nil, named(err, w.op, w.repo)
	}
	if answer.Repository == nil || answer.Repository.Object == nil || answer.Repository.Object.Typename != "Tree" {
		return nil, &Error{Op: w.op, Repo: w.repo, Kind: NotFound, Err: errName("there is no such folder")}
	}
	files := map[string]found{}
	return files, named(gather(files, "", answer.Repository.Object), w.op, w.repo)
}

// gather takes the files of a folder, binary ones left out. A text is taken
// when it is the content that the object's id stands for: GraphQL cuts long
// ones and converts what is not UTF-8.
func gather(files map[string]found, dir string, tree *gitObject) error {
	for _, e := range tree.Entries {
		if e.Name == "" || strings.Contains(e.Name, "/") || e.Name == "." || e.Name == ".." {
			continue
		}
		name := path.Join(dir, e.Name)
		if (e.Type == "blob" || e.Type == "tree") && !isCommit(e.OID) {
			return &Error{Kind: Broken}
		}
		switch {
		case e.Type == "tree" && e.Object != nil:
			if err := gather(files, name, e.Object); err != nil {
				return err
			}
		case e.Type == "tree":
			files[name] = found{OID: e.OID, Tree: true}
		case e.Type == "blob" && e.Mode&0o170000 == 0o100000:
			f := found{OID: e.OID}
			if o := e.Object; o != nil {
				if o.IsBinary != nil && *o.IsBinary {
					continue
				}
				f.Size = o.ByteSize
				if o.Text != nil && !o.IsTruncated && isBlob([]byte(*o.Text), e.OID) {
					f.Text = []byte(*o.Text)
				}
			}
			files[name] = f
		}
	}
	return nil
}

// askBlobs asks for the contents of files by their ids, and gives those that
// came whole.
func (w *walk) askBlobs(ctx context.Context, oids []string) (map[string][]byte, error) {
	var q strings.Builder
	q.WriteString("query($owner:String!,$name:String!){repository(owner:$owner,name:$name){")
	for i, oid := range oids {
		if !isCommit(oid) {
			return nil, &Error{Kind: Broken}
		}
		fmt.Fprintf(&q, "b%d:object(oid:%q){__typename ... on Blob{isTruncated text}}", i, oid)
	}
	q.WriteString("}}")
	owner, name, _ := strings.Cut(w.repo, "/")
	var answer struct{ Repository map[string]*gitObject }
	if err := w.c.query(ctx, w.s, w.repo, q.String(), map[string]any{"owner": owner, "name": name}, &answer); err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for i, oid := range oids {
		o := answer.Repository[fmt.Sprintf("b%d", i)]
		if o != nil && o.Text != nil && !o.IsTruncated && isBlob([]byte(*o.Text), oid) {
			out[oid] = []byte(*o.Text)
		}
	}
	return out, nil
}
