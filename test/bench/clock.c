/*
 * clock.c
 *	  A clock that stands still, for LD_PRELOAD: every program that is run with
 *	  it sees the same moment.  Used by test/bench/instructions, where the digits
 *	  of the time of day would count.
 *
 * The monotonic clocks go on, so that whoever waits wakes up.
 */
#define _GNU_SOURCE

#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* 2026-07-15 12:34:56.789012 UTC */
#define SECONDS			1784118896
#define MICROSECONDS	789012

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	now->tv_sec = SECONDS;
	now->tv_usec = MICROSECONDS;
	return 0;
}

time_t
time(time_t *now)
{
	if (now)
		*now = SECONDS;
	return SECONDS;
}

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock != CLOCK_REALTIME)
		return (int) syscall(SYS_clock_gettime, clock, now);
	now->tv_sec = SECONDS;
	now->tv_nsec = MICROSECONDS * 1000;
	return 0;
}
