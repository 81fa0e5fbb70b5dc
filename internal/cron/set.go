package cron

import "math/bits"

// A set holds numbers from 0 to 63.
type set uint64

// span returns the set of lo, lo+step, lo+2*step and so on, up to hi.
func span(lo, hi, step int) set {
	var s set
	for n := lo; n <= hi; n += step {
		s |= 1 << n
	}
	return s
}

func (s set) has(n int) bool { return s>>n&1 == 1 }

func (s set) len() int { return bits.OnesCount64(uint64(s)) }

// from returns the least number of the set that is not below n; false if there is none.
func (s set) from(n int) (int, bool) {
	rest := s >> n
	if rest == 0 {
		return 0, false
	}
	return n + bits.TrailingZeros64(uint64(rest)), true
}

// numbers lists the set in order.
func (s set) numbers() []int {
	var list []int
	for n, ok := s.from(0); ok; n, ok = s.from(n + 1) {
		list = append(list, n)
	}
	return list
}

// runs lists the first and last number of each run of consecutive numbers.
func (s set) runs() [][2]int {
	var list [][2]int
	for _, n := range s.numbers() {
		if last := len(list) - 1; last >= 0 && list[last][1] == n-1 {
			list[last][1] = n
			continue
		}
		list = append(list, [2]int{n, n})
	}
	return list
}
