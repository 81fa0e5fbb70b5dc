package syncs

import "strings"

// Who describes an actor in plain words.
func Who(actor string) string {
	kind, id, _ := strings.Cut(actor, ":")
	switch kind {
	case "sync":
		return "sync " + id
	case "key":
		return "API key " + id
	case "clearing":
		return "the clearing of foreign notes " + id
	case "undo-clearing":
		return "the undoing of the clearing of foreign notes " + id
	case "os":
		return id + " on the command line"
	default:
		return "a person or another program"
	}
}
