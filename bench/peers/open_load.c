/* The open-loop load generator of bench.slow_clients: publishes on a fixed schedule whatever comes back, and times every
 * delivery from the moment at which its publish was due. Some subscribers never read. In C because 200,000 deliveries a
 * second leave 5 microseconds for each, and Python needs four of them to count one.
 *
 * Usage: open_load PORT HEALTHY STALLED PUBLISH_TEXT COUNTER_AT HANDSHAKE SUBSCRIBE_TEXT PUBLISHER_HANDSHAKE GREETING
 * (texts: bench/dialects.py; SUBSCRIBE_TEXT and GREETING may be empty)
 *
 *   > publisher            the publisher is connected               < go
 *   > connected SECONDS    all are subscribed, the stalled first    < run RATE COUNT PATIENCE_S  (as often as wanted)
 *   > result JSON          an OpenLoopResult (bench/open_loop.py)   < fates SECONDS
 *   > fates JSON           how the stalled connections ended, by close code, once they are read for SECONDS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "clock.h"
#include "latencies.h"
#include "pings.h"
#include "subscribers.h"

enum { EVENTS = 256, ID_PREFIX = 24 };

static int publisher, timer;
static unsigned char frame[70000];
static size_t frame_size, counter_at;
static uint64_t published, flushed_bytes; /* messages that were due, and how far the server's socket took them */

/* One run: its schedule, and what came of it. */
static struct {
    uint64_t first, count, begin_ns, interval_ns, last_ns, late_ns, received, disordered, refused;
    struct latencies latencies;
} now_running;

static uint64_t due_ns(uint64_t number) {
    return now_running.begin_ns + (number - now_running.first) * now_running.interval_ns;
}

/* All messages are one long text of which `flushed_bytes` are gone: what the server does not take stays due. */
static void flush(void) {
    char digits[24];
    while (flushed_bytes < published * frame_size && subscribers[publisher].fate == OPEN) {
        size_t at = flushed_bytes % frame_size;
        snprintf(digits, sizeof digits, "%012llx", (unsigned long long)(flushed_bytes / frame_size));
        memcpy(frame + counter_at, digits, 12);
        ssize_t sent = send(publisher, frame + at, frame_size - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) return;
        if (sent < 0) {
            end_connection(publisher, RESET);
            return;
        }
        flushed_bytes += (uint64_t)sent;
    }
}

static void set_timer(uint64_t at_ns) {
    struct itimerspec when = {.it_value = {(time_t)(at_ns / 1000000000u), (long)(at_ns % 1000000000u)}};
    if (timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL)) fail("timerfd_settime: %s", strerror(errno));
}

static void publish_what_is_due(void) {
    uint64_t now = clock_ns(CLOCK_MONOTONIC), end = now_running.first + now_running.count, before = published;
    for (; published < end && due_ns(published) <= now; published++)
        if (now - due_ns(published) > now_running.late_ns) now_running.late_ns = now - due_ns(published);
    if (published == before) return;
    flush();
    if (published < end) set_timer(due_ns(published));
}

static void count_delivery(int fd, const unsigned char *payload, size_t length, uint64_t now) {
    struct subscriber *s = &subscribers[fd];
    const char *id = memmem(payload, length, frame + counter_at - ID_PREFIX, ID_PREFIX);
    if (!id) fail("a delivery without the id that was published: '%.*s'", (int)length, payload);
    int64_t number = (int64_t)strtoull(id + ID_PREFIX, NULL, 16);
    if (number <= s->newest) {
        now_running.disordered++;
        return;
    }
    s->newest = number;
    if (number < (int64_t)now_running.first) return; /* of the run before: it was missing there */
    count_latency(&now_running.latencies, (now - due_ns((uint64_t)number)) / 1000);
    now_running.received++;
    now_running.last_ns = now;
}

static void look_at(int fd, int opcode, const unsigned char *payload, size_t length, uint64_t now) {
    if (opcode == CLOSE)
        subscribers[fd].fate = length < 2 ? 1005 : payload[0] << 8 | payload[1];
    else if (opcode == PING)
        answer_ping(fd, payload, length);
    else if (fd == publisher)
        now_running.refused += memmem(payload, length, REFUSED, sizeof REFUSED - 1) != NULL;
    else if (!subscribers[fd].stalls && memmem(payload, length, "\"bench.tick\"", 12))
        count_delivery(fd, payload, length, now);
}

static void read_from(int fd) {
    ssize_t got = fetch(fd);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        end_connection(fd, got ? RESET : ENDED);
        return;
    }
    uint64_t now = clock_ns(CLOCK_MONOTONIC);
    size_t end = connections[fd].held + (size_t)got, at = 0, size, header;
    for (; (size = whole_frame(buffer + at, end - at, &header)); at += size)
        look_at(fd, buffer[at] & 0x0f, buffer + at + header, size - header, now);
    keep_rest(fd, at, end);
    /* There may be more, or the end of one that was let go long ago, and no second event will say so. */
    if (end == BUFFER || subscribers[fd].stalls) read_from(fd);
}

