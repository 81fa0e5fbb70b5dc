// Package cases says what a case is, and what becomes of it.
//
//   - Its shape: Case, with what the PIMS showed of its appointment and consultation; Record,
//     as people and programs read it.
//   - Its JSON: this package alone knows the names of the fields of cases.metadata. The SQL of
//     package casestore uses the same names.
//   - Its history: Event, and the words in which one is told to people.
//   - What it becomes when the PIMS shows an appointment or a consultation: MergeAppointment,
//     Take and MergeConsultation.
//
// Everything here is a function of its arguments: no database, no PIMS, no clock.
package cases
