// Command helper is what the tests run in helper containers: belay's hidden commands,
// without the rest of it.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/belaystack/belay/upgrade/backup/tree"
	"github.com/belaystack/belay/upgrade/steps"
)

func main() {
	ctx := context.Background()
	err := fmt.Errorf("helper: no command %q", os.Args[1:])
	switch {
	case len(os.Args) > 1 && os.Args[1] == "__tree":
		err = tree.Main(ctx, os.Args[2:], os.Stdin, os.Stdout)
	case len(os.Args) > 1 && os.Args[1] == "__probe":
		err = steps.Asker(ctx, os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
