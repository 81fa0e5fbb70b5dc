package fleetapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// A credentialRecord is what a response shows of a clinic's credentials: never a secret.
type credentialRecord struct {
	Set             bool         `json:"set" doc:"false: the clinic has none, and the other fields are null."`
	Provider        *string      `json:"provider" example:"idexx_neo"`
	SuspendedAt     *web.Instant `json:"suspendedAt" nullable:"true" doc:"Since when the PIMS refuses them; null: it does not."`
	SuspendedReason *string      `json:"suspendedReason"`
	TestedAt        *web.Instant `json:"testedAt" nullable:"true" doc:"When they were last tested by a login of their own; null: never."`
	TestOutcome     *string      `json:"testOutcome" doc:"ok, or what went wrong; null: never tested."`
	StoredAt        *web.Instant `json:"storedAt" nullable:"true"`
}

// credentialRequest is the body of PUT /api/clinics/{clinicId}/credentials.
type credentialRequest struct {
	Provider string            `json:"provider" example:"idexx_neo"`
	Fields   map[string]string `json:"fields" doc:"The fields that the provider declares: pims-sync credentials fields lists them. The host of an address must be allowed."`
}

// A testResult is what a test of credentials found.
type testResult struct {
	Success      bool    `json:"success"`
	Provider     string  `json:"provider"`
	Date         web.Day `json:"date" doc:"The clinic's today."`
	Appointments int     `json:"appointments" doc:"On that day."`
	LoginMS      int64   `json:"loginMs"`
	FetchMS      int64   `json:"fetchMs"`
}

func credentialOf(c *clinic.StoredCredential) credentialRecord {
	return credentialRecord{
		Set: true, Provider: web.Text(c.Provider), SuspendedAt: web.Moment(c.SuspendedAt), SuspendedReason: web.Text(c.SuspendedReason),
		TestedAt: web.Moment(c.TestedAt), TestOutcome: web.Text(c.TestOutcome), StoredAt: web.Moment(c.CreatedAt),
	}
}

func sampleCredential() credentialRecord {
	return credentialOf(&clinic.StoredCredential{Provider: "idexx_neo", TestedAt: sample.Time, TestOutcome: "ok", CreatedAt: sample.Time})
}

func (o *Options) showCredentials() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/clinics/{clinicId}/credentials", ID: "showCredentials", Tag: TagOneClinic,
		Summary:     "Show the state of a clinic's credentials",
		Description: "Whether there are credentials and whether they work. Never a secret, and no user name.",
		Needs:       access.ReadClinics,
		Of:          web.OfNamedClinic,
		Params:      []*huma.Param{web.ClinicParam()},
		Offers:      []web.Offer{{Status: http.StatusOK, Description: "Their state.", Example: sampleCredential()}},
		Codes:       []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound},
		Handle:      o.credentialReply,
	}
}

// credentialReply returns the state of the credentials of the call's clinic.
func (o *Options) credentialReply(c *web.Call) (web.Reply, error) {
	stored, err := o.Service.Credential(c.Context(), c.ClinicID)
	if errors.Is(err, clinic.ErrCredentialsMissing) {
		return web.OK(credentialRecord{})
	}
	if err != nil {
		return web.Reply{}, err
	}
	return web.OK(credentialOf(&stored))
}

func (o *Options) setCredentials() web.Operation {
	return web.Operation{
		Method: http.MethodPut, Path: "/api/clinics/{clinicId}/credentials", ID: "setCredentials", Tag: TagOneClinic,
		Summary:     "Store a clinic's credentials",
		Description: "They are sealed and replace the old ones, with their session and suspension. Test them next.",
		Needs:       access.ChangeClinics,
		Of:          web.OfNamedClinic,
		Params:      []*huma.Param{web.ClinicParam()},
		Body:        credentialRequest{Provider: "idexx_neo", Fields: map[string]string{"username": "reception@example.com", "password": "(the password)"}},
		Offers:      []web.Offer{{Status: http.StatusOK, Description: "Their state.", Example: sampleCredential()}},
		Codes:       []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound, web.CodeBodyTooLarge},
		Handle: func(c *web.Call) (web.Reply, error) {
			var body credentialRequest
			if err := web.ReadBody(c.Request, &body); err != nil {
				return web.Reply{}, err
			}
			if err := o.Service.SetCredential(c.Context(), c.By(), c.ClinicID, body.Provider, body.Fields); err != nil {
				return web.Reply{}, err
			}
			return o.credentialReply(c)
		},
	}
}

// testMargin is how much longer than the wait for a sync a test of credentials may take.
const testMargin = 20 * time.Second

func (o *Options) testCredentials() web.Operation {
	return web.Operation{
		Method: http.MethodPost, Path: "/api/clinics/{clinicId}/credentials/test", ID: "testCredentials", Tag: TagOneClinic,
		Summary:     "Test a clinic's credentials",
		Description: "Signs in to the PIMS and reads today's calendar; it writes no case. The outcome is kept. A failure has the code of a failed sync.",
		Needs:       access.OperateClinics,
		Of:          web.OfNamedClinic,
		Params:      []*huma.Param{web.ClinicParam()},
		Body:        web.Nothing{},
		Offers: []web.Offer{{
			Status: http.StatusOK, Description: "They work.",
			Example: testResult{Success: true, Provider: "idexx_neo", Date: web.Day(pims.DateOf(sample.Time, time.UTC)), Appointments: 18, LoginMS: 2140, FetchMS: 310},
		}},
		Codes: append(web.StartCodes(), syncs.CodeNotFound),
		Handle: func(c *web.Call) (web.Reply, error) {
			if err := web.ReadBody(c.Request, &web.Nothing{}); err != nil {
				return web.Reply{}, err
			}
			if err := o.CountStart(c); err != nil {
				return web.Reply{}, err
			}
			ctx, cancel := context.WithTimeoutCause(c.Context(), o.Wait+testMargin, syncs.ErrTimeout)
			defer cancel()
			found, err := o.Service.TestCredential(ctx, c.By(), c.ClinicID)
			if err != nil && ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(testResult{true, found.Provider, web.Day(found.Day), found.Appointments, found.LoginTook.Milliseconds(), found.FetchTook.Milliseconds()})
		},
	}
}

func (o *Options) resumeCredentials() web.Operation {
	return web.Operation{
		Method: http.MethodPost, Path: "/api/clinics/{clinicId}/credentials/resume", ID: "resumeCredentials", Tag: TagOneClinic,
		Summary:     "Use suspended credentials again",
		Description: "For credentials that the PIMS refused although they are right. Credentials that are not suspended stay as they are.",
		Needs:       access.OperateClinics,
		Of:          web.OfNamedClinic,
		Params:      []*huma.Param{web.ClinicParam()},
		Body:        web.Nothing{},
		Offers:      []web.Offer{{Status: http.StatusOK, Description: "Their state.", Example: sampleCredential()}},
		Codes:       []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound, web.CodeBodyTooLarge, syncs.CodeCredentialsMissing},
		Handle: func(c *web.Call) (web.Reply, error) {
			if err := web.ReadBody(c.Request, &web.Nothing{}); err != nil {
				return web.Reply{}, err
			}
			if err := o.Service.ResumeCredential(c.Context(), c.By(), c.ClinicID); err != nil {
				return web.Reply{}, err
			}
			return o.credentialReply(c)
		},
	}
}
