// Package cliniccmd has the commands that set clinics up: clinic, credentials, schedules,
// keys and fleet-keys.
package cliniccmd
