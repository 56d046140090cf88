/* The load generator of bench.publish_throughput: connections that publish with `POST /api/publish` in a closed loop, each
 * its next request as soon as the answer to its last has come, and a subscriber that times what arrives. In C because
 * a request that costs the gateway some hundred microseconds must cost its sender far less.
 *
 * Usage: publish_load PORT HANDSHAKE TABS_FILE IN_FLIGHT HEAD MESSAGE COUNTER_AT TOPIC_AT
 * (texts: bench/stream_dialogue.py). TABS_FILE has one subscriber or none, as for stream_load; all messages go to topic 0.
 * A message's number is that of its request and its place in it: every message is a new one, and whoever gets it knows
 * when its request was sent.
 *
 *   > ready                 the file is read                                    < connect
 *   > connected             the subscriber is subscribed                        < run BATCH WARM_UP_S SECONDS
 *   > begin                 warmed up, nothing is on its way                    < go
 *   > end                   all is answered, and has arrived
 *   > result JSON           a PublishResult (bench/publish_load.py); waits for the next `run` or the end of stdin
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "clock.h"
#include "latencies.h"
#include "pings.h"
#include "publishers.h"
#include "tabs.h"

enum { EVENTS = 256, ID_PREFIX = 24, SENT = 65536, PLACE_BITS = 12 };

static int subscribed;

/* The newest requests by number: when each was sent, and how many of its messages have arrived. */
static struct {
    uint64_t number, sent_ns, arrived;
} newest[SENT];
static uint64_t requests, request_of[MAX_BACKENDS]; /* sent so far; the one on its way on each connection */

/* One run: how it is done, and what came of it. */
static struct {
    uint64_t batch, stop_ns, waiting, messages, received, last_ns;
    struct latencies answers, deliveries;
} now_running;

static unsigned topic_of(uint64_t number) {
    (void)number;
    return 0;
}

static void publish_next(int backend) {
    uint64_t number = requests++;
    request_of[backend] = number;
    newest[number % SENT].number = number;
    newest[number % SENT].arrived = 0;
    now_running.waiting++;
    now_running.messages += now_running.batch;
    newest[number % SENT].sent_ns = clock_ns(CLOCK_MONOTONIC);
    publish(&backends[backend], number << PLACE_BITS, now_running.batch, topic_of);
}

static void take_delivery(const unsigned char *payload, size_t length, uint64_t now) {
    const unsigned char *id = memmem(payload, length, message + counter_at - ID_PREFIX, ID_PREFIX);
    if (!id) fail("a delivery without the id that was published: '%.*s'", (int)length, payload);
    uint64_t number = number_of(id + ID_PREFIX), request = number >> PLACE_BITS;
    /* A count alone would take a loss and a repetition for two messages. */
    if (newest[request % SENT].number != request || newest[request % SENT].arrived++ != (number & ((1 << PLACE_BITS) - 1)))
        fail("not the message that is next of its request: '%.*s'", (int)length, payload);
    count_latency(&now_running.deliveries, (now - newest[request % SENT].sent_ns) / 1000);
    now_running.received++;
    now_running.last_ns = now;
}

static void look_at(struct tab *t, int opcode, const unsigned char *payload, size_t length, uint64_t now) {
    if (opcode == CLOSE) fail("the subscriber was closed: '%.*s'", (int)length, payload);
    if (opcode == PING)
        answer_ping(t->fd, payload, length);
    else if (memmem(payload, length, "\"bench.tick\"", 12))
        take_delivery(payload, length, now);
    else if (memmem(payload, length, READY, sizeof READY - 1))
        subscribed++;
    else if (memmem(payload, length, REFUSED, sizeof REFUSED - 1))
        fail("the server answered '%.*s'", (int)length, payload);
}

static void read_from_tab(struct tab *t) {
    ssize_t got = fetch(t->fd);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) fail("the subscriber's connection ended");
    uint64_t now = clock_ns(CLOCK_MONOTONIC);
    size_t end = connections[t->fd].held + (size_t)got, at = 0, size, header;
    for (; (size = whole_frame(buffer + at, end - at, &header)); at += size)
        look_at(t, buffer[at] & 0x0f, buffer + at + header, size - header, now);
    keep_rest(t->fd, at, end);
    if (end == BUFFER) read_from_tab(t); /* there may be more, and no second event will say so */
}

