package main

import (
	"context"
	"fmt"
	"net/http"
)

// web is Dify's console: one page that names its version.
func web(ctx context.Context, s *Settings) error {
	return serve(ctx, s, 3000, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if s.has("broken") {
			http.Error(w, "Internal Server Error", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<!doctype html><title>Dify</title><p>Dify %s (a stand-in)</p>\n", s.version())
	}))
}

// sandbox runs nobody's code; it answers its health and checks its key.
func sandbox(ctx context.Context, s *Settings) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, "ok") })
	mux.HandleFunc("/v1/sandbox/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Api-Key") != s.env["API_KEY"] {
			answer(w, 401, map[string]any{"code": -401, "message": "Unauthorized"})
			return
		}
		answer(w, 200, map[string]any{"code": 0, "message": "success", "data": map[string]string{"stdout": "", "error": ""}})
	})
	return serve(ctx, s, 8194, mux)
}
