package docker

import (
	"errors"
	"regexp"
	"strings"
)

// What an *Error, and errors that wrap one, may be asked for with errors.Is.
var (
	// ErrEngine says that the engine did not answer, or went away meanwhile: the
	// command may have been carried out or not. Wait with Client.Ready and look.
	ErrEngine = errors.New("engine not reachable")
	// ErrNotFound says that the container, image, volume or network is not there.
	ErrNotFound = errors.New("not found")
	// ErrRemoving says that the container is being removed by somebody else: a one-off that
	// ended removes itself.
	ErrRemoving = errors.New("being removed")
	// ErrPort says that a port which a container publishes is taken.
	ErrPort = errors.New("port taken")
	// ErrHalfStarted says that the engine was killed while it started this container:
	// another one of the same service starts, this one does not until the engine is
	// started anew. Seen with 20.10.24.
	ErrHalfStarted = errors.New("half started")
)

// Error is a docker command that ran and failed. Its text is masked.
type Error struct {
	Command Command // without its environment and streams
	Exit    int     // exit status; -1 when a signal ended it
	Stderr  string  // its last lines, masked
	Cause   error   // of its input or output, when that failed; nil otherwise

	kind error
	text string
}

// Error is the command, its exit status and the last lines it wrote to stderr.
func (e *Error) Error() string {
	if e.Cause != nil {
		return e.text + ": " + e.Cause.Error()
	}
	return e.text
}

// Unwrap gives the failure of the command's input or output.
func (e *Error) Unwrap() error { return e.Cause }

// Is answers for the kinds above.
func (e *Error) Is(target error) bool { return e.kind != nil && e.kind == target }

// Hint is a next move.
func (e *Error) Hint() string {
	switch e.kind {
	case ErrEngine:
		return "is the engine running, and may you use it? docker version"
	case ErrPort:
		// An engine that is killed between publishing a port and noting the container's
		// start holds the port for nobody until it is started anew: seen with 20.10.24.
		return "docker ps and ss -ltnp tell who has the port; when it is no container and no program of yours, the engine holds it since it died: restart it (systemctl restart docker)"
	}
	return ""
}

// kindOf reads the kind of a failure from what docker said: its exit status is 1 for
// nearly everything. In what a program in a container wrote ("connection refused" of
// psql) only the sentences of docker itself count.
func kindOf(args []string, exit int, stderr string) error {
	inside := len(args) > 0 && (args[0] == "exec" || args[0] == "start")
	switch {
	case saysEngine.MatchString(stderr), !inside && saysBroken.MatchString(stderr):
		return ErrEngine
	// docker exec ends with 255 and not a word when the engine went away (CLI:
	// cli/command/container/exec.go, getExecExitStatus), and the engine that came
	// back knows no exec of before.
	case inside && exit == 255 && strings.TrimSpace(stderr) == "", strings.Contains(stderr, "No such exec instance"):
		return ErrEngine
	case saysMissing.MatchString(stderr):
		return ErrNotFound
	case saysRemoving.MatchString(stderr):
		return ErrRemoving
	case saysPort.MatchString(stderr):
		return ErrPort
	case saysHalf.MatchString(stderr):
		return ErrHalfStarted
	}
	return nil
}

var (
	saysRemoving = regexp.MustCompile(`removal of container \S+ is already in progress|is marked for removal and cannot be`)
	saysEngine   = regexp.MustCompile(`(?i)cannot connect to the docker daemon|is the docker daemon running|error during connect|trying to connect to the docker (daemon|api)|failed to connect to the docker api|error waiting for container`)
	saysBroken   = regexp.MustCompile(`(?i)\bEOF$|unexpected EOF|connection reset by peer|broken pipe|connection refused|code = unavailable|transport is closing|ttrpc: closed|use of closed network connection|dial unix `)
	saysPort     = regexp.MustCompile(`(?i)driver failed programming external connectivity|port is already allocated|ports are not available`)
	saysHalf     = regexp.MustCompile(`task [0-9a-f]{64}: already exists`)
	saysMissing  = regexp.MustCompile(`(?i)no such (container|image|volume|network|object)|reference does not exist|could not find the file`)
)