static void turn(void) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(poller, events, EVENTS, 50);
    publish_what_is_due();
    flush();
    for (int i = 0; i < count; i++) {
        if (events[i].data.fd == timer) continue;
        if (events[i].events & ~(uint32_t)EPOLLOUT) read_from(events[i].data.fd);
        publish_what_is_due();
    }
}

/* Over when everything has arrived, or nothing for `patience_ns` after the last publish, or three times that passed. */
static int is_over(uint64_t patience_ns) {
    uint64_t now = clock_ns(CLOCK_MONOTONIC), last_due = due_ns(now_running.first + now_running.count - 1);
    if (published < now_running.first + now_running.count) return 0;
    if (now_running.received == now_running.count * (uint64_t)healthy) return 1;
    uint64_t quiet_since = now_running.last_ns > last_due ? now_running.last_ns : last_due;
    return now > quiet_since + patience_ns || now > last_due + 3 * patience_ns;
}

static void print_result(uint64_t wall_ns, uint64_t cpu_ns) {
    uint64_t last_ns = now_running.last_ns ? now_running.last_ns - now_running.begin_ns : 0;
    printf("result {\"due\":%llu,\"received\":%llu,\"disordered\":%llu,\"refused\":%llu,\"healthy_ended\":%d,",
           (unsigned long long)now_running.count * (unsigned)healthy, (unsigned long long)now_running.received,
           (unsigned long long)now_running.disordered, (unsigned long long)now_running.refused, count_ended(0));
    printf("\"publisher_ended\":%d,\"unsent\":%llu,\"late_us\":%llu,\"last_delivery_s\":%.6f,\"wall_s\":%.6f,\"generator_cpu_s\":%.6f,\"histogram\":[",
           subscribers[publisher].fate, (unsigned long long)(published - flushed_bytes / frame_size), (unsigned long long)now_running.late_ns / 1000,
           (double)last_ns / 1e9, (double)wall_ns / 1e9, (double)cpu_ns / 1e9);
    print_latencies(&now_running.latencies);
    printf("]}\n");
}

static void run(double rate, uint64_t count, double patience_s) {
    uint64_t wall_ns = clock_ns(CLOCK_MONOTONIC), cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    memset(&now_running, 0, sizeof now_running);
    now_running.first = published;
    now_running.count = count;
    now_running.begin_ns = wall_ns;
    now_running.interval_ns = (uint64_t)(1e9 / rate);
    publish_what_is_due(); /* the first, which then sets the timer for the next */
    while (!is_over((uint64_t)(patience_s * 1e9))) turn();
    print_result(clock_ns(CLOCK_MONOTONIC) - wall_ns, clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns);
}

static void tell_fates(double seconds) {
    uint64_t deadline = clock_ns(CLOCK_MONOTONIC) + (uint64_t)(seconds * 1e9);
    for (int i = 0; i < stalled; i++) watch(opened[i]);
    while (count_ended(1) < stalled && clock_ns(CLOCK_MONOTONIC) < deadline) turn();
    print_fates();
}

static void connect_publisher(int port, const char *handshake, const char *greeting) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET};
    event.data.fd = publisher = dial(port, handshake, NULL);
    finish_handshake(publisher);
    introduce(&publisher, 1, greeting);
    if (epoll_ctl(poller, EPOLL_CTL_ADD, publisher, &event)) fail("epoll_ctl: %s", strerror(errno));
    printf("publisher\n");
}

static const char *read_line(void) {
    static char line[128];
    if (!fgets(line, sizeof line, stdin)) exit(0); /* the parent has no more to ask, or is gone */
    return line;
}

static void obey(const char *line) {
    unsigned long long count;
    double rate, seconds;
    if (sscanf(line, "run %lf %llu %lf", &rate, &count, &seconds) == 3)
        run(rate, count, seconds);
    else if (sscanf(line, "fates %lf", &seconds) == 1)
        tell_fates(seconds);
    else
        fail("'%s' is neither 'run RATE COUNT PATIENCE_S' nor 'fates SECONDS'", line);
}

int main(int argc, char **argv) {
    if (argc != 10) {
        fprintf(stderr, "usage: open_load PORT HEALTHY STALLED PUBLISH_TEXT COUNTER_AT HANDSHAKE SUBSCRIBE_TEXT "
                        "PUBLISHER_HANDSHAKE GREETING\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    healthy = atoi(argv[2]);
    stalled = atoi(argv[3]);
    frame_size = build_frame(frame, argv[4]);
    counter_at = frame_size - strlen(argv[4]) + (size_t)atoi(argv[5]);
    poller = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    watch(timer);
    connect_publisher(atoi(argv[1]), argv[8], argv[9]);
    read_line();
    uint64_t start = clock_ns(CLOCK_MONOTONIC);
    connect_all(atoi(argv[1]), argv[6], argv[7]);
    printf("connected %.6f\n", (double)(clock_ns(CLOCK_MONOTONIC) - start) / 1e9);
    for (;;) obey(read_line());
}
