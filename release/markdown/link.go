package markdown

import (
	"bytes"
	"net/url"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxURL is the length of the longest target that stays a link.
const maxURL = 2000

var (
	scheme   = lazy(`^[A-Za-z][A-Za-z0-9+.-]*:`)
	hostName = lazy(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$`)
)

// target gives the neutral form of a link's target, fit to stand between
// parentheses or angle brackets, or "" when there is none: not http or https,
// nothing but a fragment, a host that is not plain ASCII.
//
// One definition can be used many times: when the targets together have grown
// far beyond the source, no more are given.
func (r *source) target(dest []byte) string {
	if r.room < 0 {
		return ""
	}
	to := r.neutralTarget(dest)
	if r.room -= len(to); r.room < 0 {
		return ""
	}
	return to
}

func (r *source) neutralTarget(dest []byte) string {
	if rest, ok := bytes.CutPrefix(dest, []byte("https://github.com/")); ok && ordinary(rest) {
		return "https://" + hostFor(string(rest)) + "/" + string(rest)
	}
	s := strings.TrimSpace(string(dest))
	if s == "" || len(s) > maxURL || strings.HasPrefix(s, "#") || strings.HasPrefix(s, "//") ||
		strings.ContainsAny(s, "\\\n\t") {
		return ""
	}
	if !strings.HasPrefix(s, "https://") && !scheme().MatchString(s) {
		return r.relative(s)
	}
	u, err := url.Parse(s)
	if err != nil || u.Opaque != "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	host := strings.TrimSuffix(strings.ToLower(u.Host), ".")
	if u.Scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	} else {
		host = strings.TrimSuffix(host, ":80")
	}
	if host = strings.TrimSuffix(host, "."); host != "github.com" && !hostName().MatchString(host) {
		return ""
	}
	p := u.EscapedPath()
	if name, _, _ := strings.Cut(host, ":"); name == "github.com" || strings.HasSuffix(name, ".github.com") {
		host, p = onGitHub(u, host)
	}
	return join(u.Scheme+"://"+host+p, u)
}

// onGitHub sends links that would leave a trace where they lead to (issues,
// pull requests, discussions, commits, comparisons) through the host that
// GitHub keeps for that. It judges the path as a server would read it.
func onGitHub(u *url.URL, host string) (string, string) {
	if u.Path == "" {
		return host, ""
	}
	clean := path.Clean("/" + u.Path)
	if name, _, _ := strings.Cut(host, ":"); name == "github.com" || name == "www.github.com" {
		host = hostFor(clean[1:])
	}
	return host, (&url.URL{Path: clean}).EscapedPath()
}

// hostFor gives the host for a clean path on github.com.
func hostFor(p string) string {
	parts := strings.SplitN(p, "/", 4)
	if len(parts) > 2 && !harmless(strings.ToLower(parts[2])) {
		return "redirect.github.com"
	}
	return "github.com"
}

// ordinary says whether a path needs no parsing: nearly all in notes are so.
func ordinary(p []byte) bool {
	for i, c := range p {
		if c >= utf8.RuneSelf || !alnum(c) && c != '-' && c != '_' && (c != '.' && c != '/' || i == 0 || p[i-1] == '/' || p[i-1] == '.') {
			return false
		}
	}
	return len(p) > 0 && len(p) < maxURL && p[len(p)-1] != '/'
}

func harmless(page string) bool {
	switch page {
	case "blob", "tree", "raw", "releases", "wiki", "tags", "security", "actions":
		return true
	}
	return false
}

// relative makes a link into the repository absolute, at the tag.
func (r *source) relative(s string) string {
	u, err := url.Parse(s)
	if err != nil || r.o.Repo == "" || r.o.Ref == "" || u.Path == "" {
		return ""
	}
	ref := strings.Split(r.o.Ref, "/")
	for i, part := range ref {
		if ref[i] = url.PathEscape(part); part == "." || part == ".." {
			return ""
		}
	}
	file := (&url.URL{Path: path.Clean("/" + u.Path)}).EscapedPath()
	return join("https://github.com/"+r.o.Repo+"/blob/"+strings.Join(ref, "/")+file, u)
}

// join adds query and fragment, and encodes every byte that Markdown might
// read as something else.
func join(s string, u *url.URL) string {
	if u.RawQuery != "" {
		s += "?" + u.RawQuery
	}
	if f := u.EscapedFragment(); f != "" {
		s += "#" + strings.ReplaceAll(f, "#", "%23")
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; alnum(c) && c < 0x80 || strings.IndexByte("-._~/?#%=&+,:@", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteString(strings.ToUpper(strconv.FormatUint(uint64(c)+0x100, 16)[1:]))
		}
	}
	return b.String()
}

// destination writes a target for the parentheses of a link.
func destination(out []byte, target string) []byte {
	for {
		before, after, found := strings.Cut(target, "&")
		out = append(out, before...)
		if !found {
			return out
		}
		out = append(out, "&amp;"...)
		target = after
	}
}

// label gives the text to show for a bare URL: GitHub's short form for issues
// and pull requests, else the URL.
func (r *source) label(target string) string {
	if rest, ok := cutHost(target, "redirect.github.com"); ok {
		if repo, n := thread(rest); n > 0 {
			if strings.EqualFold(repo, r.o.Repo) {
				repo = ""
			}
			return repo + "#" + strconv.Itoa(n)
		}
		if before, after, ok := strings.Cut(rest, "/compare/"); ok && before != "" && !strings.ContainsAny(after, "/?%") {
			return after
		}
	}
	return target
}

func cutHost(target, host string) (string, bool) {
	_, rest, _ := strings.Cut(target, "://")
	return strings.CutPrefix(rest, host)
}

// topicNumber is the number of an issue or pull request of this repository (of
// any, when it is not known) that a target leads to, or 0.
func (r *source) topicNumber(target string) int {
	rest, ok := cutHost(target, "redirect.github.com")
	if !ok {
		return 0
	}
	if repo, n := thread(rest); r.o.Repo == "" || strings.EqualFold(repo, r.o.Repo) {
		return n
	}
	return 0
}

// thread gives the repository and number of the issue, pull request or
// discussion at a path, or 0.
func thread(p string) (string, int) {
	parts := strings.Split(p, "/")
	if len(parts) != 5 || parts[1] == "" || parts[2] == "" || len(parts[4]) > 9 {
		return "", 0
	}
	switch parts[3] {
	case "issues", "pull", "pulls", "discussions":
		if n, err := strconv.Atoi(parts[4]); err == nil && n > 0 && digit(parts[4][0]) {
			return parts[1] + "/" + parts[2], n
		}
	}
	return "", 0
}

// bare says whether a target can stand as <target> and be read back.
func bare(target string) bool { return !strings.ContainsAny(target, "&@") }
