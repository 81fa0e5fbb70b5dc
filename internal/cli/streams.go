package cli

import (
	"io"
)

// Streams are the input and the outputs of a command. Results go to out, everything else to
// err.
type Streams struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
}

// UsageError is the error of a command line that cannot be parsed.
type UsageError struct{ err error }

func (e UsageError) Error() string {
	return e.err.Error() + "; `pims-sync --help` shows what there is"
}

func (e UsageError) Unwrap() error { return e.err }

// Usage returns the error of a command line that cannot be carried out as it is.
func Usage(err error) error { return UsageError{err} }
