#include "gateway/http/http_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateway/http/http_answer.h"

enum { DEFAULT_TIMEOUT_MS = 60000, PIECE_BYTES = 64 * 1024, HEAD_BYTES = 8192 };

struct client {
    int fd;
    const struct http_call *call;
    struct http_answer *answer;
    struct http_answer_reader reader;
    char *out; /* octets still to send */
    size_t out_length;
    size_t out_sent;
    bool body_done; /* nothing more is to be put into out */
    bool send_failed;
};

static int open_socket(const struct http_call *call, struct http_answer *answer)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = call->socket_path;
    if (strlen(path) >= sizeof address.sun_path)
        return http_answer_fail(answer, -ENAMETOOLONG, "%s: the path of a socket is too long",
                                path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return http_answer_fail(answer, -errno, "no socket: %s", strerror(errno));
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        int error = -errno;
        close(fd);
        if (error == -ENOENT || error == -ECONNREFUSED)
            return http_answer_fail(
                answer, error, "no gateway listens on %s: start one with 'sealfax serve'", path);
        return http_answer_fail(answer, error, "%s: %s", path, strerror(-error));
    }
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
        int error = -errno;
        close(fd);
        return http_answer_fail(answer, error, "%s: %s", path, strerror(-error));
    }
    return fd;
}

static bool is_plain(const char *text)
{
    for (; text && *text; text++)
        if (*text < ' ' || *text > '~')
            return false;
    return true;
}

static int write_head(struct client *client)
{
    const struct http_call *call = client->call;
    char framing[64] = "";
    if (!is_plain(call->idempotency_key) || !is_plain(call->content_type) ||
        !is_plain(call->target) || strchr(call->target, ' '))
        return http_answer_fail(client->answer, -EINVAL,
                                "a value holds characters that cannot be sent");
    if (call->body_fd >= 0)
        snprintf(framing, sizeof framing, "Transfer-Encoding: chunked\r\n");
    else if (call->body)
        snprintf(framing, sizeof framing, "Content-Length: %zu\r\n", call->body_length_bytes);
    int count = snprintf(
        client->out, HEAD_BYTES,
        "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        "%s%s%s%s%s%s%s\r\n",
        call->method, call->target, framing, call->content_type ? "Content-Type: " : "",
        call->content_type ? call->content_type : "", call->content_type ? "\r\n" : "",
        call->idempotency_key ? "Idempotency-Key: " : "",
        call->idempotency_key ? call->idempotency_key : "", call->idempotency_key ? "\r\n" : "");
    if (count < 0 || count >= HEAD_BYTES)
        return http_answer_fail(client->answer, -EMSGSIZE, "the request is too long");
    client->out_length = (size_t)count;
    return 0;
}

/* Puts the next piece of body into out. */
static int refill(struct client *client)
{
    const struct http_call *call = client->call;
    client->out_sent = 0;
    client->out_length = 0;
    if (call->body_fd < 0) {
        client->body_done = true;
        return 0;
    }
    char size[16];
    ssize_t count = read(call->body_fd, client->out + sizeof size, PIECE_BYTES);
    if (count < 0 && errno == EINTR)
        return 0;
    if (count < 0)
        return http_answer_fail(client->answer, -errno, "the document cannot be read: %s",
                                strerror(errno));
    int digits = snprintf(size, sizeof size, "%zx\r\n", (size_t)count);
    memmove(client->out + digits, client->out + sizeof size, (size_t)count);
    memcpy(client->out, size, (size_t)digits);
    memcpy(client->out + digits + count, "\r\n", 2);
    client->out_length = (size_t)digits + (size_t)count + 2;
    client->body_done = count == 0;
    return 0;
}

static int send_some(struct client *client)
{
    if (client->out_sent == client->out_length) {
        int error = refill(client);
        if (error < 0)
            return error;
    }
    ssize_t count = send(client->fd, client->out + client->out_sent,
                         client->out_length - client->out_sent, MSG_NOSIGNAL);
    if (count >= 0)
        client->out_sent += (size_t)count;
    else if (errno != EAGAIN && errno != EINTR)
        client->send_failed = true; /* the answer may still say why */
    return 0;
}

static int receive_some(struct client *client)
{
    char buffer[16 * 1024];
    ssize_t count = recv(client->fd, buffer, sizeof buffer, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (count < 0)
        return http_answer_fail(client->answer, -errno, "the connection broke: %s",
                                strerror(errno));
    int error = http_answer_feed(&client->reader, buffer, (size_t)count);
    explicit_bzero(buffer, (size_t)count);
    return error;
}

static int wait_ms(const struct client *client)
{
    const struct http_call *call = client->call;
    uint64_t ms = call->timeout_ms ? call->timeout_ms : DEFAULT_TIMEOUT_MS;
    if (client->reader.sink == SINK_LINES)
        ms = call->stream_timeout_ms;
    return ms == 0 ? -1 : ms > 86400000 ? 86400000 : (int)ms;
}

static int exchange(struct client *client)
{
    while (!client->reader.complete) {
        bool sending =
            !client->send_failed && (client->out_sent < client->out_length || !client->body_done);
        struct pollfd waiting = {.fd = client->fd,
                                 .events = (short)(sending ? POLLIN | POLLOUT : POLLIN)};
        int count = poll(&waiting, 1, wait_ms(client));
        if (count < 0 && errno != EINTR)
            return http_answer_fail(client->answer, -errno, "waiting failed: %s", strerror(errno));
        if (count == 0)
            return http_answer_fail(client->answer, -ETIMEDOUT, "the gateway on %s does not answer",
                                    client->call->socket_path);
        if (count < 0)
            continue;
        int error = 0;
        if (waiting.revents & (POLLIN | POLLHUP | POLLERR))
            error = receive_some(client);
        else if (waiting.revents & POLLOUT)
            error = send_some(client);
        if (error < 0)
            return error;
    }
    return 0;
}

int http_client_call(const struct http_call *call, struct http_answer *answer)
{
    struct client client = {.fd = -1, .call = call, .answer = answer};
    int error = -ENOMEM;
    memset(answer, 0, sizeof *answer);
    http_answer_begin(&client.reader, call, answer);
    size_t room = HEAD_BYTES + PIECE_BYTES + 64;
    size_t body_length = call->body_fd < 0 && call->body ? call->body_length_bytes : 0;
    client.out = malloc(room + body_length);
    if (!client.out) {
        http_answer_fail(answer, error, "out of memory");
        goto done;
    }
    error = write_head(&client);
    if (error < 0)
        goto done;
    if (body_length)
        memcpy(client.out + client.out_length, call->body, body_length);
    client.out_length += body_length;
    client.body_done = call->body_fd < 0;
    error = client.fd = open_socket(call, answer);
    if (error >= 0)
        error = exchange(&client);
done:
    if (error < 0)
        client.reader.error = error;
    error = http_answer_end(&client.reader);
    if (client.out)
        explicit_bzero(client.out, room + body_length);
    free(client.out);
    if (client.fd >= 0)
        close(client.fd);
    return error;
}

void http_answer_free(struct http_answer *answer)
{
    json_decref(answer->json);
    free(answer->body);
    answer->json = NULL;
    answer->body = NULL;
}
