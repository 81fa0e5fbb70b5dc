// Package demo plays the product for a person who sees it for the first time: simulated
// practices, a database of its own, the real server with a real browser. It uses the program
// as a user does, by the HTTP API. It may not be used by anything but the command.
package demo
