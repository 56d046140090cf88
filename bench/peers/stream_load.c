/* The load generator of bench.token_stream, many_topics and idle_memory: tabs with tokens of their own subscribe to many
 * topics, and backends publish to these on a fixed schedule whatever comes back. Every delivery is timed from the moment
 * at which its batch was due. In C because 100,000 deliveries a second leave 10 microseconds for each.
 *
 * Usage: stream_load PORT HANDSHAKE TABS_FILE TOPICS BACKENDS TICK_US MAX_BATCH HEAD MESSAGE COUNTER_AT TOPIC_AT
 * (texts: bench/stream_dialogue.py). Tab lines are TOKEN FIRST COUNT SUBSCRIBE_TEXT: topics FIRST to FIRST + COUNT - 1.
 * Backend b has an equal share of the TOPICS and publishes to them round robin, a batch every TICK_US, b/BACKENDS of a
 * tick later than the first. Where the answer to its last batch is not there yet, what is due waits for it and goes with
 * the next, MAX_BATCH messages at most; that wait is charged to the server.
 *
 *   > ready                 the file is read                                       < connect
 *   > connected SECONDS     handshakes are done                                    < subscribe
 *   > subscribed SECONDS    every tab has been told so                             < idle SECONDS / run RATE SECONDS PATIENCE_S
 *   > idled PINGS           nothing was published; so many pings were answered
 *   > result JSON           a StreamResult (bench/stream_load.py)
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
#include "publishers.h"
#include "schedule.h"
#include "tabs.h"

enum { EVENTS = 256, ID_PREFIX = 24, QUARTERS = 4 };

static int timer, subscribed, ended;
static uint64_t max_batch, pings;

/* What came of one run, by the quarters of its schedule where it is an array. */
static struct {
    uint64_t last_ns, late_ns, received, expected, disordered, due[QUARTERS];
    struct latencies latencies[QUARTERS];
} now_running;

static void publish_what_waits(int backend) {
    struct progress *s = &progress[backend];
    if (backends[backend].waits || s->sent == s->due) return;
    uint64_t count = s->due - s->sent < max_batch ? s->due - s->sent : max_batch;
    publish(&backends[backend], (uint64_t)backend << PLACE_BITS | s->sent, count, topic_of);
    s->sent += count;
}

static void set_timer(uint64_t at_ns) {
    struct itimerspec when = {.it_value = {(time_t)(at_ns / 1000000000u), (long)(at_ns % 1000000000u)}};
    if (timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL)) fail("timerfd_settime: %s", strerror(errno));
}

static void publish_what_is_due(void) {
    uint64_t now = clock_ns(CLOCK_MONOTONIC), before = schedule.turn;
    for (; !is_all_due() && due_ns(schedule.turn) <= now; schedule.turn++) {
        int backend = (int)(schedule.turn % (uint64_t)backend_count);
        if (now - due_ns(schedule.turn) > now_running.late_ns) now_running.late_ns = now - due_ns(schedule.turn);
        progress[backend].due = progress[backend].first + due_after(schedule.turn / (uint64_t)backend_count);
        publish_what_waits(backend);
    }
    if (schedule.turn != before && !is_all_due()) set_timer(due_ns(schedule.turn));
}

static void count_delivery(struct tab *t, const unsigned char *payload, size_t length, uint64_t now) {
    const unsigned char *id = memmem(payload, length, message + counter_at - ID_PREFIX, ID_PREFIX);
    if (!id) fail("a delivery without the id that was published: '%.*s'", (int)length, payload);
    uint64_t number = number_of(id + ID_PREFIX), backend = number >> PLACE_BITS, place = number & UINT32_MAX;
    unsigned topic = backend < (uint64_t)backend_count ? topic_of(number) : MAX_TOPICS;
    if (topic < t->first || topic >= t->first + t->count)
        fail("a delivery that was not subscribed to: '%.*s'", (int)length, payload);
    if ((int64_t)number <= t->newest[topic - t->first]) {
        now_running.disordered++;
        return;
    }
    t->newest[topic - t->first] = (int64_t)number;
    if (place < progress[backend].first) return; /* of the run before: it was missing there */
    uint64_t tick = tick_of(place - progress[backend].first);
    uint64_t due = due_ns(tick * (uint64_t)backend_count + backend);
    count_latency(&now_running.latencies[tick * QUARTERS / schedule.ticks], (now - due) / 1000);
    now_running.received++;
    now_running.last_ns = now;
}

