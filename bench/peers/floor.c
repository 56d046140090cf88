/* The floor: what the kernel alone asks for N deliveries. One thread, one epoll loop, one send() per subscriber.
 *
 * Usage: floor PORT. Speaks just enough WebSocket for the load generator: a handshake with the sample key of
 * RFC 6455 section 1.3 (any other is refused), whole masked text frames of at most 64 KiB from the client. A text
 * that names "system" subscribes its sender; any other text goes to every subscriber as it came. A subscriber that
 * cannot take a frame at once ends the program: a floor that dropped or queued would not be one.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FDS = 65536, INBOX = 128 * 1024, EVENTS = 256 };

static const char KEY[] = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
static const char WELCOME[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                              "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                              "Sec-WebSocket-Protocol: fanwire.v1\r\n\r\n";
static const char SUBSCRIBED[] = "{\"v\":1,\"topic\":\"system\",\"type\":\"subscribed\",\"data\":{}}";

/* What is known of one connection; `held` bytes of an unfinished request or frame wait in `kept`. */
struct connection {
    int open;
    size_t held;
    unsigned char *kept;
};

static struct connection connections[MAX_FDS];
static int subscribers[MAX_FDS];
static size_t subscriber_count;
static int poller;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void send_whole(int fd, const void *bytes, size_t length) {
    ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return; /* read() reports the end of this one */
    if (sent != (ssize_t)length) die("floor: a socket did not take a whole frame at once");
}

static size_t build_frame(unsigned char *out, const void *payload, size_t length) {
    size_t header = length < 126 ? 2 : 4;
    out[0] = 0x81;
    out[1] = length < 126 ? (unsigned char)length : 126;
    if (header == 4) {
        out[2] = (unsigned char)(length >> 8);
        out[3] = (unsigned char)length;
    }
    memcpy(out + header, payload, length);
    return header + length;
}

static void handle_text(int fd, const unsigned char *text, size_t length) {
    static unsigned char frame[INBOX + 4];
    if (memmem(text, length, "\"system\"", 8)) {
        size_t size = build_frame(frame, SUBSCRIBED, sizeof SUBSCRIBED - 1);
        subscribers[subscriber_count++] = fd;
        send_whole(fd, frame, size);
        return;
    }
    size_t size = build_frame(frame, text, length);
    for (size_t i = 0; i < subscriber_count; i++) send_whole(subscribers[i], frame, size);
}

/* Handles the frame at the start of `bytes`; returns its size, or 0 while it is not whole. */
static size_t take_frame(int fd, unsigned char *bytes, size_t length) {
    if (length < 6) return 0;
    size_t payload = bytes[1] & 0x7f, header = 6;
    if (payload == 126) {
        header = 8;
        payload = (size_t)bytes[2] << 8 | bytes[3];
    }
    if (length < header + payload) return 0;
    for (size_t i = 0; i < payload; i++) bytes[header + i] ^= bytes[header - 4 + (i & 3)];
    if ((bytes[0] & 0x0f) == 1) handle_text(fd, bytes + header, payload);
    return header + payload;
}

/* Answers the request at the start of `bytes`; returns its size, or 0 while it is not whole. */
static size_t take_handshake(int fd, const unsigned char *bytes, size_t length) {
    const unsigned char *end = memmem(bytes, length, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t size = (size_t)(end - bytes) + 4;
    if (!memmem(bytes, size, KEY, sizeof KEY - 1)) {
        static const char refusal[] = "HTTP/1.1 400 Only the sample key of RFC 6455\r\nContent-Length: 0\r\n\r\n";
        send_whole(fd, refusal, sizeof refusal - 1);
        return size;
    }
    send_whole(fd, WELCOME, sizeof WELCOME - 1);
    connections[fd].open = 1;
    return size;
}

static void forget(int fd) {
    for (size_t i = 0; i < subscriber_count; i++)
        if (subscribers[i] == fd) subscribers[i--] = subscribers[--subscriber_count];
    free(connections[fd].kept);
    memset(&connections[fd], 0, sizeof connections[fd]);
    close(fd);
}

static void keep_rest(struct connection *c, const unsigned char *rest, size_t length) {
    c->held = length;
    if (!length) return;
    c->kept = realloc(c->kept, length);
    if (!c->kept) die("realloc");
    memcpy(c->kept, rest, length);
}

static void read_from(int fd) {
    static unsigned char inbox[INBOX];
    struct connection *c = &connections[fd];
    memcpy(inbox, c->kept ? c->kept : inbox, c->held);
    ssize_t got = recv(fd, inbox + c->held, INBOX - c->held, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        forget(fd);
        return;
    }
    size_t length = c->held + (size_t)got, at = 0, taken;
    do {
        taken = c->open ? take_frame(fd, inbox + at, length - at) : take_handshake(fd, inbox + at, length - at);
        at += taken;
    } while (taken && at < length);
    keep_rest(c, inbox + at, length - at);
}

static void watch(int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event)) die("epoll_ctl");
}

static void accept_from(int listener) {
    int on = 1, fd = accept(listener, NULL, NULL);
    if (fd < 0) die("accept");
    if (fd >= MAX_FDS) die("floor: too many connections");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(fd);
}

static int listen_on(int port) {
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address)) die("bind");
    if (listen(fd, 4096)) die("listen");
    return fd;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: floor PORT\n");
        return 2;
    }
    int listener = listen_on(atoi(argv[1]));
    poller = epoll_create1(0);
    watch(listener);
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener) accept_from(listener);
            else read_from(events[i].data.fd);
        }
    }
}
