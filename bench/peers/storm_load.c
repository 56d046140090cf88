/* The load generator of bench.reconnect_storm: many clients come back at once. Each dials, shows its own token in the
 * handshake, waits for `hello`, subscribes with its own `since`, and is live again when `subscribed` says that everything
 * was recovered and the messages it missed have come, each once and in order. Then it stays and is idle.
 *
 * A client's time goes from the beginning of the storm, and not from its own connect(): all of them are due at once, and
 * those that wait for a place among the IN_FLIGHT handshakes wait for the server.
 *
 * Usage: storm_load PORT TOPICS ROOMS MISSED ID_PREFIX HANDSHAKE CLIENTS_FILE      (texts: bench/storm_dialogue.py)
 * CLIENTS_FILE has a line for each client, TOKEN SUBSCRIBE_TEXT. Client i subscribes to the TOPICS rooms (of ROOMS) from
 * i mod ROOMS on; a message's id is ID_PREFIX, eight hexadecimal digits of its room and four of its number there.
 *
 *   > ready CLIENTS         the file is read                        < storm COUNT IN_FLIGHT PATIENCE_S
 *   > result JSON           a StormResult (bench/storm_load.py)     < abort
 *   > aborted SECONDS       all connections are reset               < storm ...
 *
 * A storm is of the first COUNT clients, and has failed when nobody becomes live for PATIENCE_S.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "connections.h"
#include "latencies.h"
#include "pings.h"
#include "storm_clients.h"

enum { EVENTS = 256, PER_ADDRESS = 5000, LOOK_AGAIN_MS = 100 };

static int client_of[MAX_FDS];
static int port, topics, rooms, missed;
static const char *id_prefix;

/* One storm: how many come, how many have begun, and are live; when it began and when the last was live. */
static struct {
    int count, begun, live;
    uint64_t begin_ns, last_ns, replayed;
    struct latencies latencies;
} storm;

/* A host has 28,000 ports to dial from unless told otherwise, fewer while old ones linger: take more addresses. */
static void choose_address(int fd) {
    struct sockaddr_in source = {.sin_family = AF_INET};
    int on = 1;
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(fd / PER_ADDRESS));
    if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) ||
        bind(fd, (struct sockaddr *)&source, sizeof source))
        fail("bind to a loopback address: %s", strerror(errno));
}

static void begin_client(int number) {
    struct client *c = &clients[number];
    c->fd = dial(port, c->handshake, choose_address);
    c->stage = UPGRADING;
    c->received = 0;
    memset(c->last, 0, sizeof c->last);
    connections[c->fd].held = 0;
    client_of[c->fd] = number;
    watch(c->fd);
}

static void become_live(struct client *c) {
    c->stage = LIVE;
    storm.last_ns = clock_ns(CLOCK_MONOTONIC);
    storm.replayed += c->received;
    storm.live++;
    count_latency(&storm.latencies, (storm.last_ns - storm.begin_ns) / 1000);
}

static unsigned count_marks(const unsigned char *text, size_t length, const char *mark) {
    unsigned found = 0;
    const unsigned char *end = text + length, *at = text;
    while ((at = memmem(at, (size_t)(end - at), mark, strlen(mark)))) at += strlen(mark), found++;
    return found;
}

/* A count alone would take a loss and a repetition for two messages: each must be the next of its room. */
static void take_missed(int number, const unsigned char *payload, size_t length) {
    struct client *c = &clients[number];
    const char *id = memmem(payload, length, id_prefix, strlen(id_prefix));
    uint64_t digits = id ? strtoull(id + strlen(id_prefix), NULL, 16) : UINT64_MAX;
    int place = (int)(((digits >> 16) + (uint64_t)rooms - (uint64_t)(number % rooms)) % (uint64_t)rooms);
    if (!id || c->stage != CATCHING_UP || place >= topics || (digits & 0xffff) != ++c->last[place])
        fail("client %d: not the message that is next: '%.*s'", number, (int)length, payload);
    if (++c->received == (unsigned)(topics * missed)) become_live(c);
}

static void take_subscribed(int number, const unsigned char *payload, size_t length) {
    if (count_marks(payload, length, "\"recovered\":true") != (unsigned)topics)
        fail("client %d: not everything was recovered: '%.*s'", number, (int)length, payload);
    clients[number].stage = CATCHING_UP;
}

static void take_text(int number, const unsigned char *payload, size_t length) {
    struct client *c = &clients[number];
    if (memmem(payload, length, "\"bench.tick\"", 12))
        take_missed(number, payload, length);
    else if (c->stage == AWAITING_HELLO && memmem(payload, length, "\"hello\"", 7)) {
        c->stage = SUBSCRIBING;
        send_whole(c->fd, c->request, c->request_size);
    } else if (c->stage == SUBSCRIBING && memmem(payload, length, READY, sizeof READY - 1))
        take_subscribed(number, payload, length);
    else if (memmem(payload, length, REFUSED, sizeof REFUSED - 1))
        fail("client %d: the server answered '%.*s'", number, (int)length, payload);
}

static void take_frame(int number, const unsigned char *frame, const unsigned char *payload, size_t length) {
    int opcode = frame[0] & 0x0f;
    if (opcode == CLOSE && length >= 2)
        fail("client %d: closed %d: %.*s", number, payload[0] << 8 | payload[1], (int)length - 2, payload + 2);
    if (opcode == CLOSE) fail("client %d: closed without a code", number);
    if (opcode == PING)
        answer_ping(clients[number].fd, payload, length);
    else
        take_text(number, payload, length);
}

