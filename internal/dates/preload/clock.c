/* Moves the clock of a program that is not written in Go (R59). It is for tests only.
 *
 * It asks the kernel each time, so that it does the same within a signal handler: there,
 * PostgreSQL looks whether a time limit is over. The monotonic clock stays as it is. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long shift;

__attribute__((constructor)) static void read_shift(void) {
	const char *seconds = getenv("PIMS_SYNC_TEST_SECONDS");
	shift = seconds ? atol(seconds) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *to) {
	int failed = syscall(SYS_clock_gettime, clock, to);
	if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		to->tv_sec += shift;
	return failed;
}

int gettimeofday(struct timeval *restrict to, void *restrict zone) {
	struct timespec now;
	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	to->tv_sec = now.tv_sec;
	to->tv_usec = now.tv_nsec / 1000;
	return 0;
}

int timespec_get(struct timespec *to, int base) {
	return base == TIME_UTC && !clock_gettime(CLOCK_REALTIME, to) ? base : 0;
}

time_t time(time_t *to) {
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (to)
		*to = now.tv_sec;
	return now.tv_sec;
}
