package app

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pims-sync/pims-sync/internal/browser"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/doctor"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres/doctorstore"
	"github.com/pims-sync/pims-sync/internal/postgres/embedded"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/secret"
	"github.com/pims-sync/pims-sync/internal/webhooks"
)

// DoctorOptions say what Examine looks at.
type DoctorOptions struct {
	Now       func() time.Time // nil: time.Now
	Browser   pims.Browser     // nil: one of its own
	NoBrowser bool             // no browser is started
}

// Examine looks at the installation that the settings name, and changes nothing in it.
func Examine(ctx context.Context, settings Settings, log *slog.Logger, o DoctorOptions) []doctor.Finding {
	if o.Now == nil {
		o.Now = time.Now
	}
	settings.SchemaAsItIs = true
	found := doctor.Run(ctx, machineChecks(settings, log, o))
	s, err := openToExamine(ctx, settings, log)
	if err != nil {
		return append(found, doctor.Run(ctx, []doctor.Check{{
			Name: "database", Look: func(context.Context) []doctor.Finding {
				return doctor.Failed("the database cannot be used", err, "look whether its server runs and DATABASE_URL names it")
			},
		}})...)
	}
	defer s.Close()
	return append(found, doctor.Run(ctx, s.checks(ctx, settings, o))...)
}

// machineChecks are the checks that need no database.
func machineChecks(settings Settings, log *slog.Logger, o DoctorOptions) []doctor.Check {
	disks := []doctor.Disk{{Folder: os.TempDir(), Use: "temporary files"}}
	if settings.DatabaseURL.Empty() {
		disks = append(disks, doctor.Disk{Folder: existing(settings.DataDir), Use: "embedded database"})
	}
	checks := []doctor.Check{doctor.Disks(disks...)}
	if o.NoBrowser {
		return checks
	}
	return append(checks, doctor.Check{Name: "browser", Look: func(ctx context.Context) []doctor.Finding {
		b := o.Browser
		if b == nil {
			own := newBrowser(settings, &Store{}, log)
			defer own.Close()
			b = own
		}
		return doctor.Browser(b, browser.Sandboxed(), o.Now()).Look(ctx)
	}})
}