static void end_tab(struct tab *t) {
    if (!t->ended) ended++;
    t->ended = 1;
    epoll_ctl(poller, EPOLL_CTL_DEL, t->fd, NULL);
}

static void take_answer_to_subscribe(const unsigned char *payload, size_t length) {
    if (memmem(payload, length, "\"code\"", 6)) fail("a topic was refused: '%.*s'", (int)length, payload);
    subscribed++;
}

static void look_at(struct tab *t, int opcode, const unsigned char *payload, size_t length, uint64_t now) {
    if (opcode == CLOSE)
        end_tab(t);
    else if (opcode == PING)
        pings++, answer_ping(t->fd, payload, length);
    else if (memmem(payload, length, "\"bench.tick\"", 12))
        count_delivery(t, payload, length, now);
    else if (memmem(payload, length, READY, sizeof READY - 1))
        take_answer_to_subscribe(payload, length);
    else if (memmem(payload, length, REFUSED, sizeof REFUSED - 1))
        fail("the server answered '%.*s'", (int)length, payload);
}

static void read_from_tab(struct tab *t) {
    ssize_t got = fetch(t->fd);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        end_tab(t);
        return;
    }
    uint64_t now = clock_ns(CLOCK_MONOTONIC);
    size_t end = connections[t->fd].held + (size_t)got, at = 0, size, header;
    for (; (size = whole_frame(buffer + at, end - at, &header)); at += size)
        look_at(t, buffer[at] & 0x0f, buffer + at + header, size - header, now);
    keep_rest(t->fd, at, end);
    if (end == BUFFER) read_from_tab(t); /* there may be more, and no second event will say so */
}

static void serve_backend(int backend) {
    flush_backend(&backends[backend]);
    while (take_answer(&backends[backend])) publish_what_waits(backend);
}

static void turn(void) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(poller, events, EVENTS, 50);
    publish_what_is_due();
    for (int i = 0; i < count; i++) {
        int fd = events[i].data.fd;
        if (backend_of[fd])
            serve_backend(backend_of[fd] - 1);
        else if (tab_of[fd])
            read_from_tab(&tabs[tab_of[fd] - 1]);
        publish_what_is_due();
    }
}

static int is_any_unanswered(void) {
    for (int b = 0; b < backend_count; b++)
        if (backends[b].waits) return 1;
    return 0;
}

/* Over when everything has arrived and is answered, or nothing has come for `patience_ns` after the last was due, or
 * three times that has passed. */
static int is_over(uint64_t patience_ns) {
    uint64_t now = clock_ns(CLOCK_MONOTONIC), last_due = due_ns(schedule.ticks * (uint64_t)backend_count);
    if (!is_all_due()) return 0;
    if (now_running.received == now_running.expected && !is_any_unanswered()) return 1;
    uint64_t quiet_since = now_running.last_ns > last_due ? now_running.last_ns : last_due;
    return now > quiet_since + patience_ns || now > last_due + 3 * patience_ns;
}

/* What is due in this run, counted before it begins: one delivery to each tab of each message's topic. */
static void expect_deliveries(void) {
    for (uint64_t b = 0; b < (uint64_t)backend_count; b++) {
        struct progress *s = &progress[b];
        s->first = s->due = s->sent;
        for (uint64_t place = 0; place < due_after(schedule.ticks - 1); place++) {
            unsigned receivers = tabs_of_topic[topic_of(b << PLACE_BITS | (s->first + place))];
            now_running.expected += receivers;
            now_running.due[tick_of(place) * QUARTERS / schedule.ticks] += receivers;
        }
    }
}

static void print_result(uint64_t wall_ns, uint64_t cpu_ns) {
    uint64_t last_due = due_ns(schedule.ticks * (uint64_t)backend_count);
    double tail_s = now_running.last_ns > last_due ? (double)(now_running.last_ns - last_due) / 1e9 : 0;
    uint64_t messages = due_after(schedule.ticks - 1) * (uint64_t)backend_count;
    printf("result {\"messages\":%llu,\"received\":%llu,\"disordered\":%llu,\"refused\":%llu,\"unsent\":%llu,\"tabs_ended\":%d,",
           (unsigned long long)messages, (unsigned long long)now_running.received, (unsigned long long)now_running.disordered,
           (unsigned long long)refused_messages, (unsigned long long)count_unsent(), ended);
    printf("\"late_us\":%llu,\"tail_s\":%.6f,\"wall_s\":%.6f,\"generator_cpu_s\":%.6f,\"quarters\":[",
           (unsigned long long)now_running.late_ns / 1000, tail_s, (double)wall_ns / 1e9, (double)cpu_ns / 1e9);
    for (int quarter = 0; quarter < QUARTERS; quarter++) {
        printf("%s{\"due\":%llu,\"histogram\":[", quarter ? "," : "", (unsigned long long)now_running.due[quarter]);
        print_latencies(&now_running.latencies[quarter]);
        printf("]}");
    }
    printf("]}\n");
}

