package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Show prints a command's result: as one JSON document, or as text for people
// (docs/interface.md §Commands).
func Show(std Streams, c *Config, document any, text func(w io.Writer)) error {
	if !c.JSON {
		text(std.Out)
		return nil
	}
	encoder := json.NewEncoder(std.Out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("printing the result: %w", err)
	}
	return nil
}

// More says that a list continues, and how to see the rest.
func More(w io.Writer, cursor string) {
	if cursor != "" {
		fmt.Fprintf(w, "… more: --cursor %s goes on, --limit N shows up to %d at once\n", cursor, MaxLimit)
	}
}

// Ask asks the person at the terminal a question. Only y and yes mean yes.
func Ask(std Streams, question string) (bool, error) {
	fmt.Fprint(std.Err, question)
	answer, err := bufio.NewReader(io.LimitReader(std.In, 1<<10)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("reading the answer: %w", err)
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes", nil
}
