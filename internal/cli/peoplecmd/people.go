package peoplecmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/console"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/render"
	"github.com/pims-sync/pims-sync/internal/secret"
	"github.com/pims-sync/pims-sync/internal/web"
)

// PeopleCmd holds the commands on the people who may sign in to the console.
type PeopleCmd struct {
	Add    PeopleAddCmd    `cmd:"" help:"Invite a person; prints a link that sets a password."`
	List   PeopleListCmd   `cmd:"" help:"List the people, with their roles and states."`
	Set    PeopleSetCmd    `cmd:"" help:"Change a person's role, name, clinics or password, or reset how the person signs in."`
	Remove PeopleRemoveCmd `cmd:"" help:"Remove a person and end all of the person's sessions at once."`
}

type personJSON struct {
	ID             uuid.UUID    `json:"id"`
	Email          string       `json:"email"`
	Name           string       `json:"name"`
	Role           string       `json:"role"`
	Clinics        []uuid.UUID  `json:"clinics"` // null: every clinic
	State          string       `json:"state"`
	Password       bool         `json:"password"` // whether one is set
	OpenID         bool         `json:"openId"`   // whether an account has signed in
	CreatedAt      web.Instant  `json:"createdAt"`
	LastSignedInAt *web.Instant `json:"lastSignedInAt"`
	Link           string       `json:"link,omitempty"`
}

func personDocument(p people.Person) personJSON {
	document := personJSON{
		ID: p.ID, Email: p.Email, Name: p.Name, Role: string(p.Role), State: p.State(),
		Password: !p.Password.Empty(), OpenID: p.Issuer != "", CreatedAt: web.Instant(p.CreatedAt), LastSignedInAt: web.Moment(p.LastSignedIn),
	}
	if p.Limited {
		document.Clinics = append([]uuid.UUID{}, p.Clinics...)
	}
	return document
}

// serverAddress is where people find the server that a command's links lead to.
type serverAddress struct {
	PublicURL string `name:"public-url" help:"Where people find the server, such as https://sync.example.com. Default: this machine, at PORT." env:"PUBLIC_URL" placeholder:"URL"`
	Port      uint16 `help:"The server's port on this machine." env:"PORT" default:"3001"`
}

// url returns the address.
func (a *serverAddress) url() (*url.URL, error) {
	public, err := console.ParsePublicURL(a.PublicURL)
	if err != nil || public != nil {
		return public, err
	}
	return &url.URL{Scheme: "http", Host: "127.0.0.1:" + strconv.Itoa(int(a.Port))}, nil
}

// PeopleAddCmd invites a person.
type PeopleAddCmd struct {
	Email         string         `required:"" help:"The person's e-mail address."`
	Name          cli.Label      `help:"The person's name."`
	Role          string         `help:"viewer reads; operator also starts syncs, decides plans and restores; admin also changes clinics, credentials, keys and people." enum:"viewer,operator,admin" default:"viewer"`
	Clinic        []cli.OfClinic `field:"clinics" help:"Limit the person to this clinic; repeatable. Default: every clinic." placeholder:"CLINIC" sep:"none"`
	PasswordStdin bool           `help:"Read a password from the first line of standard input, in place of a link."`
	serverAddress
}

// Help is shown by people add --help.
func (*PeopleAddCmd) Help() string {
	return `Examples:

	pims-sync people add --email ada@example.com --role admin
	pims-sync people add --email sam@example.com --role viewer --clinic "Harbor Lights Animal Clinic"

Send the link that is printed to the person. It sets a password, once, within 7 days. With OpenID Connect the person needs no link.`
}

