/* Backends that publish with `POST /api/publish` over connections that they keep: one request on its way on each, and the
 * next only when its answer has been read whole (no pipelining). Owns their table and the text that is published.
 *
 * A message's number is its backend's place (four hexadecimal digits) and its place among that backend's (eight), so
 * that whoever receives it knows when it was due. All lengths are fixed: a request is copied and patched, not written.
 */
#ifndef BENCH_PUBLISHERS_H
#define BENCH_PUBLISHERS_H

#include "connections.h"

enum { MAX_BACKENDS = 1000, MAX_BATCH = 1000, COUNTER_DIGITS = 12, TOPIC_DIGITS = 5 };

/* One connection of a backend: its request, how far the server's socket took it, and what it waits for. */
struct backend {
    int fd, waits;
    unsigned char *request;
    size_t size, sent;
    uint64_t messages; /* in the request on its way */
};

static struct backend backends[MAX_BACKENDS];
static int backend_count, backend_of[MAX_FDS]; /* by descriptor, one more than the place in the table; 0: none */
static const char *publish_head;               /* the head of a request up to the number of Content-Length */
static const char *message;
static size_t message_size, counter_at, topic_at;
static uint64_t refused_messages;

static void write_hexadecimal(unsigned char *at, uint64_t number) {
    for (int digit = COUNTER_DIGITS - 1; digit >= 0; digit--, number >>= 4) at[digit] = (unsigned char)"0123456789abcdef"[number & 15];
}

static void write_decimal(unsigned char *at, unsigned number) {
    for (int digit = TOPIC_DIGITS - 1; digit >= 0; digit--, number /= 10) at[digit] = (unsigned char)('0' + number % 10);
}

static uint64_t number_of(const unsigned char *digits) {
    uint64_t number = 0;
    for (int i = 0; i < COUNTER_DIGITS; i++) number = number << 4 | (uint64_t)(digits[i] <= '9' ? digits[i] - '0' : digits[i] - 'a' + 10);
    return number;
}

static unsigned char *write_message(unsigned char *at, uint64_t number, unsigned topic) {
    memcpy(at, message, message_size);
    write_hexadecimal(at + counter_at, number);
    write_decimal(at + topic_at, topic);
    return at + message_size;
}

/* Sends what is left of the request, as far as the server's socket takes it. */
static void flush_backend(struct backend *b) {
    while (b->sent < b->size) {
        ssize_t sent = send(b->fd, b->request + b->sent, b->size - b->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) return;
        if (sent < 0) fail("a publish: %s", strerror(errno));
        b->sent += (size_t)sent;
    }
}

/* One message goes as an envelope, several as an array of them. `topic_of` says which topic a number belongs to. */
static void publish(struct backend *b, uint64_t first, uint64_t count, unsigned (*topic_of)(uint64_t)) {
    size_t body = count * message_size + (count == 1 ? 0 : count + 1);
    unsigned char *at = b->request + sprintf((char *)b->request, "%s%zu\r\n\r\n", publish_head, body);
    if (count > 1) *at++ = '[';
    for (uint64_t i = 0; i < count; i++) {
        if (i) *at++ = ',';
        at = write_message(at, first + i, topic_of(first + i));
    }
    if (count > 1) *at++ = ']';
    b->size = (size_t)(at - b->request);
    b->sent = 0;
    b->waits = 1;
    b->messages = count;
    flush_backend(b);
}

static uint64_t count_refused(const unsigned char *body, size_t length) {
    uint64_t found = 0;
    const unsigned char *at = body, *end = body + length;
    while ((at = memmem(at, (size_t)(end - at), REFUSED, sizeof REFUSED - 1))) at += sizeof REFUSED - 1, found++;
    return found;
}

/* Whether the answer to the request on its way has now come whole. 503 refuses all of it, an `error` one of a batch. */
static int take_answer(struct backend *b) {
    ssize_t got = fetch(b->fd);
    if (got < 0 && errno == EAGAIN) return 0;
    if (got <= 0) fail("a publisher's connection ended: %s", got ? strerror(errno) : "by the server");
    size_t end = connections[b->fd].held + (size_t)got;
    unsigned char *body = memmem(buffer, end, "\r\n\r\n", 4);
    const char *length = body ? memmem(buffer, (size_t)(body - buffer), "Content-Length: ", 16) : NULL;
    if (body && !length) fail("an answer without its length: %.*s", (int)end, buffer);
    size_t size = body ? (size_t)(body + 4 - buffer) + strtoull(length + 16, NULL, 10) : SIZE_MAX;
    if (size > end && end == BUFFER) fail("an answer of more than %d bytes", BUFFER);
    if (size > end) {
        keep_rest(b->fd, 0, end);
        return 0;
    }
    int status = atoi((char *)buffer + 9);
    if (!b->waits || size < end || (status != 200 && status != 503)) fail("a publish was answered %.*s", (int)end, buffer);
    refused_messages += status == 503 ? b->messages : count_refused(body, (size_t)(buffer + end - body));
    connections[b->fd].held = 0;
    b->waits = 0;
    return 1;
}

static void connect_backends(int port, int count) {
    size_t room = strlen(publish_head) + 32 + MAX_BATCH * (message_size + 1) + 2;
    if (count < 1 || count > MAX_BACKENDS) fail("%d BACKENDS: must be 1 to %d", count, MAX_BACKENDS);
    for (backend_count = 0; backend_count < count; backend_count++) {
        struct backend *b = &backends[backend_count];
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET};
        event.data.fd = b->fd = dial(port, "", NULL);
        b->request = malloc(room);
        if (!b->request) fail("out of memory");
        backend_of[b->fd] = backend_count + 1;
        if (epoll_ctl(poller, EPOLL_CTL_ADD, b->fd, &event)) fail("epoll_ctl: %s", strerror(errno));
    }
}

static void choose_message(const char *text, const char *counter_offset, const char *topic_offset) {
    message = text;
    message_size = strlen(text);
    counter_at = (size_t)atoi(counter_offset);
    topic_at = (size_t)atoi(topic_offset);
    if (counter_at + COUNTER_DIGITS > message_size || topic_at + TOPIC_DIGITS > message_size) fail("MESSAGE is too short");
}

#endif
