/* The subscribers of open_load.c, those that read and those that stall: how they connect and how they ended. Owns both.
 */
#ifndef BENCH_SUBSCRIBERS_H
#define BENCH_SUBSCRIBERS_H

#include "connect.h"

enum { OPEN = 0, ENDED = 1, RESET = 2, FATES = 5000, ETHERNET_MSS = 1460 };

/* Whether a subscriber is one that stalls, how it ended (OPEN, ENDED, RESET or a close code), and its newest message. */
struct subscriber {
    int stalls, fate;
    int64_t newest;
};

static struct subscriber subscribers[MAX_FDS];
static int opened[MAX_FDS], healthy, stalled;

static void end_connection(int fd, int how) {
    if (subscribers[fd].fate == OPEN) subscribers[fd].fate = how;
    epoll_ctl(poller, EPOLL_CTL_DEL, fd, NULL);
}

/* How many of the stalled, or of the healthy, are no longer open. */
static int count_ended(int stalls) {
    int ended = 0;
    for (int i = 0; i < healthy + stalled; i++)
        ended += subscribers[opened[i]].stalls == stalls && subscribers[opened[i]].fate != OPEN;
    return ended;
}

/* Prints how many of the stalled ended in which way, by OPEN, ENDED, RESET or the close code. */
static void print_fates(void) {
    static int count[FATES];
    const char *comma = "";
    for (int i = 0; i < stalled; i++) count[subscribers[opened[i]].fate % FATES]++;
    printf("fates {");
    for (int fate = 0; fate < FATES; fate++) {
        if (!count[fate]) continue;
        printf("%s\"%d\":%d", comma, fate, count[fate]);
        comma = ",";
    }
    printf("}\n");
}

/* Loopback's segments of 64 KiB make the kernel buffer 2.6 MB per connection, in which a stall would go unseen for the
 * whole run: with Ethernet's segment size it buffers what it would on a network. */
static void prepare_healthy(int fd) {
    int segment = ETHERNET_MSS;
    if (setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment)) fail("TCP_MAXSEG: %s", strerror(errno));
}

static void prepare_stalled(int fd) {
    int smallest = 1; /* the kernel makes it 2,304 bytes */
    prepare_healthy(fd);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &smallest, sizeof smallest)) fail("SO_RCVBUF: %s", strerror(errno));
}

/* The stalled come first in `opened`, and nothing watches them: they are never read until their fate is asked for. */
static void connect_all(int port, const char *handshake, const char *subscribe) {
    for (int done = 0, count; done < stalled + healthy; done += count) {
        int stalls = done < stalled, left = (stalls ? stalled : stalled + healthy) - done;
        count = left < CHUNK ? left : CHUNK;
        connect_chunk(opened + done, count, port, handshake, subscribe, stalls ? prepare_stalled : prepare_healthy);
        for (int i = done; i < done + count; i++) {
            subscribers[opened[i]] = (struct subscriber){.stalls = stalls, .newest = -1};
            if (!stalls) watch(opened[i]);
        }
    }
}

#endif
