package clinicstore

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/values"
	"github.com/pims-sync/pims-sync/internal/volume"
)

// A FindingJSON is a finding (R49) as it is stored, and as an event shows it.
type FindingJSON struct {
	Count string `json:"count"`
	Value int    `json:"value"`
	Usual int    `json:"usual"`
	Low   bool   `json:"low"`
}

// EncodeFindings converts findings to their form in JSON.
func EncodeFindings(findings []volume.Finding) []FindingJSON {
	return values.Convert(findings, func(f volume.Finding) FindingJSON { return FindingJSON(f) })
}

// UnusualSince reads the unusual runs of a clinic, or with a zero clinic of all, that began
// since a moment, the newest first.
func UnusualSince(ctx context.Context, tx pgx.Tx, clinicID uuid.UUID, since time.Time) ([]volume.Unusual, error) {
	return postgres.Query(ctx, tx, `select clinic_id, sync_id, sync_type, began, findings, coalesce(field, '') from pims_sync_unusual
		where ($1::uuid is null or clinic_id = $1) and began >= $2 order by began desc, sync_id`, []any{null.ID(clinicID), since},
		func(row pgx.CollectableRow) (u volume.Unusual, err error) {
			var document []byte
			if err := row.Scan(&u.ClinicID, &u.SyncID, &u.Type, &u.Began, &document, &u.Field); err != nil {
				return u, err
			}
			var findings []FindingJSON
			err = json.Unmarshal(document, &findings)
			u.Findings = values.Convert(findings, func(f FindingJSON) volume.Finding { return volume.Finding(f) })
			return u, err
		})
}
