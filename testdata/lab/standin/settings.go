package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Settings are what the image and the environment say.
type Settings struct {
	App     string // api, web, sandbox, plugin, n8n, nginx
	Version string // as the real application writes it
	Faults  map[string]bool
	env     map[string]string
}

// settings reads the image's file, lines KEY=VALUE, and the environment.
func settings(file string, environ []string) *Settings {
	s := &Settings{Faults: map[string]bool{}, env: map[string]string{}}
	data, _ := os.ReadFile(file) // missing outside of an image: the environment says all
	for _, line := range append(strings.Split(string(data), "\n"), environ...) {
		if key, value, ok := strings.Cut(line, "="); ok {
			s.env[key] = value
			if key == "STANDIN_FAULTS" { // of the image and of the environment
				for _, fault := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' }) {
					s.Faults[fault] = true
				}
			}
		}
	}
	s.App, s.Version = s.env["STANDIN_APP"], s.env["STANDIN_VERSION"]
	return s
}

func (s *Settings) has(fault string) bool { return s.Faults[fault] }

// get returns a variable, or what stands in for an unset or empty one.
func (s *Settings) get(key, otherwise string) string {
	if v := s.env[key]; v != "" {
		return v
	}
	return otherwise
}

// seconds returns a variable that counts seconds.
func (s *Settings) seconds(key string, otherwise float64) time.Duration {
	if v, err := strconv.ParseFloat(s.env[key], 64); err == nil {
		otherwise = v
	}
	return time.Duration(otherwise * float64(time.Second))
}

// log writes a line as Python's logging does.
func (s *Settings) log(level, format string, args ...any) {
	fmt.Printf("%s %s [MainThread] [app] - %s\n", time.Now().UTC().Format("2006-01-02 15:04:05.000"), level, fmt.Sprintf(format, args...))
}

// postgres returns the URL of database db, from the variables that Dify and
// its plugin daemon read.
func (s *Settings) postgres(db string) string {
	return (&url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(s.get("DB_USERNAME", "postgres"), s.env["DB_PASSWORD"]),
		Host:     s.get("DB_HOST", "postgres") + ":" + s.get("DB_PORT", "5432"),
		Path:     "/" + db,
		RawQuery: "sslmode=disable&connect_timeout=10&application_name=" + s.App,
	}).String()
}

// misbehave does those faults that every application can have at its start.
func (s *Settings) misbehave() error {
	mode := s.env["MODE"]
	if s.has("needsvar") && s.env["AGENT_BACKEND_TOKEN"] == "" {
		return errors.New("1 validation error for DifyConfig: AGENT_BACKEND_TOKEN: Field required")
	}
	if s.has("crashloop") && mode != "migration" || s.has("workercrash") && mode == "worker" {
		go func() {
			time.Sleep(s.seconds("STANDIN_CRASH_SECONDS", 0.5))
			s.log("CRITICAL", "worker failed to boot")
			os.Exit(3)
		}()
	}
	if s.has("errorlog") {
		go func() {
			for ; ; time.Sleep(200 * time.Millisecond) {
				s.log("ERROR", "Exception on /console/api/apps [GET]\nTraceback (most recent call last):\n  File \"/app/api/app.py\", line 1, in dispatch\nKeyError: 'icon_bg'")
			}
		}()
	}
	return nil
}

// wrap adds what every answer of the application has, faults included.
func (s *Settings) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.has("slow") {
			time.Sleep(s.seconds("STANDIN_DELAY_SECONDS", 3))
		}
		if s.App == "api" {
			w.Header().Set("X-Version", s.version())
			w.Header().Set("X-Env", "PRODUCTION")
		}
		h.ServeHTTP(w, r)
	})
}

// version is what the application tells of itself.
func (s *Settings) version() string {
	if s.has("wrongversion") {
		return "1.13.3"
	}
	return s.Version
}

// answer writes v as JSON.
func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client went away: nothing to tell it
}
