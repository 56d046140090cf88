/* The load generator in C, where a compiler is found: Python needs about as long to receive a frame as a fast server
 * needs to send it. Same arguments, same lines on stdin and stdout as bench/load.py, whose docstring explains them.
 *
 * Usage: load PORT SUBSCRIBERS PUBLISH_TEXT COUNTER_AT HANDSHAKE SUBSCRIBE_TEXT PUBLISHER_HANDSHAKE GREETING
 * The texts come from bench/dialects.py, so that none is written down twice; SUBSCRIBE_TEXT and the publisher's GREETING
 * may be empty, and are then neither said nor answered. COUNTER_AT: where the twelve
 * digits begin in PUBLISH_TEXT that change from message to message; the 24 bytes before them mark the id.
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
#include "connect.h"
#include "pings.h"

enum { EVENTS = 1024, MAX_MESSAGES = 4000000, ID_PREFIX = 24 };

static const char DELIVERY[] = "\"bench.tick\"";

static uint32_t missing[MAX_MESSAGES];      /* per message: subscribers that do not have it yet */
static uint64_t started_ns[MAX_MESSAGES];   /* per message: when it was published */
static uint64_t latency_ns[MAX_MESSAGES];   /* per message, in the order of completion: until the last one had it */
static unsigned char frame[70000];
static size_t frame_size, counter_at;
static uint32_t published, completed, first_of_run, at_least;
static uint64_t stop_ns, delivered_bytes, total_missing;
static int publisher, subscriber_count, publishing;

static void publish(void) {
    char digits[13];
    if (published == MAX_MESSAGES) fail("more than %d messages; choose fewer seconds", MAX_MESSAGES);
    snprintf(digits, sizeof digits, "%012x", published);
    memcpy(frame + counter_at, digits, 12);
    missing[published] = (uint32_t)subscriber_count;
    total_missing += (uint64_t)subscriber_count;
    started_ns[published++] = clock_ns(CLOCK_MONOTONIC);
    send_whole(publisher, frame, frame_size);
}

static void complete(uint32_t number) {
    uint64_t now = clock_ns(CLOCK_MONOTONIC);
    latency_ns[completed++] = now - started_ns[number];
    publishing = publishing && (now < stop_ns || published - first_of_run < at_least);
    if (publishing) publish();
}

/* A count alone would take a loss and a repetition for two deliveries: each must be the one that is due. */
static void check_number(const unsigned char *payload, size_t length, uint32_t due) {
    const char *id = memmem(payload, length, frame + counter_at - ID_PREFIX, ID_PREFIX);
    if (!id || strtoull(id + ID_PREFIX, NULL, 16) != due)
        fail("message %u was due, got '%.*s'", due, (int)length, payload);
}

/* Looks at one whole payload: a delivery is counted, an error or a close ends the run, anything else is control. Pings
 * are answered: with thousands of subscribers, windows are longer than a server waits for a sign of life. */
static uint32_t look_at(int fd, int opcode, const unsigned char *payload, size_t length, uint32_t due) {
    if (memmem(payload, length, DELIVERY, sizeof DELIVERY - 1)) {
        check_number(payload, length, due);
        delivered_bytes += length;
        return 1;
    }
    if (opcode == CLOSE || memmem(payload, length, REFUSED, sizeof REFUSED - 1))
        fail("waited for deliveries, got '%.*s'", (int)length, payload);
    if (opcode == PING) answer_ping(fd, payload, length);
    return 0;
}

/* Counts the deliveries among the whole frames of the buffer, from message `due` on; `*used`: the bytes they take. */
static uint32_t count_deliveries(int fd, size_t end, uint32_t due, size_t *used) {
    uint32_t count = 0;
    size_t at = 0, size, header;
    for (; (size = whole_frame(buffer + at, end - at, &header)); at += size)
        count += look_at(fd, buffer[at] & 0x0f, buffer + at + header, size - header, due + count);
    *used = at;
    return count;
}

