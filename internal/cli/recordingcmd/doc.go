// Package recordingcmd has the commands about recordings of syncs (R52).
package recordingcmd
