package postgres

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// errURL replaces the driver's own error, which may contain the password (R40).
var errURL = errors.New("the database URL is not a PostgreSQL connection string such as " + exampleURL)

const exampleURL = "postgres://user:password@host:5432/database" //nolint:gosec // an example

// checkURL says what kind of text was pasted in place of a database URL. It shows nothing
// of the text, which may contain the password (R40).
func checkURL(raw string) error {
	switch trimmed := strings.TrimSpace(raw); {
	case trimmed == "": // the driver would read the environment
		return errURL
	case trimmed != raw:
		return errors.New("the database URL has blanks or a line end around it; write it without them, in DATABASE_URL")
	case strings.TrimFunc(raw, isQuotationMark) != raw:
		return errors.New("the database URL is in quotation marks, which belong to a shell; write it without them, in DATABASE_URL")
	case strings.ContainsAny(raw, "\r\n\t\x00"):
		return errors.New("the database URL has a line end or a tab in it; write it on one line, in DATABASE_URL")
	}
	for _, p := range pastings {
		if strings.HasPrefix(strings.ToLower(raw), p.begins) {
			return fmt.Errorf("the database URL %s; write %s, in DATABASE_URL", p.is, p.write)
		}
	}
	for _, scheme := range []string{"postgres:", "postgresql:"} {
		if rest, ok := strings.CutPrefix(strings.ToLower(raw), scheme); ok && !strings.HasPrefix(rest, "//") {
			return fmt.Errorf("the database URL has fewer than two slashes after %s; write %s// at its beginning, in DATABASE_URL", scheme, scheme)
		}
	}
	if err := checkPassword(raw); err != nil {
		return err
	}
	if before, _, ok := strings.Cut(raw, "@"); ok && !strings.Contains(before, "://") && !strings.Contains(before, "=") {
		return errors.New("the database URL has no scheme; put postgres:// before it, in DATABASE_URL")
	}
	return nil
}

// checkPassword refuses a URL in which a part of the password could be parsed, and then
// shown, as another part of the URL: one with an @ after the end of what the driver takes
// for user, password and host, and one with a percent sign that begins no escape.
func checkPassword(raw string) error {
	scheme, rest, ok := strings.Cut(raw, "://")
	if scheme = strings.ToLower(scheme); !ok || scheme != "postgres" && scheme != "postgresql" {
		return nil
	}
	authority, tail := cutAny(rest, "/?#")
	user, _, hasUser := strings.Cut(authority, "@")
	_, password, _ := strings.Cut(user, ":")
	switch {
	case strings.Contains(strings.ToUpper(rest), "[YOUR-PASSWORD]"):
		return errors.New("the database URL still has [YOUR-PASSWORD] in it; write the database's password in its place, in DATABASE_URL")
	case strings.Count(authority, "@") > 1, strings.Contains(tail, "@"), strings.Contains(password, ":"), hasUser && !isEscaped(user):
		return errors.New("the database URL has a character that may belong to its password and is not percent-encoded; " +
			"write each @ # / ? : % of the user and the password, and each @ after them, " +
			"as %40 %23 %2F %3F %3A %25, in DATABASE_URL")
	}
	return nil
}

// cutAny cuts s at the first occurrence of any of the characters.
func cutAny(s, chars string) (before, after string) {
	i := strings.IndexAny(s, chars)
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i+1:]
}

func isEscaped(s string) bool {
	_, err := url.PathUnescape(s)
	return err == nil
}

func isQuotationMark(r rune) bool { return strings.ContainsRune("\"'`\u201c\u201d\u2018\u2019", r) }

// pastings are texts that people paste in place of a URL, recognised by how they begin in
// lower case.
var pastings = []struct{ begins, is, write string }{
	{"jdbc:", "is one for Java (jdbc:)", "it as " + exampleURL},
	{"psql ", "is a command line of psql", "only the URL from it"},
	{"export ", "is a line of a shell", "only the URL from it"},
	{"database_url", "begins with the variable's own name", "only what comes after the ="},
	{"postgresql+", "is one for SQLAlchemy (postgresql+driver:)", "postgresql:// at its beginning"},
	{"postgres+", "is one for SQLAlchemy (postgres+driver:)", "postgres:// at its beginning"},
	{"mysql:", "names MySQL, which is not supported", "one of a PostgreSQL server"},
	{"mariadb:", "names MariaDB, which is not supported", "one of a PostgreSQL server"},
	{"sqlite:", "names SQLite, which is not supported", "one of a PostgreSQL server"},
	{"mongodb", "names MongoDB, which is not supported", "one of a PostgreSQL server"},
	{"sqlserver:", "names SQL Server, which is not supported", "one of a PostgreSQL server"},
	{"http:", "is a web address", "the connection string of the database, such as " + exampleURL},
	{"https:", "is a web address", "the connection string of the database, such as " + exampleURL},
	{"//", "has no scheme", "postgres: before it"},
	{"<", "is in angle brackets, which stand for something to fill in", "it without them"},
}
