package wanted

import (
	"errors"

	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/upgrade"
)

// Kind is why something is refused.
type Kind string

// The kinds of refusals.
const (
	Identity  Kind = "identity"  // what runs is not what the files or the user say
	Files     Kind = "files"     // files that cannot be read, edited or replaced
	Edited    Kind = "edited"    // a file was changed on the host since it was deployed
	Ancestry  Kind = "ancestry"  // the checkout is no successor of what is deployed
	Downgrade Kind = "downgrade" // an image older than what runs
	Major     Kind = "major"     // another major version of PostgreSQL, and not by an upgrade
	Gate      Kind = "gate"      // versions that must not run together
	Volume    Kind = "volume"    // a service would get other data than it has
	Pull      Kind = "pull"      // a plain `docker compose up -d` would undo a rollback
	Key       Kind = "key"       // a key that data depends on would change
	Variable  Kind = "variable"  // a variable that nothing sets
	Choice    Kind = "choice"    // a version that is asked for of an image that is not there
)

// Refused is one reason not to go on. It wraps an *upgrade.Refusal, so that a run
// and the exit code know it: 11.
type Refused struct {
	Kind Kind
	At   source.Pos // in a file of the stack, its path absolute; zero when it is about none
	upgrade.Refusal
}

// Error names the place, the reason, and both sides.
func (r *Refused) Error() string {
	if r.At.IsZero() {
		return r.Refusal.Error()
	}
	return r.At.String() + ": " + r.Refusal.Error()
}

// Unwrap gives the refusal with its place in the reason.
func (r *Refused) Unwrap() error {
	plain := r.Refusal
	if !r.At.IsZero() {
		plain.Reason = r.At.String() + ": " + plain.Reason
	}
	return &plain
}

func refuse(k Kind, reason, found, needed, next string) *Refused {
	return &Refused{Kind: k, Refusal: upgrade.Refusal{Reason: reason, Found: found, Needed: needed, Next: next}}
}

// at puts the refusal at a position in a mirror, whose root is the host's.
func (r *Refused) at(pos source.Pos) *Refused {
	if r.At = pos; pos.File != "" {
		r.At.File = "/" + pos.File
	}
	return r
}

// join makes one error of refusals, or nil.
func join(all []*Refused) error {
	errs := make([]error, len(all))
	for i, r := range all {
		errs[i] = r
	}
	return errors.Join(errs...)
}
