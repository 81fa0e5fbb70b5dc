package console

import (
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
)

type (
	keysView struct {
		clinicHead
		keyForm
		Rows      []keyRow
		CanChange bool
	}

	// A keyForm asks for what a new key may do.
	keyForm struct {
		Scopes []scopeChoice
		Lives  []choice
	}

	scopeChoice struct {
		Scope clinic.Scope
		Words string
		On    bool
	}

	keyRow struct {
		ID                  uuid.UUID
		Name, Prefix        string
		State               Badge
		Scopes              []clinic.Scope
		Used, Expires, Made Moment
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
func (c *console) keysPage() Page {
	return Page{
		Path: "/clinics/{id}/keys", Title: "Keys", Template: "clinic-keys", Needs: access.ReadClinics, Under: "/",
		Show: func(v *Visit) (any, error) { return c.keys(v) },
		Acts: map[string]Act{
			"create": {access.ChangeClinics, c.createKey},
			"revoke": {access.ChangeClinics, c.revokeKey},
		},
	}
}

func (c *console) keys(v *Visit) (*keysView, error) {
	x, err := c.theClinic(v)
	if err != nil {
		return nil, err
	}
	keys, err := c.o.Service.Keys(v.Context(), x.Clinic.ID)
	if err != nil {
		return nil, err
	}
	zone := zoneOf(&x.Clinic)
	shown := &keysView{clinicHead: headOf(v, x), keyForm: newKeyForm(v), CanChange: v.Caller.Check(access.ChangeClinics, x.Clinic.ID) == nil}
	for i := range keys {
		k := &keys[i]
		row := keyRow{
			ID: k.ID, Name: k.Name, Prefix: k.Prefix, Scopes: k.Scopes(), State: Badge{"Valid", "check", "good"}, Usable: true,
			Used: v.Moment(k.LastUsedAt, zone), Expires: v.Moment(k.ExpiresAt, zone), Made: v.Moment(k.CreatedAt, zone),
		}
		switch {
		case !k.Active:
			row.State, row.Usable = Badge{"Revoked", "cross", "idle"}, false
		case !k.ExpiresAt.IsZero() && !k.ExpiresAt.After(v.Now):
			row.State, row.Usable = Badge{"Expired", "clock", "idle"}, false
		}
		shown.Rows = append(shown.Rows, row)
	}
	return shown, nil
}

func newKeyForm(v *Visit) keyForm {
	form := keyForm{Lives: choices(v.PostForm.Get("life"), "Until it is revoked", "30d", "30 days", "90d", "90 days", "365d", "A year")}
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
func (c *console) createKey(v *Visit) (Notice, error) {
	id, err := v.clinicID(access.ChangeClinics)
	if err != nil {
		return Notice{}, err
	}
	draft := clinic.APIKey{ClinicID: id, Name: v.Text("name")}
	for _, scope := range clinic.Scopes() {
		if v.PostForm.Get("scope."+string(scope)) != "" {
			draft.Permissions = append(draft.Permissions, scope)
		}
	}
	if len(draft.Permissions) == 0 {
		return Notice{}, Problem("Choose what the key may do. No key was made.")
	}
	if draft.ExpiresAt, err = v.expiry("life"); err != nil {
		return Notice{}, err
	}
	_, key, err := c.o.Service.CreateKey(v.Context(), v.By(), draft)
	if err != nil {
		return Notice{}, told(err)
	}
	return Notice{Text: "This is the key. Copy it now: it is not stored and not shown again.", Copy: key}, nil
}

// expiry returns when a key expires that is valid for as long as a value says; zero: never.
func (v *Visit) expiry(name string) (time.Time, error) {
	text := v.Text(name)
	if text == "" {
		return time.Time{}, nil
	}
	at, err := clinic.ParseExpiry(text, v.Now)
	if err != nil {
		return at, Problem(sentence(err.Error()))
	}
	return at, nil
}

func (c *console) revokeKey(v *Visit) (Notice, error) {
	id, err := v.clinicID(access.ChangeClinics)
	if err != nil {
		return Notice{}, err
	}
	key, err := uuid.Parse(v.Text("key"))
	if err != nil {
		return Notice{}, ErrNotFound
	}
	if _, err := c.o.Service.RevokeKey(v.Context(), v.By(), id, key); err != nil {
		return Notice{}, told(err)
	}
	return Notice{Text: "The key is revoked. Whoever uses it is refused at once."}, nil
}
