/* Connections of a load generator: dial one, watch it, read whole frames from it. Owns the table of connections, the epoll
 * they are watched by and the one buffer that everything is read into.
 */
#ifndef BENCH_CONNECTIONS_H
#define BENCH_CONNECTIONS_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { MAX_FDS = 65536, BUFFER = 1 << 20, STALL_S = 30 };
enum { CLOSE = 8 }; /* an opcode, RFC 6455 §5.2 */

static const char ACCEPT[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
static const char READY[] = "\"subscribed\"", REFUSED[] = "\"error\"";

/* What one connection has received: whole messages, and the start of a frame that is not whole yet. */
struct connection {
    uint32_t received;
    size_t held;
    unsigned char *kept;
};

static struct connection connections[MAX_FDS];
static unsigned char buffer[BUFFER];
static int poller;

static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "load generator: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    exit(1);
}

static void send_whole(int fd, const void *bytes, size_t length) {
    if (send(fd, bytes, length, MSG_NOSIGNAL) != (ssize_t)length) fail("send: %s", strerror(errno));
}

static size_t build_frame(unsigned char *out, const char *text) {
    size_t length = strlen(text), header = length < 126 ? 2 : 4;
    if (length > 65535) fail("PUBLISH_TEXT: %zu bytes, at most 65535 fit this frame", length);
    out[0] = 0x81;
    out[1] = length < 126 ? (unsigned char)(0x80 | length) : 0x80 | 126;
    if (header == 4) {
        out[2] = (unsigned char)(length >> 8);
        out[3] = (unsigned char)length;
    }
    memset(out + header, 0, 4); /* a masking key of zero: as much work to unmask, and nothing to do here */
    memcpy(out + header + 4, text, length);
    return header + 4 + length;
}

/* `prepare` sets options that must be known before the connection is made; NULL where there are none. */
static int dial(int port, const char *handshake, void (*prepare)(int)) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval stall = {.tv_sec = STALL_S};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || fd >= MAX_FDS) fail("socket: no descriptor left, raise RLIMIT_NOFILE");
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &stall, sizeof stall);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (prepare) prepare(fd);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) fail("connect: %s", strerror(errno));
    send_whole(fd, handshake, strlen(handshake));
    return fd;
}

/* Edge-triggered: the kernel then looks at each ready socket once per delivery instead of twice. */
static void watch(int fd) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = fd};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event)) fail("epoll_ctl: %s", strerror(errno));
}

/* Puts into the buffer the start of a frame that was kept, and what has arrived behind it; returns what recv() did. */
static ssize_t fetch(int fd) {
    struct connection *c = &connections[fd];
    if (c->held) memcpy(buffer, c->kept, c->held);
    return recv(fd, buffer + c->held, BUFFER - c->held, MSG_DONTWAIT);
}

/* Keeps with the connection what follows the last whole frame. */
static void keep_rest(int fd, size_t used, size_t end) {
    struct connection *c = &connections[fd];
    c->held = end - used;
    if (!c->held) return;
    c->kept = realloc(c->kept, c->held);
    if (!c->kept) fail("out of memory");
    memcpy(c->kept, buffer + used, c->held);
}

/* The bytes of header and payload of the frame at `at`, of which `left` bytes are there; 0 while it is not whole. */
static size_t whole_frame(const unsigned char *at, size_t left, size_t *header) {
    if (left < 2) return 0;
    size_t length = at[1];
    *header = length < 126 ? 2 : length == 126 ? 4 : 10;
    if (left < *header) return 0;
    if (*header > 2) length = 0;
    for (size_t i = 2; i < *header; i++) length = length << 8 | at[i];
    return left - *header < length ? 0 : *header + length;
}

#endif
