/* Pings of the server, answered so that it sees the client live. Owns nothing. */
#ifndef BENCH_PINGS_H
#define BENCH_PINGS_H

#include "connections.h"

enum { PING = 9 }; /* an opcode, RFC 6455 §5.2 */

/* A peer that is gone shows at the next read, so a pong that does not get through needs no answer here. */
static void answer_ping(int fd, const unsigned char *payload, size_t length) {
    unsigned char pong[6 + 125] = {0x8a, (unsigned char)(0x80 | length)};
    if (length > 125) fail("a ping of %zu bytes; at most 125 are allowed", length);
    memcpy(pong + 6, payload, length);
    (void)send(fd, pong, 6 + length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

#endif
