package api

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/fleetapi"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// previewSettings belongs to the settings of a clinic, and starts a sync.
func (s *server) previewSettings() web.Operation {
	op := startOperation(syncs.TypeFull, "/api/clinics/{clinicId}/settings/preview", "previewSettings", "Show what settings would do",
		"Runs a full dry run with the settings of the body, which must be sent. It stores neither the settings nor a change of a case.")
	op.Tag, op.Of, op.Needs = fleetapi.TagOneClinic, web.OfNamedClinic, access.ChangeClinics
	op.Params = append([]*huma.Param{web.ClinicParam()}, op.Params...)
	op.Codes = append(op.Codes, syncs.CodeNotFound)
	op.Body = fleetapi.SampleSettings()
	op.Handle = func(c *web.Call) (web.Reply, error) {
		tried, err := fleetapi.ReadSettings(c)
		if err != nil {
			return web.Reply{}, err
		}
		return s.start(c, syncs.Request{
			ClinicID: c.ClinicID, Type: syncs.TypeFull, Trigger: syncs.TriggerAPI, Options: syncs.Options{DryRun: true, Settings: &tried},
		})
	}
	return op
}
