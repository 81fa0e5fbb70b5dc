package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

const (
	maxPasswordBytes = 64 << 10 // how much is read to find a password
	maxDocumentBytes = 1 << 20
)

// readText reads a text file or standard input: UTF-8, of at most most bytes. It drops the
// byte order mark that editors of Windows put before the text.
func readText(r io.Reader, most int) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	switch {
	case err != nil:
		return nil, err
	case len(content) > most:
		return nil, fmt.Errorf("it is longer than %d bytes", most)
	}
	return withoutMark(content)
}

// readFile is readText for the file with a name.
func readFile(name string, most int) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	content, err := readText(file, most)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return content, nil
}

// ReadDocument reads the file that a flag names, such as one with schedules; - is standard
// input. Its error names the flag.
func ReadDocument(in io.Reader, flag, name string) (document []byte, err error) {
	if name == "-" {
		document, err = readText(in, maxDocumentBytes)
	} else {
		document, err = readFile(name, maxDocumentBytes)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return document, nil
}

// withoutMark drops the byte order mark of UTF-8. It refuses another encoding, which would
// be stored as a text that nobody typed.
func withoutMark(content []byte) ([]byte, error) {
	for _, mark := range [][]byte{{0xFF, 0xFE}, {0xFE, 0xFF}, {0, 0, 0xFE, 0xFF}} {
		if bytes.HasPrefix(content, mark) {
			return nil, errors.New("it is UTF-16 or UTF-32 text; save it as UTF-8")
		}
	}
	content = bytes.TrimPrefix(content, []byte("\uFEFF"))
	switch {
	case bytes.IndexByte(content, 0) >= 0:
		return nil, errors.New("it has NUL bytes, as UTF-16 text has; save it as UTF-8")
	case !utf8.Valid(content):
		return nil, errors.New("it is not UTF-8 text; save it as UTF-8")
	}
	return content, nil
}

// ReadSecrets reads lines NAME=VALUE. Blanks belong to a value; empty lines do not count. An
// error never quotes a line.
func ReadSecrets(r io.Reader) (map[string]string, error) {
	content, err := readText(r, maxPasswordBytes)
	if err != nil {
		return nil, fmt.Errorf("reading the secrets from standard input: %w", err)
	}
	secrets := make(map[string]string)
	for number, line := range strings.Split(strings.ReplaceAll(string(content), "\r\n", "\n"), "\n") {
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if _, twice := secrets[name]; !ok || twice {
			return nil, fmt.Errorf("line %d of standard input is not of the form NAME=VALUE, or names a field again", number+1)
		}
		secrets[name] = value
	}
	if len(secrets) == 0 {
		return nil, errors.New("standard input has no secrets; pipe them in, each on a line NAME=VALUE: pims-sync credentials set … --secrets-stdin < secrets.txt")
	}
	return secrets, nil
}

// ReadPassword reads the first line of standard input, without its line end: LF, CRLF or
// CR. Blanks belong to the password.
func ReadPassword(r io.Reader) (string, error) {
	content, err := readText(r, maxPasswordBytes)
	if err != nil {
		return "", fmt.Errorf("reading the password from standard input: %w", err)
	}
	if end := bytes.IndexAny(content, "\r\n"); end >= 0 {
		content = content[:end]
	}
	if len(content) == 0 {
		return "", errors.New("standard input has no password on its first line; pipe it in, such as: --password-stdin < password.txt")
	}
	return string(content), nil
}
