package pims

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// A Declaration is what a provider says of itself (R53). Command line, API and console use
// it; none of them knows a provider by name.
type Declaration struct {
	// Name is the provider's name in the database, in credentials and in metrics, in lower
	// case. It never changes.
	Name string

	Title   string   // the name for people
	Aliases []string // further names that are accepted on input, in lower case
	Hosts   []string // that may be contacted without permission; see HostPolicy.Known

	// Fields are the fields of the credentials, in the order in which a person enters them.
	Fields []Field

	// CorrectedFor is for how many days after a visit people can correct its notes; 0: no
	// run looks for late corrections (R19).
	CorrectedFor int

	// Decides reports whether a field of the answers of an endpoint decides identity, time
	// or presence of appointments, by the names on the wire (R51). Nil: none is known.
	Decides func(endpoint, field string) bool

	// Wire are the words of the answers that are not personal. An anonymous export of a
	// recording keeps them and replaces all others (R52).
	Wire Wire
}

// A Wire has the words of a wire format, in any case of letters. An entry may hold several,
// separated by blanks.
type Wire struct {
	Fields   []string // names of fields and of parts of addresses
	Words    []string // values by which the provider decides: states, types, units, heads of notes
	Measures []string // fields whose numbers are measurements, counts or codes, as they are written
	Tags     []string // elements of markup, and attributes that need no value
}

// A Field is one field of a provider's credentials.
type Field struct {
	Name     string // of the field in Credentials: letters and digits, as in "baseUrl"
	Label    string // for people
	Secret   bool   // it is never shown, and read only from standard input
	Required bool
	Default  string // used where the field is absent

	// Check returns what is wrong with a value that is not blank, without the value, as in
	// "must begin with https://"; "" means nothing. Nil: every value is right.
	Check func(value string) (reason string)
}

// The names of fields that several providers have.
const (
	FieldBaseURL    = "baseUrl" // scheme and host of the clinic's PIMS
	FieldUsername   = "username"
	FieldPassword   = "password"
	FieldPracticeID = "practiceId"
)

// Field returns the field of that name.
func (d Declaration) Field(name string) (Field, bool) {
	i := slices.IndexFunc(d.Fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return d.Fields[i], true
}

// Complete returns the credentials with the defaults of absent fields.
func (d Declaration) Complete(c Credentials) Credentials {
	complete := maps.Clone(c)
	for _, f := range d.Fields {
		if _, given := c[f.Name]; given || f.Default == "" {
			continue
		}
		if complete == nil {
			complete = Credentials{}
		}
		complete[f.Name] = f.Default
	}
	return complete
}

// Check returns a *FieldError for the first field that is missing or wrong. It makes no
// request. A field that is not declared is left alone: another version may have stored it.
func (d Declaration) Check(c Credentials) error {
	for _, f := range d.Fields {
		value := c[f.Name]
		switch {
		case len(value) > MaxName:
			return &FieldError{Field: f.Name, Reason: fmt.Sprintf("is longer than %d bytes", MaxName)}
		case !Blank(value):
			if f.Check == nil {
				continue
			}
			if reason := f.Check(value); reason != "" {
				return &FieldError{Field: f.Name, Reason: reason}
			}
		case f.Required:
			return &FieldError{Field: f.Name, Reason: "is missing"}
		}
	}
	return nil
}

// CheckNames returns a *FieldError for a field that is not declared.
func (d Declaration) CheckNames(c Credentials) error {
	for _, name := range slices.Sorted(maps.Keys(c)) {
		if _, ok := d.Field(name); ok {
			continue
		}
		names := make([]string, len(d.Fields))
		for i, f := range d.Fields {
			names[i] = f.Name
		}
		return &FieldError{Field: name, Reason: fmt.Sprintf("is no field of %s; there are %s", d.Title, strings.Join(names, ", "))}
	}
	return nil
}

// Public returns the declared fields that are no secret and have a value.
func (d Declaration) Public(c Credentials) map[string]string {
	public := make(map[string]string)
	for _, f := range d.Fields {
		if value := c[f.Name]; !f.Secret && value != "" {
			public[f.Name] = value
		}
	}
	return public
}

// CheckOrigin is the Check of a field that holds an address: scheme and host, and nothing
// after them.
func CheckOrigin(value string) (reason string) {
	u, err := url.Parse(value)
	switch {
	case err != nil:
		return "is no URL"
	case u.Scheme != "https" && u.Scheme != "http":
		return "must begin with https://"
	case u.Hostname() == "":
		return "names no host"
	case !Reachable(u):
		return "has a host or a port that cannot exist; a port is from 1 to 65535"
	case u.User != nil:
		return "must not hold a user name or password"
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.ForceQuery, u.Fragment != "", strings.HasSuffix(value, "#"):
		return "must end after the host: no path, query or fragment"
	default:
		return ""
	}
}
