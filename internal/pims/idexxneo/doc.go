// Package idexxneo talks to IDEXX Neo. It knows the login form, the addresses and every
// known form of Neo's answers, and translates them into the types of internal/pims.
//
// Neo has no public API for this purpose. The client therefore decodes tolerantly (numbers
// as texts, two generations of names, three ways to write a boolean). It refuses what it
// does not recognise: an answer in an unknown form is an error, never an empty day (R5).
//
// The package holds no state of any clinic, decides nothing about cases and never fetches
// data with the browser (R36).
package idexxneo
