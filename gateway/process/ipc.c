#include "gateway/process/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    WAITING_MAX = 1024,           /* messages */
    WAITING_OCTETS_MAX = 1 << 22, /* their bodies */
    RECEIVED_AT_ONCE_MAX = 64,    /* then other handles of the loop get their turn, */
    RECEIVED_AT_ONCE_NS = 200000, /* or after this time with them */
    RESETS_MAX = 4,
};

struct waiting {
    struct waiting *next;
    struct ipc_header header;
    int descriptors[IPC_DESCRIPTORS_MAX];
    int descriptor_count;
    uint8_t body[];
};

struct ipc_channel {
    uv_poll_t poll;
    struct ipc_handlers handlers;
    struct waiting *first, **last;
    size_t waiting_count, waiting_octets;
    int fd;
    bool gone;   /* told so, or polling has ended */
    bool closed; /* by the owner */
};

union control_buffer {
    struct cmsghdr aligned;
    char octets[CMSG_SPACE(sizeof(int) * IPC_DESCRIPTORS_MAX)];
};

static int send_once(int fd, const struct ipc_header *header, const void *body,
                     const int *descriptors, int descriptor_count, int flags)
{
    struct iovec parts[2] = {{(void *)(uintptr_t)header, sizeof *header},
                             {(void *)(uintptr_t)body, header->length}};
    union control_buffer control;
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = header->length ? 2 : 1};
    if (descriptor_count > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)descriptor_count);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)descriptor_count);
        memcpy(CMSG_DATA(rights), descriptors, sizeof(int) * (size_t)descriptor_count);
    }
    ssize_t sent;
    do
        sent = sendmsg(fd, &message, flags | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

static void take_descriptors(struct msghdr *received, struct ipc_message *message)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(received); part; part = CMSG_NXTHDR(received, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
            if (message->descriptor_count < IPC_DESCRIPTORS_MAX)
                message->descriptors[message->descriptor_count++] = fd;
            else
                close(fd);
        }
    }
}

/* 1 a message, 0 end, -EAGAIN, or another negative errno. A peer that went with messages of ours
 * unread makes the kernel report ECONNRESET once, before what it had sent us: that is read on. */
