package steps

import "time"

// Defaults are what holds where belay.yml says nothing.
func Defaults() Config {
	return Config{Drain: Duration(10 * time.Minute), Window: Duration(10 * time.Second), Deadline: Duration(5 * time.Minute), Keep: 5, KeepFor: Duration(720 * time.Hour)}
}
