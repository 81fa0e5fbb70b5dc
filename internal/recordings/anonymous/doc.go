// Package anonymous makes an anonymous copy of a recording, which can be given away (R52).
// It replaces dates, numbers, and all words that do not belong to the wire format by
// invented ones of the same form, and the same text by the same text everywhere. Whatever a
// client decides by stays: form, order, doubles, broken places, the charset.
//
// The replacements are derived from a random key that is not kept, so they cannot be undone.
package anonymous
