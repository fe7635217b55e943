// Moves the clock of the process that it is loaded into (LD_PRELOAD), librdkafka's threads included, as the clock of a machine is
// moved that somebody sets: what tells the time tells it so many seconds off, and who waits until an instant waits until that
// clock says so, also when it is moved meanwhile. The monotonic clocks, and what is timed by them, stay as they are.
//
// The file that MOVED_CLOCK_FILE names holds the seconds: a 32-bit number in this machine's order of bytes.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000LL
// How soon who waits sees that the clock was moved.
#define LOOK_NS 50000000LL
// An instant before this is one of a monotonic clock, by which libuv and V8 wait with the same functions.
#define EPOCH_S_MIN 1000000000LL

static const _Atomic int32_t *moved_s;

__attribute__((constructor)) static void open_clock(void) {
  const char *path = getenv("MOVED_CLOCK_FILE");
  int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  void *page = file < 0 ? MAP_FAILED : mmap(NULL, sizeof(int32_t), PROT_READ, MAP_SHARED, file, 0);
  if (page == MAP_FAILED) {
    fprintf(stderr, "moved-clock: MOVED_CLOCK_FILE cannot be read\n");
    abort();
  }
  close(file);
  moved_s = page;
}

static int64_t moved_ns(void) { return moved_s == NULL ? 0 : atomic_load(moved_s) * SECOND_NS; }

static int64_t machine_ns(clockid_t clock) {
  struct timespec at;
  syscall(SYS_clock_gettime, clock, &at);
  return at.tv_sec * SECOND_NS + at.tv_nsec;
}

static struct timespec timespec_of(int64_t ns) {
  return (struct timespec){.tv_sec = ns / SECOND_NS, .tv_nsec = ns % SECOND_NS};
}

int clock_gettime(clockid_t clock, struct timespec *at) {
  if (syscall(SYS_clock_gettime, clock, at) != 0) return -1;
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) at->tv_sec += moved_ns() / SECOND_NS;
  return 0;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
  (void)zone;
  int64_t now = machine_ns(CLOCK_REALTIME) + moved_ns();
  at->tv_sec = now / SECOND_NS;
  at->tv_usec = now % SECOND_NS / 1000;
  return 0;
}

time_t time(time_t *at) {
  time_t now = (machine_ns(CLOCK_REALTIME) + moved_ns()) / SECOND_NS;
  if (at != NULL) *at = now;
  return now;
}

int timespec_get(struct timespec *at, int base) {
  if (base != TIME_UTC) return 0;
  *at = timespec_of(machine_ns(CLOCK_REALTIME) + moved_ns());
  return base;
}

// The C library's own function of that name. An old one of the same name waits on conditions of another shape.
static void *libc(const char *name) {
  void *newest = dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2");
  return newest != NULL ? newest : dlsym(RTLD_NEXT, name);
}

#define NEXT(name) \
  static __typeof__(name) *next; \
  if (next == NULL) next = (__typeof__(name) *)libc(#name)

// When to look at the clock again, by the machine's: at the instant itself, if that is sooner.
static struct timespec next_look(const struct timespec *until) {
  int64_t now = machine_ns(CLOCK_REALTIME);
  int64_t left = until->tv_sec * SECOND_NS + until->tv_nsec - moved_ns() - now;
  return timespec_of(now + (left < LOOK_NS ? left : LOOK_NS));
}

static int is_over(const struct timespec *until) {
  return machine_ns(CLOCK_REALTIME) + moved_ns() >= until->tv_sec * SECOND_NS + until->tv_nsec;
}

// A condition that was signalled between two looks would be missed: how often it was, for each of a few groups of conditions.
static _Atomic unsigned signals[256];

static _Atomic unsigned *signals_of(const void *condition) { return &signals[((uintptr_t)condition >> 4) % 256]; }

#define WAIT(type_of_condition, type_of_mutex, name, timed_out) \
  int name(type_of_condition *restrict condition, type_of_mutex *restrict mutex, \
           const struct timespec *restrict until) { \
    NEXT(name); \
    if (until->tv_sec < EPOCH_S_MIN) return next(condition, mutex, until); \
    unsigned before = atomic_load(signals_of(condition)); \
    for (;;) { \
      struct timespec look = next_look(until); \
      int ended = next(condition, mutex, &look); \
      if (ended != timed_out || is_over(until)) return ended; \
      if (atomic_load(signals_of(condition)) != before) return 0; \
    } \
  }

#define SIGNAL(type_of_condition, name) \
  int name(type_of_condition *condition) { \
    NEXT(name); \
    atomic_fetch_add(signals_of(condition), 1); \
    return next(condition); \
  }

WAIT(pthread_cond_t, pthread_mutex_t, pthread_cond_timedwait, ETIMEDOUT)
SIGNAL(pthread_cond_t, pthread_cond_signal)
SIGNAL(pthread_cond_t, pthread_cond_broadcast)
WAIT(cnd_t, mtx_t, cnd_timedwait, thrd_timedout)
SIGNAL(cnd_t, cnd_signal)
SIGNAL(cnd_t, cnd_broadcast)

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until) {
  NEXT(sem_timedwait);
  for (;;) {
    struct timespec look = next_look(until);
    int ended = next(semaphore, &look);
    if (ended == 0 || errno != ETIMEDOUT || is_over(until)) return ended;
  }
}