static void serve_backend(int backend) {
    flush_backend(&backends[backend]);
    while (take_answer(&backends[backend])) {
        uint64_t now = clock_ns(CLOCK_MONOTONIC);
        count_latency(&now_running.answers, (now - newest[request_of[backend] % SENT].sent_ns) / 1000);
        now_running.last_ns = now;
        now_running.waiting--;
        if (now < now_running.stop_ns) publish_next(backend);
    }
}

static void turn(void) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(poller, events, EVENTS, STALL_S * 1000);
    if (!count) fail("nothing came for %d s though something was due; see the server's own log", STALL_S);
    for (int i = 0; i < count; i++) {
        int fd = events[i].data.fd;
        if (backend_of[fd])
            serve_backend(backend_of[fd] - 1);
        else
            read_from_tab(&tabs[tab_of[fd] - 1]);
    }
}

/* Every message has arrived that was not refused: those are no failure here, but told apart in the result. */
static int is_complete(void) {
    return !now_running.waiting && now_running.received == (now_running.messages - refused_messages) * (uint64_t)tab_count;
}

static void publish_for(uint64_t batch, double seconds) {
    memset(&now_running, 0, sizeof now_running);
    refused_messages = 0;
    now_running.batch = batch;
    now_running.stop_ns = clock_ns(CLOCK_MONOTONIC) + (uint64_t)(seconds * 1e9);
    for (int backend = 0; backend < backend_count; backend++) publish_next(backend);
    while (!is_complete()) turn();
}

static void print_result(uint64_t wall_ns, uint64_t cpu_ns) {
    printf("end\nresult {\"messages\":%llu,\"refused\":%llu,\"received\":%llu,\"wall_s\":%.6f,\"generator_cpu_s\":%.6f,\"answers\":[",
           (unsigned long long)now_running.messages, (unsigned long long)refused_messages,
           (unsigned long long)now_running.received, (double)wall_ns / 1e9, (double)cpu_ns / 1e9);
    print_latencies(&now_running.answers);
    printf("],\"deliveries\":[");
    print_latencies(&now_running.deliveries);
    printf("]}\n");
}

static const char *read_line(void) {
    static char line[128];
    if (!fgets(line, sizeof line, stdin)) exit(0); /* the parent has no more to ask, or is gone */
    return line;
}

static void run(uint64_t batch, double warm_up_s, double seconds) {
    if (batch < 1 || batch > MAX_BATCH) fail("BATCH: must be 1 to %d", MAX_BATCH);
    publish_for(batch, warm_up_s);
    printf("begin\n");
    read_line();
    uint64_t start = clock_ns(CLOCK_MONOTONIC), cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    publish_for(batch, seconds);
    print_result(now_running.last_ns - start, clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns);
}

static void connect_all(int port, int in_flight) {
    connect_tabs(port);
    for (int i = 0; i < tab_count; i++) send_whole(tabs[i].fd, tabs[i].request, tabs[i].request_size);
    while (subscribed < tab_count) turn();
    connect_backends(port, in_flight);
    printf("connected\n");
}

int main(int argc, char **argv) {
    const char *line;
    unsigned long long batch;
    double warm_up_s, seconds;
    if (argc != 9) {
        fprintf(stderr, "usage: publish_load PORT HANDSHAKE TABS_FILE IN_FLIGHT HEAD MESSAGE COUNTER_AT TOPIC_AT\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    publish_head = argv[5];
    choose_message(argv[6], argv[7], argv[8]);
    poller = epoll_create1(0);
    read_tabs(argv[3], argv[2]);
    if (tab_count > 1) fail("TABS_FILE: at most one subscriber");
    printf("ready\n");
    while ((line = read_line())) {
        if (sscanf(line, "run %llu %lf %lf", &batch, &warm_up_s, &seconds) == 3)
            run(batch, warm_up_s, seconds);
        else if (!strcmp(line, "connect\n"))
            connect_all(atoi(argv[1]), atoi(argv[4]));
        else
            fail("'%s' is neither 'connect' nor 'run BATCH WARM_UP_S SECONDS'", line);
    }
    return 0;
}
