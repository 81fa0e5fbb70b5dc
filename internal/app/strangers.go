package app

import (
	"context"
	"log/slog"
	"slices"
)

// warnOfStrangers logs which database roles, other than ours, may reach what is ours. What
// Supabase's defaults open, migrate has closed; these were opened by somebody (R45).
func (s *Store) warnOfStrangers(ctx context.Context, log *slog.Logger) {
	log = log.With("namespace", "pims-sync:database")
	found, err := s.Exposures(ctx)
	if err != nil {
		log.WarnContext(ctx, "Who may reach the tables is not known", "error", err.Error())
		return
	}
	var roles []string
	for _, x := range found {
		roles = append(roles, x.Role)
	}
	slices.Sort(roles)
	if roles = slices.Compact(roles); len(roles) > 0 {
		log.WarnContext(ctx, "Other database roles may reach our tables or functions; revoke what they do not need", "roles", roles, "objects", len(found))
	}
}
