package walls

// A Table says what the roles may do with one of our tables. Rights are letters as in
// PostgreSQL's access lists: r reads, a adds, w changes, d deletes. No role of the service
// deletes cases, events, audits or operator events (R45).
type Table struct {
	Name   string
	Clinic string // the column with the clinic's id; empty: the table belongs to no clinic

	Tenant  string // of the role that works for one clinic; it sees the rows of that clinic only
	System  string // of the role that crosses clinics
	Service string // of the role that connects: what needs no scope, such as the queue's own tables
}

// Tables are all tables of the schema. A new table needs a line here (R45).
var Tables = []Table{
	{Name: "case_enrichments", Clinic: "clinic_id", Tenant: "rawd"},
	{Name: "case_events", Clinic: "clinic_id", Tenant: "r", System: "r"}, // triggers add
	{Name: "case_restores", Clinic: "clinic_id", Tenant: "rawd"},
	{Name: "case_sync_audits", Clinic: "clinic_id", Tenant: "raw", System: "raw"},
	{Name: "cases", Clinic: "clinic_id", Tenant: "raw", System: "r"},
	{Name: "clinic_api_keys", Clinic: "clinic_id", Tenant: "ra", System: "rw"},
	{Name: "clinic_schedule_configs", Clinic: "clinic_id", Tenant: "raw", System: "r"},
	{Name: "clinics", Clinic: "id", Tenant: "raw", System: "r"},
	{Name: "daily_totals", System: "raw"},
	{Name: "deletion_plans", Clinic: "clinic_id", Tenant: "raw", System: "r"},
	{Name: "encryption_keys", System: "ra"},
	{Name: "fleet_keys", System: "raw"},
	{Name: "idempotency_keys", Clinic: "clinic_id", Tenant: "rad", System: "rd"},
	{Name: "notification_channels", Clinic: "clinic_id", System: "rawd"},
	{Name: "operator_events", Clinic: "clinic_id", Tenant: "a", System: "ra"},
	{Name: "people", System: "rawd"},
	{Name: "people_sessions", System: "rawd"},
	{Name: "pims_credentials", Clinic: "clinic_id", Tenant: "rawd", System: "r"},
	{Name: "pims_fields", Clinic: "clinic_id", Tenant: "rawd", System: "r"},
	{Name: "pims_rate_limits", Service: "raw"},
	{Name: "pims_sessions", Clinic: "clinic_id", Tenant: "rawd", System: "r"},
	{Name: "pims_sync_clinic_states", Clinic: "clinic_id", System: "rawd"},
	{Name: "pims_sync_consultation_cases", Clinic: "clinic_id", Tenant: "r"}, // triggers add
	{Name: "pims_sync_feed", Clinic: "clinic_id", Tenant: "r", System: "rad"},
	{Name: "pims_sync_feed_pending", Clinic: "clinic_id", Tenant: "a", System: "rad"},
	{Name: "pims_sync_feed_state", Tenant: "r", System: "rw"},
	{Name: "pims_sync_installation", Service: "r"},
	{Name: "pims_sync_looks", Clinic: "clinic_id", Tenant: "raw"},
	{Name: "pims_sync_notes_shown", Clinic: "clinic_id", Tenant: "rawd"}, // a trigger adds, too
	{Name: "pims_sync_people_links", System: "rawd"},
	{Name: "pims_sync_people_tries", System: "rawd"},
	{Name: "pims_sync_status_links", Clinic: "clinic_id", Tenant: "raw", System: "rw"}, // whoever opens one names no clinic
	{Name: "pims_sync_told", Clinic: "clinic_id", System: "rawd"},
	{Name: "pims_sync_unusual", Clinic: "clinic_id", Tenant: "r", System: "ra"},
	{Name: "pims_sync_volume_state", System: "rw"},
	{Name: "pims_words", Clinic: "clinic_id", Tenant: "raw"},
	{Name: "recordings", Clinic: "clinic_id", Tenant: "rawd", System: "rwd"},
	{Name: "replicas", System: "rawd"},
	{Name: "schedule_entries", Clinic: "clinic_id", Tenant: "r", System: "rawd"},
	{Name: "schedule_ticks", Clinic: "clinic_id", Tenant: "r", System: "rad"},
	{Name: "sync_leases", Clinic: "clinic_id", Tenant: "rawd", System: "rawd"},
	{Name: "webhook_deliveries", Clinic: "clinic_id", System: "rawd"},
	{Name: "webhook_endpoints", Clinic: "clinic_id", System: "rawd"},
	{Name: "webhook_secrets", System: "rawd"},

	{Name: "pims_sync_migrations", Service: "r"},
	{Name: "river_migration", Service: "r"},
	{Name: "river_job", Tenant: "raw", System: "raw", Service: "rawd"}, // jobs are written with their audit
	{Name: "river_leader", Service: "rawd"},
	{Name: "river_notification", Service: "rawd"},
	{Name: "river_queue", Tenant: "ra", System: "ra", Service: "rawd"},
}

// functions are our functions that are called by name, and who may call them. The functions
// of triggers are found by their triggers; nobody may call them (R45).
var functions = map[string]string{ // t: tenant and operator, s: system
	"hold_lease":                   "t",
	"case_events_actor":            "",
	"pims_sync_feed_forget":        "s",
	"pims_sync_settings_valid":     "ts", // a check of clinics
	"pims_sync_forget_events":      "s",
	"pims_sync_forget_events_step": "s",
	"pims_sync_forget_syncs":       "s",
	"pims_sync_erase_clinic":       "", // the owner's
	"pims_sync_erase_client":       "",
	"pims_sync_twins":              "t",
}

// verbs are the privileges that the letters of rights stand for.
var verbs = map[rune]string{'r': "select", 'a': "insert", 'w': "update", 'd': "delete"}

// outsiders are roles to whom Supabase's defaults grant everything in the schema public.
var outsiders = []string{"anon", "authenticated", "service_role"}
