package postgres

import (
	"errors"
	"fmt"
	"strings"
)

// errURL replaces the driver's own error, which may hold the password (R40).
var errURL = errors.New("the database URL is not a PostgreSQL connection string such as " + exampleURL)

const exampleURL = "postgres://user:password@host:5432/database" //nolint:gosec // an example

// checkURL tells what a text is that was pasted in place of a database URL. Nothing
// of the text is told: it may hold the password (R40).
func checkURL(raw string) error {
	switch trimmed := strings.TrimSpace(raw); {
	case trimmed == "": // the driver would look into the environment
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
	if before, _, ok := strings.Cut(raw, "@"); ok && !strings.Contains(before, "://") && !strings.Contains(before, "=") {
		return errors.New("the database URL has no scheme; put postgres:// before it, in DATABASE_URL")
	}
	return nil
}

func isQuotationMark(r rune) bool { return strings.ContainsRune("\"'`\u201c\u201d\u2018\u2019", r) }

// pastings are what is found in place of a URL, by how it begins in lower case.
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
}
