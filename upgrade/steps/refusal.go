package steps

import "github.com/belaystack/belay/upgrade"

// Refusal is why a run does not begin.
type Refusal = upgrade.Refusal
