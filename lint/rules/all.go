// Package rules holds the rules of belay lint, one per file.
//
// What must stay true: a rule keeps no state and reads nothing but its Pass;
// its documentation is in it, and the examples there are its tests; no message,
// hint, related place or edit holds a value of an env file.
//
// To add a rule: a file named after its ID with a function that gives the
// rule, and one line in All. The tests take it from there.
package rules

import "github.com/belaystack/belay/lint"

// All gives every rule in documentation order.
func All() []*lint.Rule {
	return []*lint.Rule{
		imageTagMissing(),
		imageTagFloating(),
		imagePinMajor(),
		imagePinExact(),
		imageDigestRequired(),
		groupTagMismatch(),
		companionMismatch(),
		imageVariableUnset(),
		envKeyMissing(),
		envSecretDefault(),
		envFileMissing(),
		envDuplicateKey(),
		keyRequired(),
		projectNameUnset(),
		dataVolumeAnonymous(),
		dataInCheckout(),
		postgresDataPath(),
		postgresLibcSwitch(),
		healthcheckMissing(),
		recordStale(),
		composeProfileOff(),
		envFileAdded(),
		imageDowngrade(),
		imageMajorJump(),
		protectedKeyChanged(),
		serviceRemoved(),
		volumeRenamed(),
		reviewRequired(),
	}
}
