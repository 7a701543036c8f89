/* loop: the one event loop of a process, its timers, its signals, its end. (libuv)
 *
 * Single-threaded: every callback of every io module runs from loop_run, never from inside the call that
 * started the operation. Objects of io modules outlive every callback on the stack: they are freed in their
 * last close callback. */
#ifndef FAIRLEAD_IO_LOOP_H
#define FAIRLEAD_IO_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct uv_loop_s;
struct loop;

struct loop *loop_new(void);
void loop_free(struct loop *l); /* after loop_run; closes what is left open, asserts nothing leaks */
struct uv_loop_s *loop_uv(struct loop *l); /* for the other io modules only */
int loop_run(struct loop *l);              /* until loop_end; returns the exit code given there */
void loop_end(struct loop *l, int exit_code);

uint64_t loop_now_ms(struct loop *l);  /* monotonic, of this turn of the loop: for durations and deadlines */
void loop_was_blocked(struct loop *l); /* this turn took long: loop_now_ms is the present again */
int64_t clock_wall_ms(void);           /* Unix time: for people and rows, never for correctness (P15) */
uint64_t clock_mono_us(void);          /* monotonic, read now: for measuring */

/* SIGINT and SIGTERM mean the same (PM2 sends either). The callback runs once at the first; a second one ends
 * the process at once with exit code 75. SIGPIPE is ignored. */
void loop_on_term(struct loop *l, void (*on_term)(void *arg), void *arg);

/* A timer lives inside its owner's struct as a pointer: NULL is "never made". A started timer that is started
 * again is moved. The callback may start, stop or free its own timer. */
struct timer;
typedef void (*timer_fn)(void *arg);
void timer_start(struct loop *l, struct timer **t, uint64_t after_ms, timer_fn fn, void *arg); /* once */
void timer_stop(struct timer **t); /* keeps the memory for the next start; *t may be NULL */
void timer_free(struct timer **t); /* sets *t to NULL */
bool timer_is_on(const struct timer *t);

/* Runs fn in the next turn of the loop, once; several calls before it keep their order. */
void loop_later(struct loop *l, timer_fn fn, void *arg);

/* Runs fn once, when loop_free begins: for what lives as long as its loop. */
void loop_before_free(struct loop *l, timer_fn fn, void *arg);

/* Runs work on a thread beside the loop, then done in a turn of the loop, at the latest inside loop_free.
 * work touches nothing that the loop's thread does. */
void loop_work(struct loop *l, void (*work)(void *arg), timer_fn done, void *arg);

/* Watches one file by its directory (a rename over it counts, a missing file too); also looked at every 5 s,
 * because network file systems tell nothing. on_change runs when size, mtime or inode differ. */
struct watch;
struct watch *watch_open(struct loop *l, const char *path, void (*on_change)(void *arg), void *arg);
void watch_close(struct watch *w);

/* Runs fn whenever fd, which stays the caller's, can be read or is at its end. NULL: it can't be waited for,
 * as a file. Closing it from inside fn is well. */
struct readable;
struct readable *readable_open(struct loop *l, int fd, void (*fn)(void *arg), void *arg);
void readable_close(struct readable *r); /* NULL: nothing */

#endif
