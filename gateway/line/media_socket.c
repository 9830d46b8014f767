#include "gateway/line/media_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gateway/socket_address.h"

enum { AT_ONCE_MAX = 16 };

int media_socket_open(struct media_socket *media, int fd)
{
    int type = 0;
    socklen_t length = sizeof type;

    memset(media, 0, sizeof *media);
    media->fd = fd;
    if (fd < 0)
        return -EBADF;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) < 0) {
        int error = errno;

        media_socket_close(media);
        return -error;
    }
    if (type != SOCK_DGRAM) {
        media_socket_close(media);
        return -EPROTOTYPE;
    }
    return 0;
}

int media_socket_connect(struct media_socket *media, const struct sockaddr_storage *peer)
{
    socklen_t length = socket_address_length((const struct sockaddr *)peer);

    if (length == 0)
        return -EAFNOSUPPORT;
    if (connect(media->fd, (const struct sockaddr *)peer, length) < 0)
        return -errno;
    media->peer = *peer;
    media->only_peer = false; /* what came before from others is still there */
    media->signalled.ss_family = AF_UNSPEC;
    media->latching = false;
    return 0;
}

static bool same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    const struct sockaddr *x = (const struct sockaddr *)a, *y = (const struct sockaddr *)b;

    return socket_address_same_host(x, y) && socket_address_port(x) == socket_address_port(y);
}

int media_socket_latch(struct media_socket *media, const struct sockaddr_storage *signalled)
{
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    int family = 0;
    socklen_t length = sizeof family;

    if (getsockopt(media->fd, SOL_SOCKET, SO_DOMAIN, &family, &length) < 0)
        return -errno;
    if (socket_address_length((const struct sockaddr *)signalled) == 0 ||
        signalled->ss_family != family)
        return -EAFNOSUPPORT;
    if (media->signalled.ss_family != AF_UNSPEC && same_address(&media->signalled, signalled))
        return 0;
    bool connected = media->peer.ss_family != AF_UNSPEC && !media->latching;
    if (connected && connect(media->fd, &nobody, sizeof nobody) < 0)
        return -errno;
    media->late_port = connected ? socket_address_port((const struct sockaddr *)&media->peer) : 0;
    media->late = 0;
    media->signalled = media->peer = *signalled;
    media->latching = true;
    media->only_peer = false;
    return 0;
}

/* A datagram while the port of the peer is not known. Returns whether it is the peer's. */
static bool latch(struct media_socket *media, const struct sockaddr_storage *from)
{
    const struct sockaddr *address = (const struct sockaddr *)from;
    struct sockaddr_storage signalled = media->signalled;

    if (!socket_address_same_host(address, (const struct sockaddr *)&signalled)) {
        media->foreign++;
        return false;
    }
    if (socket_address_port(address) == media->late_port && media->late++ < MEDIA_SOCKET_LATE_MAX)
        return false;
    if (media_socket_connect(media, from) < 0)
        return false;
    media->signalled = signalled;
    return true;
}

/* Not by way of the C library, whose recvfrom and send are cancellation points: in a process with
 * threads that costs a tenth of the call, at each packet, and nothing is cancelled here. */
static ssize_t receive_once(int fd, uint8_t *out, size_t capacity, struct sockaddr_storage *from)
{
    socklen_t from_length = sizeof *from;

    return syscall(SYS_recvfrom, fd, out, capacity, MSG_DONTWAIT, from,
                   from == NULL ? NULL : &from_length);
}

static ssize_t send_once(const struct media_socket *media, const uint8_t *data, size_t length)
{
    const struct sockaddr *to = media->latching ? (const struct sockaddr *)&media->peer : NULL;

    return syscall(SYS_sendto, media->fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL, to,
                   to == NULL ? 0 : socket_address_length(to));
}

ssize_t media_socket_receive(struct media_socket *media, uint8_t *out, size_t capacity)
{
    struct sockaddr_storage from;
    ssize_t length;

    from.ss_family = AF_UNSPEC;
    do
        length = receive_once(media->fd, out, capacity, media->only_peer ? NULL : &from);
    while (length < 0 && errno == EINTR);
    if (length < 0) {
        if (errno == EWOULDBLOCK) {
            media->only_peer = media->peer.ss_family != AF_UNSPEC && !media->latching;
            return -EAGAIN;
        }
        if (errno == ECONNREFUSED || errno == EHOSTUNREACH || errno == ENETUNREACH) {
            media->unreachable++;
            return -ECONNREFUSED;
        }
        return -errno;
    }
    if (media->latching)
        return latch(media, &from) ? length : -ENOMSG;
    if (!media->only_peer && !same_address(&from, &media->peer)) {
        media->foreign++;
        return -ENOMSG;
    }
    return length;
}

/* In one system call; with a peer whose address has to be looked at, or after an error, one by one.
 */
static unsigned receive_at_once(const struct media_socket *media, struct media_arrival *arrivals,
                                unsigned limit)
{
    struct mmsghdr messages[AT_ONCE_MAX];
    struct iovec pieces[AT_ONCE_MAX];
    unsigned most = limit < AT_ONCE_MAX ? limit : AT_ONCE_MAX;

    for (unsigned i = 0; i < most; i++) {
        pieces[i] = (struct iovec){arrivals[i].octets, MEDIA_DATAGRAM_MAX};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &pieces[i], .msg_iovlen = 1};
    }
    long count = syscall(SYS_recvmmsg, media->fd, messages, most, MSG_DONTWAIT, NULL);
    for (long i = 0; i < count; i++)
        arrivals[i].length = (ssize_t)messages[i].msg_len;
    return count > 0 ? (unsigned)count : 0;
}

unsigned media_socket_receive_many(struct media_socket *media, struct media_arrival *arrivals,
                                   unsigned limit)
{
    unsigned count = 0;

    if (media->only_peer) {
        count = receive_at_once(media, arrivals, limit);
        if (count > 0 && count < AT_ONCE_MAX)
            return count;
    }
    while (count < limit) {
        arrivals[count].length =
            media_socket_receive(media, arrivals[count].octets, MEDIA_DATAGRAM_MAX);
        if (arrivals[count].length == -EAGAIN)
            break;
        count++;
    }
    return count;
}

void media_socket_send(struct media_socket *media, const uint8_t *data, size_t length)
{
    if (media->peer.ss_family == AF_UNSPEC)
        return;
    /* An ICMP error of an earlier datagram is reported here once; the second try sends. */
    for (int attempt = 0; attempt < 2; attempt++) {
        if (send_once(media, data, length) >= 0)
            return;
        if (errno != ECONNREFUSED && errno != EINTR)
            break;
        media->unreachable++;
    }
    media->unsent++;
}

void media_socket_close(struct media_socket *media)
{
    if (media->fd >= 0)
        close(media->fd);
    media->fd = -1;
}
