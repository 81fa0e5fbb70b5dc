package main

import (
	"context"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/app"
)

// commandLine is the origin of the actions of commands (R44).
const commandLine = "command line"

// byCommand says that this command acts, in the name of the user of the operating system
// (R44).
func byCommand() access.By {
	return access.By{Caller: access.OfOSUser(osUser()), Origin: commandLine}
}

// event begins the record of an action of this command (R44).
func event(action access.Action, clinicID uuid.UUID, record access.Record) access.Event {
	by := byCommand()
	return by.Event(action, clinicID, record)
}

// act runs an action of a command and records it, in one transaction (R44).
func act(ctx context.Context, s *app.Store, e access.Event, do func(context.Context, *access.Event) error) error {
	return s.OperatorLog().Act(ctx, e, do)
}