/* The bytes of the whole answer to the handshake at the start of the buffer, or 0 while it is not all there. */
static size_t take_upgrade(int number, size_t end) {
    unsigned char *stop = memmem(buffer, end, "\r\n\r\n", 4);
    if (!stop) return 0;
    size_t size = (size_t)(stop + 4 - buffer);
    if (strncmp((char *)buffer, "HTTP/1.1 101", 12) || !memmem(buffer, size, ACCEPT, sizeof ACCEPT - 1))
        fail("client %d: the upgrade was refused: %.*s", number, (int)end, buffer);
    clients[number].stage = AWAITING_HELLO;
    return size;
}

static size_t take_frames(int number, size_t at, size_t end) {
    size_t size, header;
    for (; (size = whole_frame(buffer + at, end - at, &header)); at += size)
        take_frame(number, buffer + at, buffer + at + header, size - header);
    return at;
}

static void read_from(int fd) {
    int number = client_of[fd];
    ssize_t got = fetch(fd);
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) fail("client %d: %s", number, strerror(errno));
    if (!got) fail("client %d: the connection ended without a close frame", number);
    size_t end = connections[fd].held + (size_t)got, at = 0;
    if (clients[number].stage == UPGRADING) at = take_upgrade(number, end);
    if (clients[number].stage != UPGRADING) at = take_frames(number, at, end);
    keep_rest(fd, at, end);
    if (end == BUFFER) read_from(fd); /* there may be more, and no second event will say so */
}

/* Pings come for ever, so it is not silence that shows a storm that stands still, but that nobody becomes live. */
static void require_progress(uint64_t patience_ns) {
    uint64_t since = storm.live ? storm.last_ns : storm.begin_ns;
    if (clock_ns(CLOCK_MONOTONIC) - since > patience_ns)
        fail("%d of %d clients are not live, and none has become so for %.1f s", storm.count - storm.live, storm.count,
             (double)patience_ns / 1e9);
}

static void turn(int in_flight, uint64_t patience_ns) {
    struct epoll_event events[EVENTS];
    while (storm.begun < storm.count && storm.begun - storm.live < in_flight) begin_client(storm.begun++);
    int count = epoll_wait(poller, events, EVENTS, LOOK_AGAIN_MS);
    if (count < 0 && errno != EINTR) fail("epoll_wait: %s", strerror(errno));
    for (int i = 0; i < count; i++) read_from(events[i].data.fd);
    require_progress(patience_ns);
}

static void print_result(uint64_t cpu_ns) {
    printf("result {\"clients\":%d,\"replayed\":%llu,\"wall_s\":%.6f,\"generator_cpu_s\":%.6f,\"histogram\":[", storm.live,
           (unsigned long long)storm.replayed, (double)(storm.last_ns - storm.begin_ns) / 1e9, (double)cpu_ns / 1e9);
    print_latencies(&storm.latencies);
    printf("]}\n");
}

static void run_storm(int count, int in_flight, double patience_s) {
    uint64_t cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    if (storm.count) fail("'storm' while the clients of the last one are connected; say 'abort' first");
    if (count < 1 || count > known || in_flight < 1) fail("storm %d %d: there are %d clients", count, in_flight, known);
    memset(&storm, 0, sizeof storm);
    storm.count = count;
    storm.begin_ns = clock_ns(CLOCK_MONOTONIC);
    while (storm.live < storm.count) turn(in_flight, (uint64_t)(patience_s * 1e9));
    print_result(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns);
}

/* Everybody at once, and without a word: a linger of zero makes close() send a reset. */
static void abort_all(void) {
    struct linger reset = {.l_onoff = 1};
    uint64_t start = clock_ns(CLOCK_MONOTONIC);
    for (int i = 0; i < storm.count; i++) {
        if (setsockopt(clients[i].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset)) fail("SO_LINGER: %s", strerror(errno));
        close(clients[i].fd);
    }
    storm.count = 0;
    printf("aborted %.6f\n", (double)(clock_ns(CLOCK_MONOTONIC) - start) / 1e9);
}

int main(int argc, char **argv) {
    char line[128];
    int count, in_flight;
    double patience_s;
    if (argc != 8) {
        fprintf(stderr, "usage: storm_load PORT TOPICS ROOMS MISSED ID_PREFIX HANDSHAKE CLIENTS_FILE\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    port = atoi(argv[1]), topics = atoi(argv[2]), rooms = atoi(argv[3]), missed = atoi(argv[4]), id_prefix = argv[5];
    if (topics < 1 || topics > MAX_TOPICS || rooms < topics || missed < 1) fail("1 to %d TOPICS of ROOMS, 1 MISSED", MAX_TOPICS);
    poller = epoll_create1(0);
    read_clients(argv[7], argv[6]);
    while (fgets(line, sizeof line, stdin)) { /* until the parent has no more to ask, or is gone */
        if (sscanf(line, "storm %d %d %lf", &count, &in_flight, &patience_s) == 3)
            run_storm(count, in_flight, patience_s);
        else if (!strcmp(line, "abort\n"))
            abort_all();
        else
            fail("'%s' is neither 'storm COUNT IN_FLIGHT PATIENCE_S' nor 'abort'", line);
    }
    return 0;
}
