package catalog

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestReadsRDB(t *testing.T) {
	for _, tt := range []struct {
		app, version string
		format       int
		want         string
	}{
		{Redis, "6.2.14", 9, "reads"},
		{Redis, "6.2.14", 10, "refuses"},
		{Redis, "7.0.15", 10, "reads"},
		{Redis, "7.0.15", 11, "refuses"},
		{Redis, "7.2.4", 12, "refuses"},
		{Redis, "7.4.0", 12, "reads"},
		{Redis, "8.4.2", 12, "reads"},
		{Redis, "8.4.2", 13, "refuses"},
		{Redis, "8.4.2", 14, "refuses"}, // whatever that is, it is a later one
		{Redis, "8.6.0", 13, "reads"},
		{Redis, "8.6.0", 7, "reads"},
		{Redis, "9.0.0", 14, "unknown"},
		{Redis, "8.6.0", 80, "refuses"},
		{Redis, "4.0.14", 8, "unknown"},
		{Redis, "255.255.255", 12, "unknown"},
		{Redis, "", 9, "unknown"},
		{Valkey, "7.2.5", 11, "reads"},
		{Valkey, "8.1.1", 12, "refuses"},
		{Valkey, "8.1.1", 80, "refuses"},
		{Valkey, "9.0.0", 80, "reads"},
		{Valkey, "9.0.0", 11, "reads"},
		{Valkey, "9.0.0", 12, "refuses"}, // Redis 7.4's
		{Valkey, "9.0.0", 81, "unknown"},
		{Postgres, "18.0", 9, "unknown"},
	} {
		reads, known := ReadsRDB(tt.app, tt.version, tt.format)
		got := map[bool]string{true: "reads", false: "refuses"}[reads]
		if !known {
			got = "unknown"
		}
		if got != tt.want {
			t.Errorf("%s %s and format %d: %s, want %s", tt.app, tt.version, tt.format, got, tt.want)
		}
	}
	for want, got := range map[string]string{"7.4": RDBSince(Redis, 12), "5.0": RDBSince(Redis, 6), "9.0": RDBSince(Valkey, 80), "7.2": RDBSince(Valkey, 11), "": RDBSince(Valkey, 12) + RDBSince(Redis, 99)} {
		if got != want {
			t.Errorf("since %q, want %q", got, want)
		}
	}
}

// Each format but the first of a program is a way that is not gone back, and says which.
func TestRDBGates(t *testing.T) {
	gates := storeGates()
	for i, f := range rdbFormats() {
		if i == 0 || rdbFormats()[i-1].app != f.app {
			continue
		}
		has := slices.ContainsFunc(gates, func(g Gate) bool {
			return g.App == f.app && g.At == f.since && g.Back == BackRestore && strings.Contains(g.Text, fmt.Sprintf("RDB format %d,", f.format))
		})
		if !has {
			t.Errorf("no gate for format %d of %s %s", f.format, f.app, f.since)
		}
	}
}
