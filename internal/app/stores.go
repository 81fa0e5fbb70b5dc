package app

import (
	"github.com/pims-sync/pims-sync/internal/postgres/casestore"
	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"
	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"
)

// Cases returns the store of the cases, for syncs.
func (s *Store) Cases() *casestore.Cases { return casestore.NewCases(s.DB) }

// Records returns the store of the cases, for people and programs that read them.
func (s *Store) Records() *casestore.Records { return casestore.NewRecords(s.DB) }

// Audits returns the store of the syncs.
func (s *Store) Audits() *syncstore.Audits { return syncstore.NewAudits(s.DB) }

// Plans returns the store of the deletion plans.
func (s *Store) Plans() *syncstore.Plans { return syncstore.NewPlans(s.DB) }

// Schedules returns the store of the schedules' entries.
func (s *Store) Schedules() *syncstore.Schedules { return syncstore.NewSchedules(s.DB) }

// Clinics returns the store of the clinics.
func (s *Store) Clinics() *clinicstore.Clinics { return clinicstore.NewClinics(s.DB) }

// Credentials returns the store of the PIMS credentials.
func (s *Store) Credentials() *clinicstore.Credentials { return clinicstore.NewCredentials(s.DB) }

// Sessions returns the store of the PIMS sessions.
func (s *Store) Sessions() *clinicstore.Sessions { return clinicstore.NewSessions(s.DB) }

// Keys returns the store of the API keys.
func (s *Store) Keys() *clinicstore.Keys { return clinicstore.NewKeys(s.DB) }

// Seals returns the store of everything that is sealed.
func (s *Store) Seals() *clinicstore.Seals { return clinicstore.NewSeals(s.DB) }
