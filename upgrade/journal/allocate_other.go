//go:build !linux

package journal

import "os"

// allocate leaves it to writing to take the room.
func allocate(*os.File, int64) error { return nil }
