// Package values converts between columns of the database and Go. It is for the packages that
// hold statements.
package values

import "encoding/json"

// JSON reads an owned key. What cannot be parsed counts as absent: bad data of another
// program must not fail a sync, and the next write replaces it.
func JSON[T any](document []byte) *T {
	var value *T
	if len(document) == 0 || json.Unmarshal(document, &value) != nil {
		return nil
	}
	return value
}

// Int32 returns a count in the type of its column.
func Int32(n int) int32 { return int32(min(n, 1<<31-1)) } //nolint:gosec // bounded

// Convert applies a function to every item; nil stays nil.
func Convert[A, B any](items []A, to func(A) B) []B {
	if items == nil {
		return nil
	}
	converted := make([]B, len(items))
	for i, item := range items {
		converted[i] = to(item)
	}
	return converted
}

// Changed returns missing where a statement that names one row has changed none.
func Changed(n int64, err, missing error) error {
	if err == nil && n == 0 {
		return missing
	}
	return err
}
