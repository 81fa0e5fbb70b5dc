// Package neosim is one veterinary practice's IDEXX Neo in memory: the remote system as NEO.md describes it, for
// tests, for the demo and for `pims-sync neosim`, which all run this very code. It is an [http.Handler], safe for
// concurrent use, and costs next to nothing until it is asked for something.
//
// It imports nothing of ours and writes its own wire format, so that a mistake in our client cannot cancel itself out
// here; nothing but tests and the commands demo and neosim may import it. It holds no real person's or practice's data.
//
//	sim := neosim.New(neosim.Options{Seed: 7})
//	server := httptest.NewServer(sim)
//	sim.Fail(neosim.Fault{Op: neosim.OpCalendar, Kind: neosim.FaultStatus, Code: 503, Count: 2})
//	_ = sim.Move(id, start)
//	calls := sim.Count(neosim.OpCalendar)
//
// # The practice
//
// A new Sim holds a realistic practice that is generated from its seed as it is asked for: DaysBack before today to
// DaysAhead after it, moving with Options.Now. Ids, people and times depend on seed and day alone, statuses also on
// today and Options.StandsAt; two reads of one day are equal. [Sim.SetAppointments] puts exactly the given rows in its
// place, [Appointment].Raw and Verbatim make rows that no honest Neo would write.
//
// All times are wall-clock times of the practice, in Go (whatever the clock of a time.Time shows; its Location is
// ignored) as on the wire.
//
// # What it serves
//
//   - GET /login, POST /login (only by the page's script), /sso (redirect chain), /mfa, /dashboard, /logout.
//   - GET /users/providers, GET /schedule/getScheduleConfigs.
//   - GET /appointments/getCalendarEventData?start&end: what overlaps [start, end), both YYYY-MM-DD HH:MM:SS. An end of
//     23:59:59 and the next midnight so give the same rows, but for one that starts in that last second.
//   - GET /appointments/getAppointment?id=.
//   - GET /consultations/search, /consultations/view/{id}, /consultations/{id}/page-data.
//
// API requests need the session cookie; without X-Requested-With: XMLHttpRequest and Accept: application/json they
// answer an HTML page. A dead session is answered as [Options].Expired says.
//
// # Control
//
// From Go: the methods of [Sim]. Over HTTP, where Options.Control is set, on the same listener: control.txt, which GET
// /_sim/ answers, tells what there is.
package neosim
