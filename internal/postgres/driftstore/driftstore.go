// Package driftstore keeps in which form the PIMS of each clinic answers, in PostgreSQL
// (R51).
package driftstore

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/drift"
	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A Store keeps the baselines of one database. It is safe for concurrent use.
type Store struct{ db *postgres.DB }

// New returns the store of a database.
func New(db *postgres.DB) *Store { return &Store{db} }

// profileJSON is pims_fields.profile.
type profileJSON struct {
	Answers float64              `json:"answers"`
	Forms   map[string]float64   `json:"forms"`
	Rows    float64              `json:"rows"`
	Fields  map[string]fieldJSON `json:"fields"`
}

type fieldJSON struct {
	Came   float64            `json:"came"`
	Filled float64            `json:"filled"`
	Twice  float64            `json:"twice,omitempty"`
	Kinds  map[string]float64 `json:"kinds,omitempty"`
	Shapes map[string]float64 `json:"shapes,omitempty"`
}

// Baselines implements driftwatch.Store.
func (s *Store) Baselines(ctx context.Context, clinicID uuid.UUID, provider string, kind syncs.Type) (map[string]*drift.Baseline, error) {
	found, err := postgres.ReadInClinic(ctx, s.db, "read the form of the PIMS's answers", clinicID, `select endpoint, days, last_seen, profile, told from pims_fields
		where clinic_id = $1 and provider = $2 and sync_type = $3`, []any{clinicID, provider, string(kind)}, scanBaseline)
	all := make(map[string]*drift.Baseline, len(found))
	for i := range found {
		all[found[i].endpoint] = &found[i].Baseline
	}
	return all, err
}

// A baselineRow is a row of pims_fields.
type baselineRow struct {
	drift.Baseline

	endpoint string
}

func scanBaseline(row pgx.CollectableRow) (b baselineRow, err error) {
	var profile []byte
	if err := row.Scan(&b.endpoint, &b.Days, &b.Last, &profile, &b.Keys); err != nil {
		return b, err
	}
	b.Profile, err = decode(profile)
	return b, err
}

func decode(document []byte) (p drift.Profile, err error) {
	var wire profileJSON
	if err := json.Unmarshal(document, &wire); err != nil {
		return p, fmt.Errorf("pims_fields.profile: %w", err)
	}
	p = drift.Profile{Answers: wire.Answers, Forms: orEmpty(wire.Forms), Rows: wire.Rows, Fields: make(map[string]*drift.Field, len(wire.Fields))}
	for name, f := range wire.Fields {
		f.Kinds, f.Shapes = orEmpty(f.Kinds), orEmpty(f.Shapes)
		p.Fields[name] = new(drift.Field(f))
	}
	return p, nil
}

func orEmpty(m map[string]float64) map[string]float64 {
	if m == nil {
		return make(map[string]float64)
	}
	return m
}

func encode(p *drift.Profile) ([]byte, error) {
	wire := profileJSON{Answers: short(p.Answers), Forms: shortAll(p.Forms), Rows: short(p.Rows), Fields: make(map[string]fieldJSON, len(p.Fields))}
	for name, f := range p.Fields {
		wire.Fields[name] = fieldJSON{short(f.Came), short(f.Filled), short(f.Twice), shortAll(f.Kinds), shortAll(f.Shapes)}
	}
	return json.Marshal(wire)
}

// short rounds to three decimals: what is less counts for nothing.
func short(n float64) float64 { return math.Round(n*1000) / 1000 }

func shortAll(m map[string]float64) map[string]float64 {
	all := make(map[string]float64, len(m))
	for name, n := range m {
		all[name] = short(n)
	}
	return all
}

// KeepBaselines implements driftwatch.Store.
func (s *Store) KeepBaselines(ctx context.Context, lease syncs.Lease, provider string, kind syncs.Type, kept map[string]*drift.Baseline, accepted []string, news []drift.Finding) error {
	return s.db.Fenced(ctx, "keep the form of the PIMS's answers", lease, "", func(batch *pgx.Batch) error {
		for endpoint, b := range kept {
			profile, err := encode(&b.Profile)
			if err != nil {
				return err
			}
			batch.Queue(keep, lease.ClinicID, provider, string(kind), endpoint, b.Days, b.Last, profile, append([]string{}, b.Keys...), newsAt(endpoint, news, b.Last))
		}
		if len(accepted) > 0 {
			batch.Queue(`delete from pims_fields where clinic_id = $1 and provider = $2 and sync_type <> $3 and endpoint = any($4)`,
				lease.ClinicID, provider, string(kind), accepted)
		}
		if len(news) == 0 {
			return nil
		}
		told, err := json.Marshal(eventOf(lease.AuditID, news))
		if err != nil {
			return err
		}
		batch.Queue(`insert into pims_sync_feed_pending (clinic_id, type, data) values ($1, $2, $3)`, lease.ClinicID, feed.PIMSDrift, told)
		return nil
	})
}

const keep = `
	insert into pims_fields as f (clinic_id, provider, sync_type, endpoint, days, last_seen, profile, told, told_at)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
	on conflict (clinic_id, provider, sync_type, endpoint) do update set
		days = excluded.days, last_seen = excluded.last_seen, profile = excluded.profile, told = excluded.told,
		told_at = coalesce(excluded.told_at, f.told_at)`

func newsAt(endpoint string, news []drift.Finding, at time.Time) *time.Time {
	for _, f := range news {
		if f.Endpoint == endpoint {
			return &at
		}
	}
	return nil
}

// eventJSON is the data of pims.drift. Names of fields are no personal data (R47).
type eventJSON struct {
	SyncID  uuid.UUID    `json:"syncId"`
	Changes []changeJSON `json:"changes"`
	Frozen  bool         `json:"deletionsFrozen"`
}

type changeJSON struct {
	Endpoint string     `json:"endpoint"`
	Field    string     `json:"field,omitempty"`
	Kind     drift.Kind `json:"kind"`
	Decisive bool       `json:"decisive"`
}

const maxTold = 20 // changes in one event

func eventOf(syncID uuid.UUID, news []drift.Finding) eventJSON {
	e := eventJSON{SyncID: syncID, Frozen: len(drift.Decisive(news)) > 0}
	for _, f := range news[:min(len(news), maxTold)] {
		e.Changes = append(e.Changes, changeJSON(f))
	}
	return e
}
