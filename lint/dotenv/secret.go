package dotenv

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// What makes a key secret, and what makes it a setting about a secret after
// all. Words are the parts of a key between "_", "-", "." and a change of case.
var (
	secretWords = words(`SECRET SECRETS PASSWORD PASSWORDS PASSWD PASS PWD PASSPHRASE HTPASSWD TOKEN TOKENS APIKEY APIKEYS
		CREDENTIAL CREDENTIALS DSN PEPPER SALT BEARER PASSCODE PIN PRIVATEKEY`)
	secretPairs = words(`API_KEY API_KEYS ACCESS_KEY ACCESS_KEYS PRIVATE_KEY ENCRYPTION_KEY SIGNING_KEY MASTER_KEY ALLOWED_KEYS
		AUTH_KEY CONNECTION_STRING ACCOUNT_JSON KEY_DATA`)
	openKeys = words(`PUBLIC PUBLISHABLE SITE PRIMARY FOREIGN SORT PARTITION INDEX CACHE ROUTING HOST`)

	// A measure behind the secret word, or a word at either end that says the
	// value is a switch, a name, a place or a rule and not the secret itself.
	measures = words(`MAX MIN LIMIT LIMITS LENGTH EXPIRE EXPIRES EXPIRY EXPIRATION TTL TIMEOUT COUNT COUNTING SIZE INTERVAL DURATION
		MINUTES SECONDS HOURS DAYS ROUNDS ATTEMPTS RETRIES NUM PER`)
	switches = words(`ENABLE ENABLED DISABLE DISABLED ALLOW USE REQUIRE SHOW SKIP IS HAS`)
	tails    = words(`ENABLED DISABLED REQUIRED FILE FILENAME PATH DIR NAME TYPE ALGORITHM ALG METHOD PROVIDER HEADER ISSUER POLICY
		URL URI ENDPOINT HOST PORT USER USERS USERNAME PREFIX PATTERN REGEX LOGIN MODE FORMAT SCOPE SCOPES VERSION REGION LOCATION`)
)

func words(s string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(s) {
		set[w] = true
	}
	return set
}

// IsSecret reports whether the name of a key, or the path of a Helm value,
// says that its value is a secret: SECRET_KEY, DB_PASSWORD, auth.apiKey; not
// MAX_TOKENS, PASSWORD_MIN_LENGTH, TOKEN_URL. When in doubt it is one.
func IsSecret(key string) bool {
	w := split(key)
	at := secretWord(w)
	if at < 0 {
		return false
	}
	last := w[len(w)-1]
	if switches[w[0]] || switches[last] || tails[last] {
		return false
	}
	if strings.HasPrefix(w[at], "TOKEN") && slices.ContainsFunc(w[:at], measured) {
		return false // MAX_TOKENS, RATE_LIMIT_PER_TOKEN
	}
	return !slices.ContainsFunc(w[at+1:], measured)
}

func measured(word string) bool { return measures[word] }

// secretWord gives the index of the last word that makes w a secret, or -1.
func secretWord(w []string) int {
	for i, word := range slices.Backward(w) {
		prev := ""
		if i > 0 {
			prev = w[i-1]
		}
		final := i == len(w)-1
		switch {
		case secretWords[word], secretPairs[prev+"_"+word]:
			return i
		case final && word == "AUTH": // NEO4J_AUTH=user/password
			return i
		case final && word == "KEY" && prev != "" && !openKeys[prev]:
			return i
		}
	}
	return -1
}

// credentials is a URL with a password in it.
var credentials = regexp.MustCompile(`(?i)[a-z][a-z0-9+.-]*://[^\s/@:]*:[^\s/@]+@`)

// HasCredentials reports whether v is a URL that carries a password, as
// CELERY_BROKER_URL does, whatever its key is called.
func HasCredentials(v Value) bool {
	return credentials.MatchString(v.Written()) || credentials.MatchString(v.Reveal())
}

// secret reports whether any of the values, or the key's name, is secret.
func secret(key string, values ...Value) bool {
	return IsSecret(key) || slices.ContainsFunc(values, HasCredentials)
}

// split cuts a key into its words, in capitals: "auth.apiKey" gives AUTH, API, KEY.
func split(key string) []string {
	var b strings.Builder
	prev := ' '
	for _, r := range key {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsNumber(r):
			r = ' '
		case unicode.IsUpper(r) && unicode.IsLower(prev):
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToUpper(r))
		prev = r
	}
	return strings.Fields(b.String())
}
