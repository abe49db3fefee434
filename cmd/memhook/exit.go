package main

import (
	"context"
	"errors"
	"fmt"
)

// Exit codes. Scripts rely on them.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2 // the command line or the configuration is wrong
	exitNotFound    = 3
	exitNotAllowed  = 4 // no key, a bad key, or a key without the right
	exitUnreachable = 5 // no answer, or none in time
	exitChanged     = 6 // it is not as it was when it was shown
	exitUnverified  = 7 // a signature did not verify
	exitFailures    = 8 // finished, with failures on the way
	exitInterrupted = 130
)

// An exitError ends the program with a code.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

func failf(code int, format string, args ...any) error {
	return &exitError{code, fmt.Errorf(format, args...)}
}

// exitCode returns the code that an error stands for.
func exitCode(err error) int {
	var e *exitError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &e):
		return e.code
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.Is(err, context.DeadlineExceeded):
		return exitUnreachable
	}
	return exitFailed
}
