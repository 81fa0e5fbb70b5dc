//go:build race

package idexxneo

// memoryFactor is what the race detector multiplies the memory of a process by, at most:
// its manual says five to ten.
const memoryFactor = 10
