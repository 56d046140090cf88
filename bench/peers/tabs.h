/* The tabs of stream_load.c: each opens a connection with its own token and subscribes to its own run of topics. Owns their
 * table, and how many of them each topic has.
 */
#ifndef BENCH_TABS_H
#define BENCH_TABS_H

#include "connect.h"
#include "publishers.h"

enum { MAX_TOPICS = 100000, PER_ADDRESS = 5000 };

/* One tab: what it says, the topics it has, and of each the number of the newest message that came, or -1. */
struct tab {
    char *handshake;
    unsigned char *request;
    size_t request_size;
    unsigned first, count;
    int fd, ended;
    int64_t *newest;
};

static struct tab tabs[MAX_FDS];
static int tab_count, tab_of[MAX_FDS]; /* by descriptor, as backend_of */
static unsigned tabs_of_topic[MAX_TOPICS];

static void *copy(const void *bytes, size_t size) {
    void *kept = malloc(size);
    if (!kept) fail("out of memory");
    return memcpy(kept, bytes, size);
}

static void keep_texts(struct tab *t, const char *handshake, const char *token, char *request) {
    static unsigned char frame[70000];
    static char text[32768];
    request[strcspn(request, "\n")] = 0;
    int size = snprintf(text, sizeof text, "%s%s\r\n\r\n", handshake, token);
    if (size >= (int)sizeof text) fail("TABS_FILE, line %d: the token is too long", tab_count);
    t->handshake = copy(text, (size_t)size + 1);
    t->request_size = build_frame(frame, request);
    t->request = copy(frame, t->request_size);
}

static void add_tab(char *line, const char *handshake) {
    struct tab *t = &tabs[tab_count];
    char *numbers = strchr(line, ' '), *request;
    if (!numbers || tab_count++ == MAX_FDS) fail("TABS_FILE, line %d: must be TOKEN FIRST COUNT SUBSCRIBE_TEXT", tab_count);
    *numbers++ = 0;
    t->first = (unsigned)strtoul(numbers, &request, 10);
    t->count = (unsigned)strtoul(request, &request, 10);
    if (t->first + t->count > MAX_TOPICS || *request != ' ') fail("TABS_FILE, line %d: its topics", tab_count);
    keep_texts(t, handshake, line, request + 1);
    t->newest = malloc(t->count * sizeof *t->newest);
    for (unsigned i = 0; i < t->count; i++) t->newest[i] = -1, tabs_of_topic[t->first + i]++;
}

static void read_tabs(const char *path, const char *handshake) {
    static char line[100000];
    FILE *file = fopen(path, "r");
    if (!file) fail("%s: %s", path, strerror(errno));
    while (fgets(line, sizeof line, file)) add_tab(line, handshake);
    fclose(file);
}

/* A host has 28,000 ports to dial from unless told otherwise, fewer while old ones linger: take more addresses. */
static void choose_source(int fd) {
    struct sockaddr_in source = {.sin_family = AF_INET};
    int on = 1;
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(fd / PER_ADDRESS));
    if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) ||
        bind(fd, (struct sockaddr *)&source, sizeof source))
        fail("bind to a loopback address: %s", strerror(errno));
}

/* A chunk at a time, answered before the next, so that no accept backlog overflows. */
static void connect_tabs(int port) {
    (void)connect_chunk; /* for those that all say the same */
    for (int done = 0; done < tab_count; done += CHUNK) {
        int end = done + CHUNK < tab_count ? done + CHUNK : tab_count;
        for (int i = done; i < end; i++) tabs[i].fd = dial(port, tabs[i].handshake, choose_source);
        for (int i = done; i < end; i++) {
            finish_handshake(tabs[i].fd);
            tab_of[tabs[i].fd] = i + 1;
            watch(tabs[i].fd);
        }
    }
}

#endif
