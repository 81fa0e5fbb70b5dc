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
	case "fleet":
		return "fleet key " + id
	case "clearing":
		return "the clearing of foreign notes " + id
	case "undo-clearing":
		return "the undoing of the clearing of foreign notes " + id
	case "os":
		return id + " on the command line"
	case "person":
		if id == "" { // any other program too
			return "a person or another program"
		}
		return "person " + id
	default:
		return "a person or another program"
	}
}

// FieldName returns the name of a field in words: "expiresAt" is "expires at".
func FieldName(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return strings.NewReplacer("_", " ", ".", " ").Replace(strings.ToLower(b.String()))
}
