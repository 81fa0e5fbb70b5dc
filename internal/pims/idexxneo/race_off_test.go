//go:build !race

package idexxneo

const memoryFactor = 1
