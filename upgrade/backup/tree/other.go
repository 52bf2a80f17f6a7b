//go:build !linux

package tree

import (
	"context"
	"errors"
	"io"
)

// errLinux: volumes are on Linux, and so is the container that reads them.
var errLinux = errors.New("folders are packed and unpacked on Linux only")

// Pack needs Linux.
func Pack(context.Context, string, Options, io.Writer) (Summary, error) { return Summary{}, errLinux }

// Unpack needs Linux.
func Unpack(context.Context, string, io.Reader) (Summary, error) { return Summary{}, errLinux }

// Hash needs Linux.
func Hash(context.Context, string, Options) (Summary, error) { return Summary{}, errLinux }

// Measure needs Linux.
func Measure(context.Context, string, Options) (Summary, error) { return Summary{}, errLinux }