// Run invites the person.
func (a *PeopleAddCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	base, err := a.url()
	if err != nil {
		return cli.Usage(err)
	}
	p := people.Person{Email: a.Email, Name: string(a.Name)}
	if p.Role, err = people.ParseRole(a.Role); err != nil {
		return cli.Usage(err)
	}
	if a.PasswordStdin {
		hash, err := newPassword(ctx, std, a.Email)
		if err != nil {
			return err
		}
		p.Password = secret.New(hash)
	}
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		if p.Clinics, err = cli.ClinicsOf(ctx, s, a.Clinic); err != nil {
			return err
		}
		p.Limited = len(p.Clinics) > 0
		added, err := s.People().Invite(ctx, cli.By(), p)
		switch {
		case errors.Is(err, people.ErrExists):
			return fmt.Errorf("%s is invited already; `pims-sync people set %s` changes the person", a.Email, a.Email)
		case errors.Is(err, people.ErrField):
			return cli.Usage(err)
		case err != nil:
			return err
		}
		return showPerson(ctx, std, c, s, added, base, !a.PasswordStdin)
	})
}

// showPerson prints a person, with a new link that sets a password if one is wanted.
func showPerson(ctx context.Context, std cli.Streams, c *cli.Config, s *app.Store, p people.Person, base *url.URL, link bool) error {
	document := personDocument(p)
	if link {
		token, err := s.People().InviteLink(ctx, p.ID)
		if err != nil {
			return err
		}
		document.Link = page.LinkAddress(base, token)
	}
	return cli.Show(std, c, document, func(w io.Writer) {
		render.Fields(w, "id", p.ID.String(), "e-mail", p.Email, "name", render.OrDash(p.Name), "role", string(p.Role), "clinics", clinicsOfPerson(p), "state", p.State())
		if link {
			fmt.Fprintf(w, "\n%s\nSend this link to %s. It sets a password, once, within 7 days, and is not shown again.\n", document.Link, p.Email)
		}
	})
}

func clinicsOfPerson(p people.Person) string {
	if !p.Limited {
		return "all"
	}
	return render.Counted(len(p.Clinics), "clinic")
}

// newPassword reads the password of the person with an address and returns its hash.
func newPassword(ctx context.Context, std cli.Streams, email string) (string, error) {
	password, err := cli.ReadPassword(std.In)
	if err != nil {
		return "", err
	}
	if err := people.CheckPassword(password, email); err != nil {
		return "", cli.Usage(err)
	}
	return people.HashPassword(ctx, password)
}

// PeopleListCmd lists people.
type PeopleListCmd struct{}

// Run lists the people.
func (PeopleListCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		all, err := s.People().People(ctx)
		if err != nil {
			return err
		}
		documents, rows := make([]personJSON, len(all)), make([][]string, len(all))
		for i, p := range all {
			documents[i] = personDocument(p)
			rows[i] = []string{p.Email, render.OrDash(p.Name), string(p.Role), clinicsOfPerson(p), p.State(), render.Stamp(p.LastSignedIn, nil), p.ID.String()}
		}
		return cli.Show(std, c, map[string]any{"items": documents}, func(w io.Writer) {
			if len(rows) == 0 {
				fmt.Fprintln(w, "No people. `pims-sync people add` invites one.")
				return
			}
			render.Table(w, []string{"e-mail", "name", "role", "clinics", "state", "last signed in", "id"}, rows)
		})
	})
}

// PeopleSetCmd changes a person.
type PeopleSetCmd struct {
	Person        string         `arg:"" help:"The person's e-mail address or id."`
	Role          *string        `help:"Another role, viewer, operator or admin; ends the person's sessions." enum:"viewer,operator,admin" placeholder:"ROLE"`
	Name          *cli.Label     `help:"Another name."`
	Clinic        []cli.OfClinic `field:"clinics" help:"Limit the person to this clinic; repeatable." placeholder:"CLINIC" sep:"none" xor:"clinics"`
	AllClinics    bool           `help:"Let the person see every clinic." xor:"clinics"`
	PasswordStdin bool           `help:"Read a new password from the first line of standard input." xor:"password"`
	Reset         bool           `help:"Forget the password and the OpenID Connect account, and print a new link." xor:"password"`
	serverAddress
}

