package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"strings"
)

type location struct {
	match func(path string) bool
	to    http.Handler
}

var (
	locationLine = regexp.MustCompile(`^\s*location\s+(~\s+)?(\S+)\s*\{`)
	passLine     = regexp.MustCompile(`^\s*proxy_pass\s+(http://[^;]+);`)
)

// nginx forwards by the `location` blocks of its configuration. As nginx does,
// it looks up its upstreams once, at its start, and ends when one has no address.
func nginx(ctx context.Context, s *Settings) error {
	conf, err := os.ReadFile(s.get("STANDIN_NGINX_CONF", "/etc/nginx/conf.d/default.conf"))
	if err != nil {
		return err
	}
	locations, err := locations(ctx, string(conf))
	if err != nil {
		return err
	}
	return serve(ctx, s, 80, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, l := range locations {
			if l.match(r.URL.Path) {
				l.to.ServeHTTP(w, r)
				return
			}
		}
		http.NotFound(w, r)
	}))
}

// locations reads the configuration; expressions come before prefixes.
func locations(ctx context.Context, conf string) ([]location, error) {
	var expressions, prefixes []location
	var match func(string) bool
	var isExpression bool
	for line := range strings.Lines(conf) {
		if m := locationLine.FindStringSubmatch(line); m != nil {
			isExpression = m[1] != ""
			match = func(path string) bool { return strings.HasPrefix(path, m[2]) }
			if isExpression {
				expression, err := regexp.Compile(m[2])
				if err != nil {
					return nil, err
				}
				match = expression.MatchString
			}
		}
		m := passLine.FindStringSubmatch(line)
		if m == nil || match == nil {
			continue
		}
		to, err := upstream(ctx, m[1])
		if err != nil {
			return nil, err
		}
		if isExpression {
			expressions = append(expressions, location{match, to})
		} else {
			prefixes = append(prefixes, location{match, to})
		}
	}
	return append(expressions, prefixes...), nil
}

func upstream(ctx context.Context, raw string) (http.Handler, error) {
	to, err := url.Parse(raw)
	if err != nil {
		return nil, err
	}
	addresses, err := net.DefaultResolver.LookupHost(ctx, to.Hostname())
	if err != nil || len(addresses) == 0 {
		return nil, fmt.Errorf("[emerg] host not found in upstream %q", to.Hostname())
	}
	to.Host = net.JoinHostPort(addresses[0], to.Port())
	return httputil.NewSingleHostReverseProxy(to), nil
}
