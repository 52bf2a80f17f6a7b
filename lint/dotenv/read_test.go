package dotenv

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/belaystack/belay/lint/source"
)

// show writes the entries of f as one line each: place, marks, key, value.
func show(f *File) string {
	var b strings.Builder
	for _, e := range f.Entries {
		marks := ""
		for _, m := range []struct {
			on   bool
			mark string
		}{{e.Commented, "#"}, {e.Export, "x"}, {e.Inherited, "i"}, {e.Unset, "u"}} {
			if m.on {
				marks += m.mark
			}
		}
		fmt.Fprintf(&b, "%d:%d %s%s=%q help=%q\n", e.Span.Line, e.Span.Col, marks, e.Key, e.Value.Reveal(), e.Help)
	}
	return b.String()
}

func TestParse(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"plain", "A=1\n", "1:1 A=\"1\" help=\"\"\n"},
		{"no newline at the end", "A=1", "1:1 A=\"1\" help=\"\"\n"},
		{"mark and crlf", "\ufeffA=1\r\nB=2\r\n", "1:1 A=\"1\" help=\"\"\n2:1 B=\"2\" help=\"\"\n"},
		{"export", "  export A=1\n", "1:10 xA=\"1\" help=\"\"\n"},
		{"several lines in quotes", "A=\"1\n2\"\nB=3\n", "1:1 A=\"1\\n2\" help=\"\"\n3:1 B=\"3\" help=\"\"\n"},
		{"comment behind a value", "A=1 # one\nB=\"2\" # two\n", "1:1 A=\"1\" help=\"\"\n2:1 B=\"2\" help=\"\"\n"},
		{"characters, not bytes", "A=\"日本\"B=2\n", "1:1 A=\"日本\" help=\"\"\n1:7 B=\"2\" help=\"\"\n"},
		{"duplicates keep their own values", "A=1\nB=$A\nA=2\nC=$A\n", "1:1 A=\"1\" help=\"\"\n2:1 B=\"1\" help=\"\"\n3:1 A=\"2\" help=\"\"\n4:1 C=\"2\" help=\"\"\n"},
		{"inherited", "HOME\nNONE\nA=1\n", "1:1 iHOME=\"/root\" help=\"\"\n2:1 iuNONE=\"\" help=\"\"\n3:1 A=\"1\" help=\"\"\n"},
		{"the environment comes first", "HOME=/here\nA=$HOME\n", "1:1 HOME=\"/here\" help=\"\"\n2:1 A=\"/root\" help=\"\"\n"},
		{"help", "# Section\n# ------\n\n# One.\n#\n# Two.\nA=1\nB=2\n", "7:1 A=\"1\" help=\"One.\\nTwo.\"\n8:1 B=\"2\" help=\"\"\n"},
		{"help is cut off by an empty line", "# One.\n\nA=1\n", "3:1 A=\"1\" help=\"\"\n"},
		{"commented out", "#A_B=1\n# A_C=2\n#\tA_D=3\n# export A_E='x y'\n", "1:2 #A_B=\"1\" help=\"\"\n2:3 #A_C=\"2\" help=\"\"\n4:10 #xA_E=\"x y\" help=\"A_D=3\"\n"},
		{"commented out, several words", "#NAME=a b\n# NAME=a b\nK=1\n", "1:2 #NAME=\"a b\" help=\"\"\n3:1 K=\"1\" help=\"NAME=a b\"\n"},
		{"commented out, with a comment", "# NAME=a # b\n", "1:3 #NAME=\"a\" help=\"\"\n"},
		{"prose", "# Set A=1 to see.\n# More (= better)\n# MODE=fast makes it fast.\n# url=http://x\nK=1\n",
			"5:1 K=\"1\" help=\"Set A=1 to see.\\nMore (= better)\\nMODE=fast makes it fast.\\nurl=http://x\"\n"},
		{"commented out counts for nothing", "#AA=1\nB=${AA:-no}\n", "1:2 #AA=\"1\" help=\"\"\n2:1 B=\"no\" help=\"\"\n"},
		{"no key", "=1\nA=1\n", "2:1 A=\"1\" help=\"\"\n"},
	} {
		f, err := Parse(source.New(".env", []byte(tc.text)), environ)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
		if got := show(f); got != tc.want {
			t.Errorf("%s: got\n%swant\n%s", tc.name, got, tc.want)
		}
		agree(t, source.New(tc.name, []byte(tc.text)))
	}
}

