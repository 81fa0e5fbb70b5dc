// Package people decides who may sign in, for how long, and as whom (R42, R43).
//
// A person is invited by e-mail address and signs in with a password, with OpenID Connect,
// or, on the server's own machine, with a link that the command line prints. The package
// knows no HTTP and no SQL: package console shows the pages, and postgres/peoplestore keeps
// the rows.
package people
