/* What the backends of stream_load.c publish when, and to which topic: a fixed rate, in batches that are due with ticks.
 * Owns the schedule of a run and how far each backend has come; reads no clock.
 */
#ifndef BENCH_SCHEDULE_H
#define BENCH_SCHEDULE_H

#include "publishers.h"

enum { PLACE_BITS = 32 }; /* of a message's number; its backend is above them */

static unsigned topics;
static uint64_t tick_us;

/* One run: messages a second over all backends, ticks of each, and the turns that were due until now. */
static struct {
    uint64_t rate, ticks, turn, begin_ns;
} schedule;

/* How far each backend is, in numbers of its messages: due up to now, handed to the server, and where this run began. */
static struct progress {
    uint64_t first, due, sent;
} progress[MAX_BACKENDS];

/* Turns go round the backends: turn g is tick g / backend_count of backend g % backend_count. */
static uint64_t due_ns(uint64_t turn) {
    return schedule.begin_ns + turn * tick_us * 1000 / (uint64_t)backend_count;
}

/* How many messages a backend has published when its tick `tick` is over. */
static uint64_t due_after(uint64_t tick) {
    return (tick + 1) * schedule.rate * tick_us / (1000000u * (uint64_t)backend_count);
}

/* The tick with which message `place` of a backend is due. */
static uint64_t tick_of(uint64_t place) {
    uint64_t share = schedule.rate * tick_us;
    return ((place + 1) * 1000000u * (uint64_t)backend_count + share - 1) / share - 1;
}

static unsigned first_topic(uint64_t backend) {
    return (unsigned)(topics * backend / (uint64_t)backend_count);
}

static unsigned topic_of(uint64_t number) {
    uint64_t backend = number >> PLACE_BITS;
    unsigned first = first_topic(backend), share = first_topic(backend + 1) - first;
    return first + (unsigned)((number & UINT32_MAX) % share);
}

static int is_all_due(void) {
    return schedule.turn == schedule.ticks * (uint64_t)backend_count;
}

static void begin_schedule(uint64_t rate, double seconds) {
    schedule.rate = rate;
    schedule.ticks = (uint64_t)(seconds * 1e6) / tick_us;
    schedule.turn = 0;
    if (!rate || !schedule.ticks) fail("run: at least one message a second, and one tick");
}

/* What the backends did not get to send; the next run does not send it either. */
static uint64_t count_unsent(void) {
    uint64_t unsent = 0;
    for (int b = 0; b < backend_count; b++) unsent += progress[b].due - progress[b].sent;
    return unsent;
}

#endif
