// Package screen has what several screens share: the clinics that exist for the caller, the
// words for states, codes and actors, the addresses of the pages, and what a person can do
// about an error.
//
// It has no page of its own, and knows none of the packages that have.
package screen
