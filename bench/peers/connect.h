/* Opening WebSocket connections in bulk for load.c and open_load.c: dial, handshake, subscribe, wait for the answers. Owns
 * nothing: the connections are those of connections.h.
 */
#ifndef BENCH_CONNECT_H
#define BENCH_CONNECT_H

#include "connections.h"

enum { CHUNK = 100 };

/* Reads on after the `held` bytes in the buffer until `mark` is there. Returns how many bytes the buffer then holds. */
static size_t read_until(int fd, size_t held, const char *mark) {
    while (!memmem(buffer, held, mark, strlen(mark))) {
        ssize_t got = recv(fd, buffer + held, BUFFER - held, 0);
        held += got > 0 ? (size_t)got : 0;
        if (got <= 0 || memmem(buffer, held, REFUSED, sizeof REFUSED - 1))
            fail("waited for %s, got '%.*s'; run the server by hand and look at its log", mark, (int)held, buffer);
    }
    return held;
}

/* Bytes that follow the handshake are kept with the connection, as the start of what is read next. */
static void finish_handshake(int fd) {
    size_t held = read_until(fd, 0, "\r\n\r\n");
    unsigned char *rest = (unsigned char *)memmem(buffer, held, "\r\n\r\n", 4) + 4;
    struct connection *c = &connections[fd];
    if (strncmp((char *)buffer, "HTTP/1.1 101", 12) || !memmem(buffer, held, ACCEPT, sizeof ACCEPT - 1))
        fail("the upgrade was refused: %.*s", (int)held, buffer);
    c->held = (size_t)(buffer + held - rest);
    if (!c->held) return;
    c->kept = malloc(c->held);
    memcpy(c->kept, rest, c->held);
}

static void await_ready(int fd) {
    struct connection *c = &connections[fd];
    memcpy(buffer, c->kept ? c->kept : buffer, c->held);
    read_until(fd, c->held, READY);
    c->held = 0;
}

/* Says `text` on every connection, and waits for the answers; says nothing where there is no text. */
static void introduce(const int *opened, int count, const char *text) {
    static unsigned char request[4096];
    if (!*text) return;
    size_t size = build_frame(request, text);
    for (int i = 0; i < count; i++) send_whole(opened[i], request, size);
    for (int i = 0; i < count; i++) await_ready(opened[i]);
}

/* Opens a chunk and waits for its answers before the next, so that no accept backlog overflows. The descriptors are
 * written to `opened`; nothing watches them yet. */
static void connect_chunk(int *opened, int count, int port, const char *handshake, const char *subscribe,
                          void (*prepare)(int)) {
    for (int i = 0; i < count; i++) opened[i] = dial(port, handshake, prepare);
    for (int i = 0; i < count; i++) finish_handshake(opened[i]);
    introduce(opened, count, subscribe);
}

#endif
