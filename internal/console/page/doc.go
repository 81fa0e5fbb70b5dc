// Package page serves pages: it knows who asks and what they may see (R42, R43), puts the frame
// around a page, reads forms and shows their outcome, and has what pages are made of: badges,
// moments, lists, choices, icons.
//
// It knows no screen, no clinic and no sync. A screen is a Page, which the packages beside this
// one list.
package page
