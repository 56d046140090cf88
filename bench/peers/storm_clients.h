/* The clients of storm_load.c, read from their file before anything is timed: what each will say, and how far it is. Owns
 * their table.
 */
#ifndef BENCH_STORM_CLIENTS_H
#define BENCH_STORM_CLIENTS_H

#include "connections.h"

enum { MAX_TOPICS = 20 };
enum stage { UPGRADING, AWAITING_HELLO, SUBSCRIBING, CATCHING_UP, LIVE };

/* One client: what it says, how far it is, and the number of the last message it has of each of its rooms. */
struct client {
    char *handshake;
    unsigned char *request;
    size_t request_size;
    int fd;
    enum stage stage;
    unsigned received;
    uint16_t last[MAX_TOPICS];
};

static struct client clients[MAX_FDS];
static int known; /* how many there are */

static void *copy(const void *bytes, size_t size) {
    void *kept = malloc(size);
    if (!kept) fail("out of memory");
    return memcpy(kept, bytes, size);
}

static void add_client(char *line, const char *handshake) {
    static unsigned char frame[70000];
    static char text[32768];
    char *request = strchr(line, ' ');
    struct client *c = &clients[known];
    if (!request || known++ == MAX_FDS) fail("CLIENTS_FILE, line %d: must be TOKEN SUBSCRIBE_TEXT", known);
    *request++ = 0;
    request[strcspn(request, "\n")] = 0;
    int size = snprintf(text, sizeof text, "%s%s\r\n\r\n", handshake, line);
    if (size >= (int)sizeof text) fail("CLIENTS_FILE, line %d: the token is too long", known);
    c->handshake = copy(text, (size_t)size + 1);
    c->request_size = build_frame(frame, request);
    c->request = copy(frame, c->request_size);
}

static void read_clients(const char *path, const char *handshake) {
    static char line[100000];
    FILE *file = fopen(path, "r");
    if (!file) fail("%s: %s", path, strerror(errno));
    while (fgets(line, sizeof line, file)) add_client(line, handshake);
    fclose(file);
    printf("ready %d\n", known);
}

#endif
