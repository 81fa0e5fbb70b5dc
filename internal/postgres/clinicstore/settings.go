package clinicstore

import (
	"context"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/values"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/dbsqlc"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
	"github.com/pims-sync/pims-sync/internal/settings"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// SetSettings stores a clinic's settings (R50). Storing the same again is no change. The
// error is clinic.ErrNotFound where there is no such clinic.
func (s *Clinics) SetSettings(ctx context.Context, clinicID uuid.UUID, set settings.Settings, at time.Time) error {
	return s.db.AskInClinic(ctx, "store the settings", clinicID, func(q *dbsqlc.Queries) error {
		_, err := q.SetSettings(ctx, set.JSON(), at, clinicID)
		return null.Found(err, clinic.ErrNotFound)
	})
}

// Words lists the words that a practice uses (R50).
func (s *Clinics) Words(ctx context.Context, clinicID uuid.UUID) ([]settings.Word, error) {
	return postgres.ReadInClinic(ctx, s.db, "read the words", clinicID,
		`select kind, word, meaning, appointments, first_seen, last_seen from pims_words
		where clinic_id = $1 order by kind, appointments desc, form`,
		[]any{clinicID}, func(row pgx.CollectableRow) (w settings.Word, err error) {
			err = row.Scan(&w.Kind, &w.Word, &w.Meaning, &w.Appointments, &w.FirstSeen, &w.LastSeen)
			return w, err
		})
}

// KeepWords stores the words that a sync has seen, under its lease (R30, R50). A word that
// was seen on the same day is written only where more appointments have it. A clinic has at
// most 500 words of a kind; further ones are dropped.
func (s *Clinics) KeepWords(ctx context.Context, lease syncs.Lease, provider string, words []settings.Word, at time.Time) error {
	n := len(words)
	kinds, forms, texts, meanings, counts := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]int32, n)
	for i, w := range words {
		kinds[i], forms[i], texts[i], meanings[i], counts[i] = string(w.Kind), settings.Form(w.Word), w.Word, w.Meaning, values.Int32(w.Appointments)
	}
	return s.db.Fenced(ctx, "keep the words", lease, "", func(batch *pgx.Batch) error {
		batch.Queue(keepWords, lease.ClinicID, provider, at, kinds, forms, texts, meanings, counts)
		return nil
	})
}

const keepWords = `
insert into pims_words as w (clinic_id, provider, kind, form, word, meaning, appointments, first_seen, last_seen)
select $1, $2, s.kind, s.form, s.word, s.meaning, s.appointments, $3, $3
from unnest($4::text[], $5::text[], $6::text[], $7::text[], $8::integer[]) as s (kind, form, word, meaning, appointments)
where (select count(*) from pims_words k where k.clinic_id = $1 and k.provider = $2 and k.kind = s.kind) < 500
	or exists (select from pims_words k where k.clinic_id = $1 and k.provider = $2 and k.kind = s.kind and k.form = s.form)
order by s.kind, s.form
on conflict (clinic_id, provider, kind, form) do update set
	word         = excluded.word,
	meaning      = excluded.meaning,
	appointments = greatest(w.appointments, excluded.appointments),
	last_seen    = excluded.last_seen
where excluded.appointments > w.appointments or excluded.meaning <> w.meaning
	or excluded.last_seen >= w.last_seen + interval '1 day'`
