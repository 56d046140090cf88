/* Latencies for open_load.c and storm_load.c, counted in slots as wide as 1/64 of their value (the layout of
 * HdrHistogram), so that every delivery counts and none is sampled away. Owns nothing: the caller holds the counts.
 */
#ifndef BENCH_LATENCIES_H
#define BENCH_LATENCIES_H

#include <stdint.h>
#include <stdio.h>

enum { SLOTS = 4096 };

struct latencies {
    uint32_t slots[SLOTS];
};

static unsigned slot_of(uint64_t us) {
    if (us < 128) return (unsigned)us;
    unsigned shift = 57 - (unsigned)__builtin_clzll(us);
    return (shift << 6) + (unsigned)(us >> shift);
}

static uint64_t top_of(unsigned slot) {
    if (slot < 128) return slot;
    unsigned shift = (slot >> 6) - 1;
    return ((uint64_t)((slot & 63) + 65) << shift) - 1;
}

static void count_latency(struct latencies *counts, uint64_t us) {
    counts->slots[slot_of(us)]++; /* 64 bits of microseconds need 3,776 slots */
}

/* Prints [highest microseconds of the slot, how many] for every slot that holds something, comma-separated. */
static void print_latencies(const struct latencies *counts) {
    const char *comma = "";
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        if (!counts->slots[slot]) continue;
        printf("%s[%llu,%u]", comma, (unsigned long long)top_of(slot), counts->slots[slot]);
        comma = ",";
    }
}

#endif
