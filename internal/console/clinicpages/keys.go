package clinicpages

import (
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
)

type (
	keysView struct {
		screen.Head
		keyForm
		Rows      []keyRow
		CanChange bool
	}

	// A keyForm asks for what a new key may do.
	keyForm struct {
		Scopes []scopeChoice
		Lives  []page.Choice
	}

	scopeChoice struct {
		Scope clinic.Scope
		Words string
		On    bool
	}

	keyRow struct {
		ID                  uuid.UUID
		Name, Prefix        string
		State               page.Badge
		Scopes              []clinic.Scope
		Used, Expires, Made page.Moment
		Usable              bool
	}
)

// keyScopeWords say what a scope permits.
var keyScopeWords = map[clinic.Scope]string{
	clinic.ScopeInbound:   "read appointments",
	clinic.ScopeCases:     "read notes",
	clinic.ScopeReconcile: "delete what vanished",
	clinic.ScopeFull:      "all three",
	clinic.ScopeRestore:   "restore cases",
	clinic.ScopeApprove:   "decide plans",
}

// keysPage lists the API keys of a clinic, makes and revokes them.
func (s *screens) keysPage() page.Page {
	return page.Page{
		Path: "/clinics/{id}/keys", Title: "Keys", Template: "clinic-keys", Needs: access.ReadClinics, Under: "/",
		Show: func(v *page.Visit) (any, error) { return s.keys(v) },
		Acts: map[string]page.Act{
			"create": {Needs: access.ChangeClinics, Do: s.createKey},
			"revoke": {Needs: access.ChangeClinics, Do: s.revokeKey},
		},
	}
}

func (s *screens) keys(v *page.Visit) (*keysView, error) {
	x, err := s.o.TheClinic(v)
	if err != nil {
		return nil, err
	}
	keys, err := s.o.Service.Keys(v.Context(), x.Clinic.ID)
	if err != nil {
		return nil, err
	}
	zone := screen.ZoneOf(&x.Clinic)
	shown := &keysView{Head: screen.HeadOf(v, x), keyForm: newKeyForm(v), CanChange: v.Caller.Check(access.ChangeClinics, x.Clinic.ID) == nil}
	for i := range keys {
		k := &keys[i]
		row := keyRow{
			ID: k.ID, Name: k.Name, Prefix: k.Prefix, Scopes: k.Scopes(), State: page.Good("Valid", "check"), Usable: true,
			Used: v.Moment(k.LastUsedAt, zone), Expires: v.Moment(k.ExpiresAt, zone), Made: v.Moment(k.CreatedAt, zone),
		}
		switch {
		case !k.Active:
			row.State, row.Usable = page.Idle("Revoked", "cross"), false
		case !k.ExpiresAt.IsZero() && !k.ExpiresAt.After(v.Now):
			row.State, row.Usable = page.Idle("Expired", "clock"), false
		}
		shown.Rows = append(shown.Rows, row)
	}
	return shown, nil
}

func newKeyForm(v *page.Visit) keyForm {
	form := keyForm{Lives: page.Choices(v.PostForm.Get("life"), "Until it is revoked", "30d", "30 days", "90d", "90 days", "365d", "A year")}
	for _, scope := range append(clinic.SyncScopes(), clinic.ScopeRestore, clinic.ScopeApprove) {
		on := scope == clinic.ScopeFull
		if v.Typed != nil {
			on = v.Typed.Get("scope."+string(scope)) != ""
		}
		form.Scopes = append(form.Scopes, scopeChoice{scope, keyScopeWords[scope], on})
	}
	return form
}

// createKey makes a key and shows it once (R39).
func (s *screens) createKey(v *page.Visit) (page.Notice, error) {
	id, err := screen.ClinicID(v, access.ChangeClinics)
	if err != nil {
		return page.Notice{}, err
	}
	draft := clinic.APIKey{ClinicID: id, Name: v.Text("name")}
	for _, scope := range clinic.Scopes() {
		if v.PostForm.Get("scope."+string(scope)) != "" {
			draft.Permissions = append(draft.Permissions, scope)
		}
	}
	if len(draft.Permissions) == 0 {
		return page.Notice{}, page.Problem("Choose what the key may do. No key was made.")
	}
	if draft.ExpiresAt, err = screen.Expiry(v, "life"); err != nil {
		return page.Notice{}, err
	}
	made, key, err := s.o.Service.CreateKey(v.Context(), v.By(), draft)
	if err != nil {
		return page.Notice{}, screen.Told(err)
	}
	return page.Notice{Text: "This is the key “" + made.Name + "”. Copy it now: it is not stored and not shown again.", Copy: key}, nil
}

func (s *screens) revokeKey(v *page.Visit) (page.Notice, error) {
	id, err := screen.ClinicID(v, access.ChangeClinics)
	if err != nil {
		return page.Notice{}, err
	}
	key, err := uuid.Parse(v.Text("key"))
	if err != nil {
		return page.Notice{}, page.ErrNotFound
	}
	if _, err := s.o.Service.RevokeKey(v.Context(), v.By(), id, key); err != nil {
		return page.Notice{}, screen.Told(err)
	}
	return page.Notice{Text: "The key is revoked. Whoever uses it is refused at once."}, nil
}