func TestWhereTheValueStands(t *testing.T) {
	for text, want := range map[string]string{
		"A=1 # c\n": "1", "A = \"x\" # c\n": `"x"`, "A='x\ny'\n": "'x\ny'", "A=\r\nB=1": "", "A= x y \r\n": "x y", "# AA=1 # c\n": "1", "A= # c\n": "# c",
		"A: b": "b",
	} {
		f, err := Parse(source.New(".env", []byte(text)), nil)
		if err != nil {
			t.Fatal(err)
		}
		at := f.Entries[0].At
		if got := text[at.Offset : at.Offset+at.Len]; got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	const canary = "c4n4ry"
	for _, tc := range []struct{ text, want string }{
		{"A=1\n" + canary + "!b\n", ".env:2:7: a character that no key may hold"},
		{"A B=" + canary + "\n", ".env:1:2: a key with a space in it"},
		{"A=1\nB=\"" + canary + "\n", ".env:2:3: a quote that nothing closes"},
		{"A=" + canary + "${B\n", ".env:1:3: a $ that begins no variable"},
		{"A=${" + canary + ":?" + canary + "}\n", ".env:1:3: a variable required with ? is not set"},
		{"export ", ".env:1:1: export without a key"},
		{"\ufeffA=1\n\"x\"=2\r\n", ".env:2:1: a character that no key may hold"},
	} {
		_, err := Parse(source.New(".env", []byte(tc.text)), nil)
		var e *source.Error
		if !errors.As(err, &e) || err.Error() != tc.want {
			t.Errorf("%q: %v, want %s", tc.text, err, tc.want)
			continue
		}
		if e.Hint() == "" {
			t.Errorf("%q: no hint", tc.text)
		}
		for err := err; err != nil; err = errors.Unwrap(err) {
			if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), canary) {
				t.Errorf("%q: the error shows the value: %#v", tc.text, err)
			}
		}
	}
}

func TestErrorKeepsWhatCameBefore(t *testing.T) {
	f, err := Parse(source.New(".env", []byte("A=1\nB='\n")), nil)
	if _, ok := f.Lookup("A"); err == nil || !ok {
		t.Errorf("error %v, A found %t", err, ok)
	}
}

// Each of these took compose-go seconds, gigabytes or the whole stack.
func TestParseIsBounded(t *testing.T) {
	doubling := "A=xxxxxxxxxxxxxxxx\n"
	for range 60 {
		doubling += "A=$A$A\n"
	}
	for name, text := range map[string]string{
		"doubling":            doubling,
		"many defaults":       "A=" + strings.Repeat("${a:-x}", 200_000),
		"nested defaults":     "A=" + strings.Repeat("${a:-", 200_000) + strings.Repeat("}", 200_000),
		"many, still allowed": strings.Repeat("A="+strings.Repeat("${a:-x}", 300)+"\n", 10),
		"deep, still allowed": "A=" + strings.Repeat("${a:-", 1000) + strings.Repeat("}", 1000),
		"comments":            strings.Repeat("#\n", 1_000_000),
		"keys on one line":    strings.Repeat(`A="x"`, 100_000),
		"commented-out keys":  strings.Repeat("#AA=1\n", 100_000),
		"open quotes":         strings.Repeat("#AA=\"\n", 100_000),
		"blanks":              strings.Repeat(" ", 2<<20),
		"one long key":        strings.Repeat("A", 2<<20),
	} {
		start := time.Now()
		_, _ = Parse(source.New(".env", []byte(text)), nil)
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("%s: %v", name, took)
		} else {
			t.Logf("%s: %v", name, took)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	var largest *source.File
	for _, f := range envFiles(b) {
		if strings.HasPrefix(f.Path, "langgenius__dify") && (largest == nil || len(f.Data) > len(largest.Data)) {
			largest = f
		}
	}
	b.SetBytes(int64(len(largest.Data)))
	for b.Loop() {
		if _, err := Parse(largest, nil); err != nil {
			b.Fatal(err)
		}
	}
}
