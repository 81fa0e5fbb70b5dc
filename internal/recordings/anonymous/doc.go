// Package anonymous makes of a recording one that can be given away (R52). Words that are no
// known words of the wire format, numbers, and dates are replaced by invented ones of the
// same form: the same text by the same text, everywhere in the recording. What a client
// decides by stays: form, order, doubles, broken places, the charset.
//
// The replacements follow from a random key that is not kept, so they cannot be undone.
package anonymous
