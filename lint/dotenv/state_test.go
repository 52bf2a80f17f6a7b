package dotenv

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/belaystack/belay/lint/source"
)

func TestWriteState(t *testing.T) {
	set := examples(t, ".env.example", "HOST=db\nPORT=5432\nMODE=\nSECRET_KEY=public\nURL=redis://:pw@h\n")
	env := parse(t, ".env", "PORT=6543\nHOST=\"db\"\nMODE=\nSECRET_KEY=c4n4ry\nOWN=c4n4ry\nAPI_TOKEN=\nURL=redis://:c4n4ry@h\n#OFF_KEY=1\nGONE\n")
	got, err := WriteState(env, set)
	if err != nil {
		t.Fatal(err)
	}
	want := stateVersion + "\n" + stateComment + "\nAPI_TOKEN set\nHOST set\nMODE empty\nOWN set\nPORT differs\nSECRET_KEY set\nURL set\n"
	if string(got) != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	state, err := ReadState(source.New(StateFile, got))
	if err != nil {
		t.Fatal(err)
	}
	if !state.Has("HOST") || state.Has("GONE") || state.At("HOST").Line != 4 {
		t.Errorf("read back: %v", state.keys)
	}
}

func TestWriteStateRefusesPublicSecrets(t *testing.T) {
	set := examples(t, ".env.example", "SECRET_KEY=public\nAPI_KEY=\nHOST=db\n", "envs/x.env.example", "DB_PASSWORD=public\nURL=redis://:pw@h\nSECRET_KEY=other\n")
	env := parse(t, ".env", "SECRET_KEY='other'\nAPI_KEY=\nHOST=db\nDB_PASSWORD=public\nURL=redis://:pw@h\n")
	_, err := WriteState(env, set)
	var public *SecretDefaultsError
	if !errors.As(err, &public) || !slices.Equal(public.Keys, []string{"SECRET_KEY", "DB_PASSWORD", "URL"}) {
		t.Fatalf("error %v, %+v", err, public)
	}
	if want := "env state: 3 secret keys still have the public values of their examples"; err.Error() != want || public.Hint() == "" {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestReadStateIsStrict(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "belay.env-state:1:1: not a state of this version",
		"belay.env-state 2\nA set\n":   "belay.env-state:1:1: not a state of this version",
		"A\n":                          "belay.env-state:2:1: not a line of a state",
		"A c4n4ry\n":                   "belay.env-state:2:1: a key must be followed by",
		"A set \n":                     "belay.env-state:2:1: a key must be followed by",
		"A=c4n4ry set\n":               "belay.env-state:2:1: a key with a character",
		"B set\nA set\n":               "belay.env-state:3:1: keys out of order",
		"A set\nA set\n":               "belay.env-state:3:1: a key that is named twice",
		"SECRET_KEY differs\n":         "belay.env-state:2:1: of a secret key",
		"SECRET_KEY empty\n":           "belay.env-state:2:1: of a secret key",
		" A set\n":                     "belay.env-state:2:1: not a line of a state",
		"A set\nB differs\n\n# x\nC e": "belay.env-state:6:1: a key must be followed by",
	} {
		if text != "" && !strings.HasPrefix(text, "belay") {
			text = stateVersion + "\n" + text
		}
		_, err := ReadState(source.New(StateFile, []byte(text)))
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "c4n4ry") {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if _, err := ReadState(source.New(StateFile, []byte(stateVersion+"\r\nA set\r\n"))); err != nil {
		t.Errorf("crlf: %v", err)
	}
}

func TestLimits(t *testing.T) {
	for want, y := range map[string]Yours{
		"":                           {File: &File{}},
		"not in the repository":      {},
		"belay.env-state knows no v": {State: &State{Path: StateFile}},
	} {
		if got := y.Limits(); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