/* Backends connect with the first run: a gateway ends connections on which nothing is asked for long. */
static void run(uint64_t rate, double seconds, double patience_s, int port, int count) {
    if (!backend_count) connect_backends(port, count);
    memset(&now_running, 0, sizeof now_running);
    refused_messages = 0;
    begin_schedule(rate, seconds);
    expect_deliveries();
    uint64_t cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    uint64_t wall_ns = schedule.begin_ns = clock_ns(CLOCK_MONOTONIC);
    publish_what_is_due(); /* the first, which then sets the timer for the next */
    while (!is_over((uint64_t)(patience_s * 1e9))) turn();
    print_result(clock_ns(CLOCK_MONOTONIC) - wall_ns, clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns);
}

static void subscribe_all(void) {
    uint64_t start = clock_ns(CLOCK_MONOTONIC);
    for (int done = 0; done < tab_count; done += CHUNK) {
        int end = done + CHUNK < tab_count ? done + CHUNK : tab_count;
        uint64_t deadline = clock_ns(CLOCK_MONOTONIC) + STALL_S * 1000000000ull;
        for (int i = done; i < end; i++) send_whole(tabs[i].fd, tabs[i].request, tabs[i].request_size);
        while (subscribed < end) {
            turn();
            if (ended) fail("a tab lost its connection while it subscribed; run the server by hand and look at its log");
            if (clock_ns(CLOCK_MONOTONIC) > deadline) fail("%d of %d tabs are not subscribed", tab_count - subscribed, tab_count);
        }
    }
    printf("subscribed %.6f\n", (double)(clock_ns(CLOCK_MONOTONIC) - start) / 1e9);
}

static void stay_idle(double seconds) {
    uint64_t deadline = clock_ns(CLOCK_MONOTONIC) + (uint64_t)(seconds * 1e9);
    pings = 0;
    while (clock_ns(CLOCK_MONOTONIC) < deadline) turn();
    if (ended) fail("%d idle tabs lost their connection", ended);
    printf("idled %llu\n", (unsigned long long)pings);
}

static void connect_all(int port) {
    uint64_t start = clock_ns(CLOCK_MONOTONIC);
    connect_tabs(port);
    printf("connected %.6f\n", (double)(clock_ns(CLOCK_MONOTONIC) - start) / 1e9);
}

static void obey(const char *line, int port, int count) {
    unsigned long long rate;
    double seconds, patience_s;
    if (sscanf(line, "run %llu %lf %lf", &rate, &seconds, &patience_s) == 3)
        run(rate, seconds, patience_s, port, count);
    else if (sscanf(line, "idle %lf", &seconds) == 1)
        stay_idle(seconds);
    else if (!strcmp(line, "connect\n"))
        connect_all(port);
    else if (!strcmp(line, "subscribe\n"))
        subscribe_all();
    else
        fail("'%s' is none of 'connect', 'subscribe', 'idle SECONDS', 'run RATE SECONDS PATIENCE_S'", line);
}

int main(int argc, char **argv) {
    char line[128];
    if (argc != 12) {
        fprintf(stderr, "usage: stream_load PORT HANDSHAKE TABS_FILE TOPICS BACKENDS TICK_US MAX_BATCH HEAD MESSAGE COUNTER_AT TOPIC_AT\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    topics = (unsigned)atoi(argv[4]);
    tick_us = strtoull(argv[6], NULL, 10);
    max_batch = strtoull(argv[7], NULL, 10);
    publish_head = argv[8];
    choose_message(argv[9], argv[10], argv[11]);
    if (topics < 1 || topics > MAX_TOPICS || topics < (unsigned)atoi(argv[5]) || !tick_us || !max_batch || max_batch > MAX_BATCH)
        fail("1 to %d TOPICS, no more BACKENDS than these, 1 to %d MAX_BATCH", MAX_TOPICS, MAX_BATCH);
    poller = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    watch(timer);
    read_tabs(argv[3], argv[2]);
    printf("ready\n");
    while (fgets(line, sizeof line, stdin)) obey(line, atoi(argv[1]), atoi(argv[5])); /* until the parent has no more to ask */
    return 0;
}
