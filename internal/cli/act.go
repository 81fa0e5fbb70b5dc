package cli

import (
	"context"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/app"
)

// commandLine is the origin of the actions of commands (R44).
const commandLine = "command line"

// By says that this command acts, in the name of the user of the operating system
// (R44).
func By() access.By {
	return access.By{Caller: access.OfOSUser(OSUser()), Origin: commandLine}
}

// Event begins the record of an action of this command (R44).
func Event(action access.Action, clinicID uuid.UUID, record access.Record) access.Event {
	by := By()
	return by.Event(action, clinicID, record)
}

// Act runs an action of a command and records it, in one transaction (R44).
func Act(ctx context.Context, s *app.Store, e access.Event, do func(context.Context, *access.Event) error) error {
	return s.OperatorLog().Act(ctx, e, do)
}