static void read_from(int fd) {
    struct connection *c = &connections[fd];
    ssize_t got = fetch(fd);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) fail("waited for deliveries, got the end of a connection");
    size_t end = c->held + (size_t)got, used;
    uint32_t first = c->received, count = count_deliveries(fd, end, first, &used);
    keep_rest(fd, used, end);
    if (first + count > published) fail("a connection got more messages than were published");
    c->received += count;
    total_missing -= count;
    for (uint32_t number = first; number < first + count; number++)
        if (--missing[number] == 0) complete(number);
    if (end == BUFFER) read_from(fd); /* there may be more, and no second event will say so */
}

static void receive(void) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(poller, events, EVENTS, STALL_S * 1000);
    if (count == 0)
        fail("%llu deliveries did not arrive within %d s; see the server's own log",
             (unsigned long long)total_missing, STALL_S);
    for (int i = 0; i < count; i++) read_from(events[i].data.fd);
}

static void run(int outstanding, uint32_t messages, double seconds) {
    first_of_run = completed = published;
    at_least = messages;
    delivered_bytes = 0;
    stop_ns = clock_ns(CLOCK_MONOTONIC) + (uint64_t)(seconds * 1e9);
    publishing = 1;
    for (int i = 0; i < outstanding; i++) publish();
    while (completed < published) receive();
}

static const char *read_line(void) {
    static char line[128];
    if (!fgets(line, sizeof line, stdin)) exit(0); /* the parent has no more to ask, or is gone */
    return line;
}

static void print_result(uint64_t wall_ns, uint64_t cpu_ns) {
    printf("result {\"messages\":%u,\"wall_s\":%.6f,\"generator_cpu_s\":%.6f,\"delivered_bytes\":%llu,\"latencies_us\":[",
           completed - first_of_run, (double)wall_ns / 1e9, (double)cpu_ns / 1e9, (unsigned long long)delivered_bytes);
    for (uint32_t i = first_of_run; i < completed; i++)
        printf(i == first_of_run ? "%llu" : ",%llu", (unsigned long long)(latency_ns[i] / 1000));
    printf("]}\n");
}

static void measure(int outstanding, uint32_t warm_up, double seconds, uint32_t messages) {
    run(outstanding, warm_up, 0);
    printf("begin\n");
    read_line();
    uint64_t wall_ns = clock_ns(CLOCK_MONOTONIC), cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    run(outstanding, messages, seconds);
    wall_ns = clock_ns(CLOCK_MONOTONIC) - wall_ns;
    cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns;
    printf("end\n");
    print_result(wall_ns, cpu_ns);
}

static void connect_all(int port, const char *handshake, const char *subscribe) {
    uint64_t start = clock_ns(CLOCK_MONOTONIC);
    for (int done = 0; done < subscriber_count; done += CHUNK) {
        int opened[CHUNK], left = subscriber_count - done, count = left < CHUNK ? left : CHUNK;
        connect_chunk(opened, count, port, handshake, subscribe, NULL);
        for (int i = 0; i < count; i++) watch(opened[i]);
    }
    printf("connected %.6f\n", (double)(clock_ns(CLOCK_MONOTONIC) - start) / 1e9);
}

int main(int argc, char **argv) {
    if (argc != 9) {
        fprintf(stderr, "usage: load PORT SUBSCRIBERS PUBLISH_TEXT COUNTER_AT HANDSHAKE SUBSCRIBE_TEXT "
                        "PUBLISHER_HANDSHAKE GREETING\n");
        return 2;
    }
    int port = atoi(argv[1]), outstanding;
    unsigned warm_up, messages = 1;
    double seconds;
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    subscriber_count = atoi(argv[2]);
    frame_size = build_frame(frame, argv[3]);
    counter_at = frame_size - strlen(argv[3]) + (size_t)atoi(argv[4]);
    poller = epoll_create1(0);
    publisher = dial(port, argv[7], NULL);
    finish_handshake(publisher);
    introduce(&publisher, 1, argv[8]);
    watch(publisher);
    printf("publisher\n");
    read_line();
    connect_all(port, argv[5], argv[6]);
    while (sscanf(read_line(), "run %d %u %lf %u", &outstanding, &warm_up, &seconds, &messages) >= 3) {
        measure(outstanding, warm_up, seconds, messages);
        messages = 1;
    }
    fail("a line that is not 'run OUTSTANDING WARM_UP SECONDS [AT_LEAST]'");
}
