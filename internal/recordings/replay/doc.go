// Package replay plays a recording to the sync of this program and says what it does (R52).
// The provider, the phases and their guards are those of every sync. The PIMS is the
// recording, and the cases are in memory: nothing reaches a PIMS or a database.
package replay
