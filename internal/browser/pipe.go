package browser

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"

	"github.com/pims-sync/pims-sync/internal/panics"
)

// maxMessage bounds one message of the browser, in bytes. What is asked for is far smaller;
// a page can put much more into an event, such as the text of a dialog or a data: address.
const maxMessage = 1 << 20

// limitMessages puts itself between the browser and the pipe that chromedp reads, and leaves
// out messages that are too long, so that no page fills this process's memory. An event that
// is left out is not noticed; what waits for an answer waits until its own time is over. It
// is called before the command starts; end is to be called when it has ended or did not start.
func limitMessages(cmd *exec.Cmd, panicked func(*panics.Error)) (end func(), err error) {
	const out = 1 // of ExtraFiles: the browser writes to it
	if len(cmd.ExtraFiles) <= out {
		return nil, errors.New("the browser's command has no pipes")
	}
	copied, err := syscall.Dup(int(cmd.ExtraFiles[out].Fd())) // chromedp closes its own
	if err != nil {
		return nil, err
	}
	syscall.CloseOnExec(copied)
	to := os.NewFile(uintptr(copied), "messages")
	from, theirs, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, to.Close())
	}
	cmd.ExtraFiles[out] = theirs
	cmd.Stdin = closing{theirs}
	panics.Go(func() {
		defer func() { _, _ = from.Close(), to.Close() }()
		passMessages(to, from)
	}, panicked)
	return func() { _ = theirs.Close() }, nil
}

// A closing is an empty input, which os/exec reads as soon as the command runs. Our copy of
// the command's file is then closed, so that its end can be noticed.
type closing struct{ ours *os.File }

func (c closing) Read([]byte) (int, error) {
	_ = c.ours.Close()
	return 0, io.EOF
}

// passMessages copies messages, each of which ends with a zero byte, until one side ends.
func passMessages(to io.Writer, from io.Reader) {
	in := bufio.NewReaderSize(from, 64<<10)
	var message []byte
	tooLong := false
	for {
		part, err := in.ReadSlice(0)
		if tooLong = tooLong || len(message)+len(part) > maxMessage; !tooLong {
			message = append(message, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return
		}
		if !tooLong {
			if _, err := to.Write(message); err != nil {
				return
			}
		}
		message, tooLong = message[:0], false
	}
}
