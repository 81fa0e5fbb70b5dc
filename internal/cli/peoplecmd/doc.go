// Package peoplecmd has the commands about people and what they did: people, console and
// operator-log.
package peoplecmd
