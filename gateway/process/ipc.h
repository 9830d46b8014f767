/* ipc.h: messages between the processes of one gateway over SOCK_SEQPACKET socketpairs.
 *
 * A message is a struct ipc_header and a body of a fixed struct from messages.h; descriptors travel
 * with it as SCM_RIGHTS. A receiver checks type, version and exact body length before it looks
 * inside; anything else closes the channel. Bodies may hold keys: buffers are wiped after use. */
#ifndef GATEWAY_PROCESS_IPC_H
#define GATEWAY_PROCESS_IPC_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

enum { IPC_BODY_MAX = 8192, IPC_DESCRIPTORS_MAX = 4, IPC_VERSION = 1, IPC_CHILD_DESCRIPTOR = 3 };

struct ipc_header {
    uint16_t type;    /* enum message_type */
    uint16_t version; /* IPC_VERSION */
    uint32_t length;  /* of the body */
    uint64_t tag;     /* chosen by who asks, repeated in the answer */
};

struct ipc_message {
    struct ipc_header header;
    uint8_t body[IPC_BODY_MAX] __attribute__((aligned(16)));
    int descriptors[IPC_DESCRIPTORS_MAX]; /* close-on-exec; -1 where absent */
    int descriptor_count;
};

struct ipc_channel;

/* Called for each message. The callee takes a descriptor by setting its place to -1; those left are
 * closed after it returns, and the body is wiped. It may call ipc_channel_close(). */
typedef void ipc_message_cb(void *user, struct ipc_channel *channel, struct ipc_message *message);

/* Called once when the peer is gone or broke the protocol (status: negative errno, 0 for a clean
 * end). The channel still has to be closed by its owner. */
typedef void ipc_gone_cb(void *user, struct ipc_channel *channel, int status);

struct ipc_handlers {
    ipc_message_cb *message;
    ipc_gone_cb *gone;
    void *user;
};

/* Puts a channel on a loop. Takes fd over, also on failure. Returns 0 or a negative errno. */
int ipc_channel_open(uv_loop_t *loop, int fd, const struct ipc_handlers *handlers,
                     struct ipc_channel **out) __attribute__((warn_unused_result));

/* Sends a message with fixed body; descriptors are duplicated by the kernel or, when the message
 * has to wait for room, by this call, so the caller keeps and closes its own. Waiting messages are
 * bounded. Returns 0; -ENOBUFS when too many wait; another negative errno when the channel is
 * broken. */
int ipc_channel_send(struct ipc_channel *channel, uint16_t type, uint64_t tag, const void *body,
                     size_t length, const int *descriptors, int descriptor_count)
    __attribute__((warn_unused_result));

/* Closes the channel and its descriptor; no callback after this call returns. NULL is allowed. */
void ipc_channel_close(struct ipc_channel *channel);

/* For processes without a loop (keeper, render). Blocking; EINTR is retried. ipc_receive returns 1
 * for a message, 0 when the peer has closed, a negative errno otherwise. */
int ipc_receive(int fd, struct ipc_message *message) __attribute__((warn_unused_result));
int ipc_send(int fd, uint16_t type, uint64_t tag, const void *body, size_t length,
             const int *descriptors, int descriptor_count) __attribute__((warn_unused_result));

/* The body when the message has this type and exactly this length, else NULL. */
const void *ipc_message_body(const struct ipc_message *message, uint16_t type, size_t length);

/* Wipes the body and closes the descriptors that were not taken. */
void ipc_message_drop(struct ipc_message *message);

#endif
