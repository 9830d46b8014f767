/* A client of SMTP that brings messages as fast as they are taken: several connections, each with
 * some messages under way (PIPELINING: the next MAIL, RCPT and DATA go before the last answer). Run
 * by mail_bench.sh against a gateway:
 *
 *   mail_bench ADDRESS PORT RECIPIENT MESSAGES CONNECTIONS OCTETS
 *
 * Prints messages a second from the first octet to the last 250. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 64, LINE_MAX_OCTETS = 1024, TIMEOUT_MS = 60000 };

/* What a connection waits for. */
enum state { GREETING, HELLO, ENVELOPE, CONTENT };

struct connection {
    int fd;
    enum state state;
    int answers; /* of the envelope, so far */
    char line[LINE_MAX_OCTETS];
    size_t used;
    const char *out;
    size_t left;
    long number;       /* of the message */
    char head[64];     /* what only this message has */
    const char *after; /* what comes behind it; NULL: nothing */
};

struct load {
    char envelope[600];
    char *content;
    size_t content_length;
    long to_begin, done, refused;
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void put(struct connection *c, const char *octets, size_t length)
{
    c->out = octets;
    c->left = length;
}

static void begin(struct connection *c, struct load *load)
{
    if (load->to_begin == 0) {
        shutdown(c->fd, SHUT_WR);
        return;
    }
    c->number = load->to_begin--;
    c->state = ENVELOPE;
    c->answers = 0;
    put(c, load->envelope, strlen(load->envelope));
}

/* One whole line; those that go on ("250-") do not count. */
static bool take_line(struct connection *c, struct load *load)
{
    if (strlen(c->line) > 3 && c->line[3] == '-')
        return true;
    switch (c->state) {
    case GREETING:
        c->state = HELLO;
        put(c, "EHLO bench.example\r\n", strlen("EHLO bench.example\r\n"));
        return c->line[0] == '2';
    case HELLO:
        begin(c, load);
        return c->line[0] == '2';
    case ENVELOPE: /* MAIL, RCPT, DATA */
        if (c->line[0] != (c->answers == 2 ? '3' : '2')) {
            fprintf(stderr, "refused: %s\n", c->line);
            return false;
        }
        if (++c->answers == 3) {
            c->state = CONTENT;
            /* Without one a message could not be brought again, and with the same one it would be.
             */
            snprintf(c->head, sizeof c->head, "Message-ID: <%ld@bench.example>\r\n", c->number);
            put(c, c->head, strlen(c->head));
            c->after = load->content;
        }
        return true;
    case CONTENT:
        if (c->line[0] == '2')
            load->done++;
        else
            load->refused++;
        if (c->line[0] != '2')
            fprintf(stderr, "refused: %s\n", c->line);
        begin(c, load);
        return true;
    }
    return false;
}

static bool take(struct connection *c, struct load *load)
{
    char octets[4096];
    ssize_t got = recv(c->fd, octets, sizeof octets, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    for (ssize_t i = 0; i < got; i++) {
        if (octets[i] == '\n') {
            c->line[c->used] = '\0';
            c->used = 0;
            if (!take_line(c, load))
                return false;
        } else if (c->used + 1 < sizeof c->line) {
            c->line[c->used++] = octets[i];
        }
    }
    return got > 0 || (load->to_begin == 0 && c->state == CONTENT);
}

static bool give(struct connection *c, const struct load *load)
{
    ssize_t sent = send(c->fd, c->out, c->left, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR;
    c->out += sent;
    c->left -= (size_t)sent;
    if (c->left == 0 && c->after) {
        put(c, c->after, load->content_length);
        c->after = NULL;
    }
    return true;
}

static int dial(const char *address, const char *port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
        connect(fd, (const struct sockaddr *)&to, sizeof to) < 0) {
        perror("connect");
        exit(1);
    }
    return fd;
}

static void make_load(struct load *load, const char *recipient, size_t octets)
{
    static const char line[] =
        "VGhpcyBpcyBub3QgYSBkb2N1bWVudCwgaXQgaXMgd2VpZ2h0IGFuZCBub3RoaW5n\r\n";
    snprintf(load->envelope, sizeof load->envelope,
             "MAIL FROM:<anna@example.com>\r\nRCPT TO:<%s>\r\nDATA\r\n", recipient);
    load->content = malloc(octets + 1024);
    if (!load->content)
        exit(1);
    int head = snprintf(load->content, 1024,
                        "From: anna@example.com\r\nTo: <%s>\r\nSubject: a load\r\n"
                        "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: "
                        "application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n",
                        recipient);
    size_t used = (size_t)head;
    for (; used + sizeof line < octets; used += sizeof line - 1)
        memcpy(load->content + used, line, sizeof line - 1);
    memcpy(load->content + used, ".\r\n", 4);
    load->content_length = used + 3;
}

static void run(struct connection *all, int count, struct load *load, long messages)
{
    struct pollfd polls[CONNECTIONS_MAX];
    while (load->done + load->refused < messages) {
        for (int i = 0; i < count; i++)
            polls[i] = (struct pollfd){.fd = all[i].fd,
                                       .events = (short)(POLLIN | (all[i].left ? POLLOUT : 0))};
        if (poll(polls, (nfds_t)count, TIMEOUT_MS) <= 0) {
            fprintf(stderr, "nothing happens\n");
            exit(1);
        }
        for (int i = 0; i < count; i++) {
            bool fine = true;
            if (polls[i].revents & (POLLIN | POLLHUP | POLLERR))
                fine = take(&all[i], load);
            if (fine && all[i].left && (polls[i].revents & POLLOUT))
                fine = give(&all[i], load);
            if (!fine)
                exit(1);
        }
    }
}

int main(int argc, char **argv)
{
    struct connection all[CONNECTIONS_MAX] = {{0}};
    struct load load = {.done = 0};
    if (argc != 7) {
        fprintf(stderr, "usage: %s ADDRESS PORT RECIPIENT MESSAGES CONNECTIONS OCTETS\n", argv[0]);
        return 2;
    }
    long messages = atol(argv[4]);
    int count = atoi(argv[5]);
    if (count < 1 || count > CONNECTIONS_MAX || messages < 1)
        return 2;
    load.to_begin = messages;
    make_load(&load, argv[3], (size_t)atol(argv[6]));
    for (int i = 0; i < count; i++)
        all[i].fd = dial(argv[1], argv[2]);
    double start = now_s();
    run(all, count, &load, messages);
    printf("%.1f\n", (double)load.done / (now_s() - start));
    free(load.content);
    return load.refused > 0;
}
