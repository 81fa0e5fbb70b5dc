// Package synccmd has the commands about syncs and what they wrote: sync, syncs, plans and
// cases.
package synccmd