static int receive_once(int fd, struct ipc_message *message, int flags)
{
    struct iovec parts[2] = {{&message->header, sizeof message->header},
                             {message->body, sizeof message->body}};
    union control_buffer control;
    struct msghdr received = {.msg_iov = parts,
                              .msg_iovlen = 2,
                              .msg_control = &control,
                              .msg_controllen = sizeof control};
    ssize_t length;
    int resets = 0;
    message->descriptor_count = 0;
    message->header.length = 0;
    for (int i = 0; i < IPC_DESCRIPTORS_MAX; i++)
        message->descriptors[i] = -1;
    do
        length = recvmsg(fd, &received, flags | MSG_CMSG_CLOEXEC);
    while (length < 0 && (errno == EINTR || (errno == ECONNRESET && ++resets <= RESETS_MAX)));
    if (length <= 0)
        return length < 0 ? -errno : 0;
    take_descriptors(&received, message);
    size_t body_length = (size_t)length - sizeof message->header;
    if ((size_t)length < sizeof message->header ||
        (received.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || message->header.version != IPC_VERSION ||
        message->header.length != body_length) {
        message->header.length = sizeof message->body;
        ipc_message_drop(message);
        return -EPROTO;
    }
    return 1;
}

static int check_outgoing(const void *body, size_t length, const int *descriptors,
                          int descriptor_count)
{
    if (length > IPC_BODY_MAX || (length > 0 && !body) || descriptor_count < 0 ||
        descriptor_count > IPC_DESCRIPTORS_MAX || (descriptor_count > 0 && !descriptors))
        return -EINVAL;
    return 0;
}

static void waiting_free(struct waiting *waiting)
{
    for (int i = 0; i < waiting->descriptor_count; i++)
        close(waiting->descriptors[i]);
    OPENSSL_cleanse(waiting->body, waiting->header.length);
    free(waiting);
}

static void drop_first(struct ipc_channel *channel)
{
    struct waiting *waiting = channel->first;
    channel->first = waiting->next;
    if (!channel->first)
        channel->last = &channel->first;
    channel->waiting_count--;
    channel->waiting_octets -= waiting->header.length;
    waiting_free(waiting);
}

static void tell_gone(struct ipc_channel *channel, int status)
{
    if (channel->gone || channel->closed)
        return;
    channel->gone = true;
    uv_poll_stop(&channel->poll);
    if (channel->handlers.gone)
        channel->handlers.gone(channel->handlers.user, channel, status);
}

static void read_messages(struct ipc_channel *channel)
{
    struct ipc_message message;
    uint64_t from_ns = uv_hrtime();
    for (int i = 0; i < RECEIVED_AT_ONCE_MAX && !channel->closed && !channel->gone; i++) {
        if (i > 0 && uv_hrtime() - from_ns > RECEIVED_AT_ONCE_NS)
            return;
        int status = receive_once(channel->fd, &message, MSG_DONTWAIT);
        if (status == -EAGAIN)
            return;
        if (status <= 0) {
            tell_gone(channel, status);
            return;
        }
        channel->handlers.message(channel->handlers.user, channel, &message);
        ipc_message_drop(&message);
    }
}

static void poll_cb(uv_poll_t *poll, int status, int events);

static int update_poll(struct ipc_channel *channel)
{
    return uv_poll_start(&channel->poll, UV_READABLE | (channel->first ? UV_WRITABLE : 0), poll_cb);
}

static void write_waiting(struct ipc_channel *channel)
{
    while (channel->first) {
        struct waiting *waiting = channel->first;
        int status = send_once(channel->fd, &waiting->header, waiting->body, waiting->descriptors,
                               waiting->descriptor_count, MSG_DONTWAIT);
        if (status == -EAGAIN)
            return;
        /* A broken channel shows itself to the reader too, after what the peer still said. */
        drop_first(channel);
    }
    int status = update_poll(channel);
    if (status < 0)
        tell_gone(channel, status);
}

static void poll_cb(uv_poll_t *poll, int status, int events)
{
    struct ipc_channel *channel = poll->data;
    if (status < 0) {
        /* libuv says EBADF and stops for any error of the socket, such as the ECONNRESET of a peer
         * that went; what it sent before is still to be read, and reading clears the error. */
        events = UV_READABLE;
        status = update_poll(channel);
        if (status < 0) {
            tell_gone(channel, status);
            return;
        }
    }
    if (events & UV_WRITABLE)
        write_waiting(channel);
    if ((events & UV_READABLE) && !channel->closed && !channel->gone)
        read_messages(channel);
}

int ipc_channel_open(uv_loop_t *loop, int fd, const struct ipc_handlers *handlers,
                     struct ipc_channel **out)
{
    struct ipc_channel *channel = calloc(1, sizeof *channel);
    int status = channel ? 0 : -ENOMEM;
    if (status == 0)
        status = uv_poll_init(loop, &channel->poll, fd); /* makes fd non-blocking */
    if (status < 0) {
        free(channel);
        close(fd);
        return status;
    }
    channel->poll.data = channel;
    channel->handlers = *handlers;
    channel->last = &channel->first;
    channel->fd = fd;
    status = update_poll(channel);
    if (status < 0) {
        ipc_channel_close(channel);
        return status;
    }
    *out = channel;
    return 0;
}

static int duplicate_descriptors(struct waiting *waiting, const int *descriptors, int count)
{
    for (int i = 0; i < count; i++) {
        int fd = fcntl(descriptors[i], F_DUPFD_CLOEXEC, 0);
        if (fd < 0)
            return -errno;
        waiting->descriptors[waiting->descriptor_count++] = fd;
    }
    return 0;
}

static int append_waiting(struct ipc_channel *channel, const struct ipc_header *header,
                          const void *body, const int *descriptors, int descriptor_count)
{
    if (channel->waiting_count >= WAITING_MAX ||
        channel->waiting_octets + header->length > WAITING_OCTETS_MAX)
        return -ENOBUFS;
    struct waiting *waiting = calloc(1, sizeof *waiting + header->length);
    if (!waiting)
        return -ENOMEM;
    waiting->header = *header;
    if (header->length)
        memcpy(waiting->body, body, header->length);
    int status = duplicate_descriptors(waiting, descriptors, descriptor_count);
    if (status < 0) {
        waiting_free(waiting);
        return status;
    }
    *channel->last = waiting;
    channel->last = &waiting->next;
    channel->waiting_count++;
    channel->waiting_octets += header->length;
    return update_poll(channel);
}

int ipc_channel_send(struct ipc_channel *channel, uint16_t type, uint64_t tag, const void *body,
                     size_t length, const int *descriptors, int descriptor_count)
{
    int status = check_outgoing(body, length, descriptors, descriptor_count);
    if (status < 0)
        return status;
    if (channel->gone || channel->closed)
        return -EPIPE;
    struct ipc_header header = {type, IPC_VERSION, (uint32_t)length, tag};
    if (!channel->first) {
        status = send_once(channel->fd, &header, body, descriptors, descriptor_count, MSG_DONTWAIT);
        if (status != -EAGAIN)
            return status;
    }
    return append_waiting(channel, &header, body, descriptors, descriptor_count);
}

static void freed_cb(uv_handle_t *handle)
{
    free(handle->data);
}

void ipc_channel_close(struct ipc_channel *channel)
{
    if (!channel || channel->closed)
        return;
    channel->closed = true;
    while (channel->first)
        drop_first(channel);
    uv_close((uv_handle_t *)&channel->poll, freed_cb);
    close(channel->fd);
}

int ipc_receive(int fd, struct ipc_message *message)
{
    return receive_once(fd, message, 0);
}

int ipc_send(int fd, uint16_t type, uint64_t tag, const void *body, size_t length,
             const int *descriptors, int descriptor_count)
{
    int status = check_outgoing(body, length, descriptors, descriptor_count);
    if (status < 0)
        return status;
    struct ipc_header header = {type, IPC_VERSION, (uint32_t)length, tag};
    return send_once(fd, &header, body, descriptors, descriptor_count, 0);
}

const void *ipc_message_body(const struct ipc_message *message, uint16_t type, size_t length)
{
    if (message->header.type != type || message->header.length != length)
        return NULL;
    return message->body;
}

void ipc_message_drop(struct ipc_message *message)
{
    size_t length = message->header.length;
    OPENSSL_cleanse(message->body, length < sizeof message->body ? length : sizeof message->body);
    message->header.length = 0;
    for (int i = 0; i < message->descriptor_count; i++)
        if (message->descriptors[i] >= 0)
            close(message->descriptors[i]);
    message->descriptor_count = 0;
}
