// Package idexxneo talks to IDEXX Neo: it knows the login form, the addresses and
// every shape of answer that Neo is known to give, and translates them into the
// words of internal/pims.
//
// Neo has no public API for this purpose. The client therefore decodes tolerantly
// (numbers as texts, names in two generations, three ways to write a boolean) and
// refuses what it cannot recognise: an answer in an unknown form is an error,
// never an empty day (R5).
//
// The package holds no state of any clinic, decides nothing about cases and never
// fetches data with the browser (R36). It imports internal/pims and
// internal/pims/pimshttp only.
package idexxneo