// existing returns the folder, or the nearest above it that exists.
func existing(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

func openToExamine(ctx context.Context, settings Settings, log *slog.Logger) (*Store, error) {
	if settings.DatabaseURL.Empty() && !embedded.Exists(settings.DataDir) {
		return nil, errors.New("there is none yet in " + settings.DataDir + "; `pims-sync migrate` makes it, or DATABASE_URL names another")
	}
	return OpenStore(ctx, settings, log, 0)
}

// checks are the checks of the database and of what it holds. With another schema than this
// program's, only the server is looked at.
func (s *Store) checks(ctx context.Context, settings Settings, o DoctorOptions) []doctor.Check {
	store := doctorstore.New(s.DB)
	checks := []doctor.Check{doctor.Database(o.Now(), store.Server), doctor.Migrations(store.Schema), doctor.Clock(o.Now, store.Now)}
	if schema, err := store.Schema(ctx); err != nil || schema.Err != nil || schema.Pending {
		return checks
	}
	ring, keyErr := s.presentKeyring(settings.EncryptionKey)
	checks = append(checks, doctor.Keys(func(ctx context.Context) ([]string, error) {
		if errors.Is(keyErr, fs.ErrNotExist) || errors.Is(keyErr, errNoKey) {
			return nil, s.sealsNothing(ctx, keyErr)
		}
		if keyErr != nil {
			return nil, keyErr
		}
		err := ring.Recognised(ctx, s.Keys())
		if err == nil {
			err = ring.Cover(ctx, s.Seals())
		}
		if err == nil {
			err = store.Shared(ctx, ring.KeyIDs()[0])
		}
		return ring.KeyIDs(), err
	}))
	clinics, err := s.Clinics().Clinics(ctx)
	if err != nil {
		return append(checks, doctor.Check{Name: "clinics", Look: func(context.Context) []doctor.Finding {
			return doctor.Failed("the clinics cannot be read", err, "look at the log of the database's server, and run this command again")
		}})
	}
	clinics = slices.DeleteFunc(clinics, func(c clinic.Clinic) bool { return !c.Active })
	checks = append(checks, doctor.Zones(o.Now, zonesOf(clinics), store.Offsets))
	if keyErr == nil {
		network := doctor.Network{Hosts: settings.Hosts, Now: o.Now}
		addresses := s.addresses(ctx, ring, clinics)
		for _, address := range slices.Sorted(maps.Keys(addresses)) {
			checks = append(checks, network.Host(address, addresses[address]...))
		}
	}
	return append(checks,
		doctor.Running(func(ctx context.Context) (doctor.Work, error) { return s.work(ctx, store) }),
		doctor.Telling(func(ctx context.Context) (doctor.Outgoing, error) {
			found, mail, err := store.Outgoing(ctx, []string{webhooks.ReasonGone, webhooks.ReasonFailing})
			if settings.SMTPURL.Empty() || settings.MailFrom == "" {
				found.MailWithout = mail
			}
			return found, err
		}),
		doctor.Clinics(func(ctx context.Context) (map[string]int, error) { return s.states(ctx, o.Now()) }))
}

// sealsNothing returns an error where there is no key, and there was one or must be one.
func (s *Store) sealsNothing(ctx context.Context, missing error) error {
	known, err := s.Keys().KeyChecks(ctx)
	switch {
	case err != nil:
		return err
	case len(known) > 0 && errors.Is(missing, errNoKey):
		return doctor.KeyMissing("ENCRYPTION_KEY is not set, and what is stored is sealed with one; give this command the ENCRYPTION_KEY of the replicas, from a backup if need be: a new key opens nothing")
	case len(known) > 0:
		return doctor.KeyMissing(filepath.Join(s.home, keyFile) + " is missing; put it back from a backup, or name the key in ENCRYPTION_KEY")
	case errors.Is(missing, errNoKey):
		return doctor.KeyMissing(errNoKey.Error())
	default:
		return nil
	}
}

// errNoKey means that nothing names a key.
var errNoKey = errors.New("ENCRYPTION_KEY is not set, and is required with DATABASE_URL; `pims-sync keygen` makes one")

// presentKeyring reads the keys, and makes none.
func (s *Store) presentKeyring(key secret.Text) (*seal.Keyring, error) {
	text := key.Reveal()
	if text == "" && s.home != "" {
		made, err := os.ReadFile(filepath.Join(s.home, keyFile))
		if err != nil {
			return nil, err
		}
		text = strings.TrimSpace(string(made))
	}
	if text == "" {
		return nil, errNoKey
	}
	return seal.ParseKeyring(text)
}

// zonesOf returns the names of the clinics by their zones.
func zonesOf(clinics []clinic.Clinic) map[string][]string {
	zones := make(map[string][]string)
	for i := range clinics {
		c := &clinics[i]
		zones[c.Timezone] = append(zones[c.Timezone], c.Name)
	}
	return zones
}

// addresses returns the names of the clinics by where their credentials lead. Those that
// cannot be opened are left to the check of the keys.
func (s *Store) addresses(ctx context.Context, ring *seal.Keyring, clinics []clinic.Clinic) map[string][]string {
	all := make(map[string][]string)
	for i := range clinics {
		stored, err := s.Credentials().Credential(ctx, clinics[i].ID)
		if err != nil {
			continue
		}
		credentials, err := stored.Open(ring)
		if err != nil {
			continue
		}
		declared, known := DeclarationOf(stored.Provider)
		if address := declared.Complete(credentials)[pims.FieldBaseURL]; known && address != "" {
			all[address] = append(all[address], clinics[i].Name)
		}
	}
	return all
}

// work adds to what the database says which schedules cannot be read in part.
func (s *Store) work(ctx context.Context, store *doctorstore.Store) (doctor.Work, error) {
	w, err := store.Work(ctx)
	if err != nil {
		return w, err
	}
	configs, err := s.Clinics().AllSchedules(ctx)
	for _, c := range configs {
		if _, problems := clinic.ParseSchedules(c.Document, scheduler.CheckEntry); len(problems) > 0 {
			w.BadEntries = append(w.BadEntries, c.ClinicID.String())
		}
	}
	return w, err
}

func (s *Store) states(ctx context.Context, now time.Time) (map[string]int, error) {
	conditions, err := scheduler.ReadConditions(ctx, s.Clinics(), now)
	counts := make(map[string]int)
	for i := range conditions {
		counts[string(conditions[i].Verdict().State)]++
	}
	return counts, err
}