// Help is shown by people set --help.
func (*PeopleSetCmd) Help() string {
	return `Another role, other clinics or another password end the person's sessions at once.

Examples:

	pims-sync people set ada@example.com --role operator
	pims-sync people set ada@example.com --reset`
}

// Validate is called by kong after parsing.
func (a *PeopleSetCmd) Validate() error {
	if a.Role == nil && a.Name == nil && len(a.Clinic) == 0 && !a.AllClinics && !a.PasswordStdin && !a.Reset {
		return errors.New("name what to change: --role, --name, --clinic, --all-clinics, --password-stdin or --reset")
	}
	return nil
}

// Run changes the person.
func (a *PeopleSetCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	base, err := a.url()
	if err != nil {
		return cli.Usage(err)
	}
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		found, err := findPerson(ctx, s, a.Person)
		if err != nil {
			return err
		}
		var hash string
		if a.PasswordStdin {
			if hash, err = newPassword(ctx, std, found.Email); err != nil {
				return err
			}
		}
		clinics, err := cli.ClinicsOf(ctx, s, a.Clinic)
		if err != nil {
			return err
		}
		changed, err := s.People().Change(ctx, cli.By(), found.ID, func(p *people.Person) error {
			if len(clinics) > 0 || a.AllClinics {
				p.Limited, p.Clinics = len(clinics) > 0, clinics
			}
			if hash != "" {
				p.Password = secret.New(hash)
			}
			return a.change(p)
		})
		if err != nil {
			return err
		}
		return showPerson(ctx, std, c, s, changed, base, a.Reset)
	})
}

// change makes the changes that need nothing but the command line.
func (a *PeopleSetCmd) change(p *people.Person) (err error) {
	if a.Name != nil {
		p.Name = string(*a.Name)
	}
	if a.Reset {
		p.ResetSignIn()
	}
	if a.Role != nil {
		p.Role, err = people.ParseRole(*a.Role)
	}
	return err
}

// findPerson returns the person whom a command names.
func findPerson(ctx context.Context, s *app.Store, named string) (people.Person, error) {
	p, err := s.People().Find(ctx, named)
	if errors.Is(err, people.ErrNotFound) {
		return p, fmt.Errorf("there is no person %q; `pims-sync people list` shows them", named)
	}
	return p, err
}

// PeopleRemoveCmd removes a person.
type PeopleRemoveCmd struct {
	Person string `arg:"" help:"The person's e-mail address or id."`
}

// Run removes the person.
func (a *PeopleRemoveCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		found, err := findPerson(ctx, s, a.Person)
		if err != nil {
			return err
		}
		if _, err := s.People().Remove(ctx, cli.By(), found.ID); err != nil {
			return err
		}
		return cli.Show(std, c, map[string]any{"id": found.ID, "removed": true}, func(w io.Writer) {
			fmt.Fprintf(w, "%s is removed and signed out.\n", found.Email)
		})
	})
}

// ConsoleCmd prints a link to the console.
type ConsoleCmd struct{ serverAddress }

// Help is shown by console --help.
func (*ConsoleCmd) Help() string {
	return `The link signs you in as the user of the operating system who runs the command, with the role admin. It works once, within ten minutes, and only while a server runs on the same database: pims-sync serve.

Example:

	pims-sync console`
}

// Run makes and prints the link.
func (a *ConsoleCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	base, err := a.url()
	if err != nil {
		return cli.Usage(err)
	}
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		link, err := ConsoleLink(ctx, s, base)
		if err != nil {
			return err
		}
		return cli.Show(std, c, map[string]any{"link": link}, func(w io.Writer) {
			fmt.Fprintf(w, "%s\nOpen it within ten minutes; it signs you in once. The server must be running: pims-sync serve\n", link)
		})
	})
}

// ConsoleLink makes a link that signs the present user in.
func ConsoleLink(ctx context.Context, s *app.Store, base *url.URL) (string, error) {
	token, err := s.People().ConsoleLink(ctx, cli.OSUser())
	if err != nil {
		return "", err
	}
	return page.LinkAddress(base, token), nil
}
