package compose

import "testing"

// TestHide: Dify's stock .env sets NGINX_SERVER_NAME to "_", which was hidden
// inside of every profile's name, and inside of what had been hidden already.
func TestHide(t *testing.T) {
	values := []binding{{value: "postgres", shown: "${DB_USERNAME}"}, {value: "_", shown: "${NGINX_SERVER_NAME}"}, {value: "pg", shown: "${KIND}"}}
	for in, want := range map[string]string{
		"postgresql": "${DB_USERNAME}ql", "db_main": "db_main", "_": "${NGINX_SERVER_NAME}", "pg-main": "${KIND}-main", "upgrade": "upgrade", "": "",
	} {
		if got := hide(in, values); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
