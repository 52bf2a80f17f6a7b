package compose

import (
	"sync"
	"testing"
)

// TestConcurrentLoads: compose-go writes into the environment it is given,
// which the validation beside it used to read: a fatal error now and then.
func TestConcurrentLoads(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 20 {
				s := load(t, "-- .env --\nA=1\n-- compose.yaml --\nservices:\n  a:\n    image: x:${A}${B:-b}\n    command: [\"${A}\", \"${C:-c}\"]\n")
				if s.Services[0].Image.Reveal() != "x:1b" {
					t.Errorf("image %q", s.Services[0].Image.Shown)
				}
			}
		}()
	}
	wg.Wait()
}
