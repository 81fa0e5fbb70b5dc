package cli

import "io"

// Streams are the input and the outputs of a command. Results go to out, everything else to
// err.
type Streams struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
}
