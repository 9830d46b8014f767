#include "gateway/sip/transport.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/ip.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/sip/sip_trace.h"
#include "gateway/sip/stream.h"
#include "gateway/sip/transaction.h"
#include "gateway/socket_address.h"

enum { DATAGRAMS_PER_TURN = 64 };

/* Copies, because the caller's storage may not be aligned or typed for it. */
bool sip_transport_same(const struct sockaddr *a, const struct sockaddr *b, bool with_port)
{
    return socket_address_same_host(a, b) &&
           (!with_port || socket_address_port(a) == socket_address_port(b));
}

bool sip_transport_literal(const char *host, uint16_t port, struct sockaddr_storage *address)
{
    char text[SDP_ADDRESS_TEXT];
    size_t length = strlen(host);
    if (length >= 2 && host[0] == '[' && host[length - 1] == ']')
        host++, length -= 2;
    if (length >= sizeof text)
        return false;
    memcpy(text, host, length);
    text[length] = '\0';
    return socket_address_parse(text, port, address) == 0;
}

bool sip_transport_can_reach(const struct sip_stack *stack, const struct sip_hop *hop)
{
    sa_family_t family = hop->address.ss_family;
    return hop->protocol == SIP_UDP ? family == stack->bound[SIP_UDP].ss_family
                                    : family == AF_INET || family == AF_INET6;
}

const char *sip_transport_name(enum sip_protocol protocol)
{
    static const char *const names[SIP_PROTOCOLS] = {"UDP", "TCP", "TLS"};
    return names[protocol];
}

static void write_host(char host[SIP_HOST_TEXT], const struct sockaddr *address, uint16_t port)
{
    char text[SDP_ADDRESS_TEXT];
    socket_address_host(address, text);
    (void)snprintf(host, SIP_HOST_TEXT, address->sa_family == AF_INET6 ? "[%s]:%u" : "%s:%u", text,
                   port);
}

static bool is_wildcard(const struct sockaddr *address)
{
    char text[SDP_ADDRESS_TEXT];
    socket_address_host(address, text);
    return !strcmp(text, "0.0.0.0") || !strcmp(text, "::");
}

static uint16_t port_of_ours(const struct sip_stack *stack, enum sip_protocol protocol)
{
    uint16_t port = socket_address_port((const struct sockaddr *)&stack->bound[protocol]);
    return port ? port : protocol == SIP_TLS ? 5061 : 5060;
}

const char *sip_transport_host(struct sip_stack *stack, const struct sip_hop *peer)
{
    const struct sockaddr *to = (const struct sockaddr *)&peer->address;
    if (stack->host[peer->protocol][0])
        return stack->host[peer->protocol];
    if (stack->routed_host[0] && stack->routed_peer.protocol == peer->protocol &&
        sip_transport_same((struct sockaddr *)&stack->routed_peer.address, to, false))
        return stack->routed_host;
    /* Connecting a datagram socket sends nothing; it only asks the routing table. */
    struct sockaddr_storage local = stack->bound[SIP_UDP];
    socklen_t length = sizeof local;
    int fd = socket(to->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        if (connect(fd, to, socket_address_length(to)) != 0 ||
            getsockname(fd, (struct sockaddr *)&local, &length) != 0)
            local = stack->bound[SIP_UDP];
        close(fd);
    }
    write_host(stack->routed_host, (struct sockaddr *)&local, port_of_ours(stack, peer->protocol));
    stack->routed_peer = *peer;
    return stack->routed_host;
}

const char *sip_transport_contact(struct sip_stack *stack, const struct sip_hop *peer, bool is_sips)
{
    static const char *const parameters[SIP_PROTOCOLS] = {"", ";transport=tcp", ";transport=tls"};
    const char *host = sip_transport_host(stack, peer);
    (void)snprintf(stack->contact, sizeof stack->contact, "%s:%s%s", is_sips ? "sips" : "sip", host,
                   is_sips ? "" : parameters[peer->protocol]);
    return stack->contact;
}

void sip_transport_set_bound(struct sip_stack *stack, enum sip_protocol protocol,
                             const struct sockaddr_storage *address)
{
    const struct sockaddr *advertised = (struct sockaddr *)&stack->config.advertised;
    const struct sockaddr *bound = (const struct sockaddr *)address;
    uint16_t port = socket_address_port(bound);
    stack->bound[protocol] = *address;
    if (advertised->sa_family)
        write_host(stack->host[protocol], advertised,
                   protocol == SIP_UDP && socket_address_port(advertised)
                       ? socket_address_port(advertised)
                       : port);
    else if (!is_wildcard(bound))
        write_host(stack->host[protocol], bound, port);
}

/* After an ICMP error the kernel reports it on the next call on the socket, whoever that one was
 * for; so an error is believed when it comes twice. */
static int send_datagram(struct sip_stack *stack, const char *bytes, size_t length,
                         const struct sockaddr *to)
{
    for (int attempt = 0;; attempt++) {
        ssize_t n = sendto(stack->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL, to,
                           socket_address_length(to));
        if (n >= 0) {
            stack->counters.datagrams_out++;
            return 0;
        }
        int error = errno;
        if (attempt < 2 && error != EAGAIN && error != ENOBUFS)
            continue;
        stack->counters.send_errors++;
        return error == EAGAIN || error == ENOBUFS ? 0 : -error;
    }
}

int sip_transport_send(struct sip_stack *stack, const char *bytes, size_t length,
                       struct sip_hop *to)
{
    stack->trouble[0] = '\0';
    sip_trace_message(stack, true, bytes, length, to->protocol);
    if (to->protocol != SIP_UDP)
        return sip_stream_send(stack, bytes, length, to);
    return send_datagram(stack, bytes, length, (struct sockaddr *)&to->address);
}

static void report_icmp(struct sip_stack *stack, struct msghdr *message, const char *bytes,
                        size_t length)
{
    struct sockaddr_storage to;
    if (message->msg_namelen < sizeof(struct sockaddr_in) || message->msg_namelen > sizeof to)
        return;
    memset(&to, 0, sizeof to);
    memcpy(&to, message->msg_name, message->msg_namelen);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        struct sock_extended_err error;
        bool ip4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
        bool ip6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
        if ((!ip4 && !ip6) || c->cmsg_len < CMSG_LEN(sizeof error))
            continue;
        memcpy(&error, CMSG_DATA(c), sizeof error);
        if (error.ee_origin != SO_EE_ORIGIN_ICMP && error.ee_origin != SO_EE_ORIGIN_ICMP6)
            continue;
        stack->counters.icmp_errors++;
        sip_transaction_unreachable(stack, bytes, length, (struct sockaddr *)&to);
    }
}

static void drain_errors(struct sip_stack *stack)
{
    char bytes[1024], control[512];
    for (int i = 0; i < DATAGRAMS_PER_TURN; i++) {
        struct sockaddr_storage name;
        struct iovec part = {.iov_base = bytes, .iov_len = sizeof bytes};
        struct msghdr message = {.msg_name = &name,
                                 .msg_namelen = sizeof name,
                                 .msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof control};
        ssize_t n = recvmsg(stack->fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
        if (n < 0)
            return;
        report_icmp(stack, &message, bytes, (size_t)n);
    }
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct sip_stack *stack = poll->data;
    char bytes[SIP_DATAGRAM_MAX];
    (void)events;
    /* Errors make the socket ready until their queue is empty, and libuv stops watching then. */
    drain_errors(stack);
    if (status < 0)
        (void)uv_poll_start(poll, UV_READABLE, on_readable);
    for (int i = 0; i < DATAGRAMS_PER_TURN && !stack->is_closed; i++) {
        struct sip_hop from = {.protocol = SIP_UDP};
        socklen_t length = sizeof from.address;
        ssize_t n = recvfrom(stack->fd, bytes, sizeof bytes, MSG_DONTWAIT,
                             (struct sockaddr *)&from.address, &length);
        if (n < 0 && errno != ECONNREFUSED && errno != EHOSTUNREACH && errno != ENETUNREACH)
            break;
        if (n > 0)
            sip_stack_receive(stack, bytes, (size_t)n, &from);
    }
    sip_stack_reap(stack);
}

static void set_options(struct sip_stack *stack)
{
    int yes = 1, size = (int)stack->config.receive_buffer;
    (void)setsockopt(stack->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    (void)setsockopt(stack->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (stack->config.listen.ss_family == AF_INET6) {
        (void)setsockopt(stack->fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
        (void)setsockopt(stack->fd, IPPROTO_IPV6, IPV6_RECVERR, &yes, sizeof yes);
    } else {
        (void)setsockopt(stack->fd, IPPROTO_IP, IP_RECVERR, &yes, sizeof yes);
    }
}

int sip_transport_open(struct sip_stack *stack)
{
    const struct sockaddr *listen = (struct sockaddr *)&stack->config.listen;
    struct sockaddr_storage bound = {0};
    socklen_t length = sizeof bound;
    stack->fd = socket(listen->sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (stack->fd < 0)
        return -errno;
    set_options(stack);
    if (bind(stack->fd, listen, socket_address_length(listen)) != 0 ||
        getsockname(stack->fd, (struct sockaddr *)&bound, &length) != 0)
        return -errno;
    sip_transport_set_bound(stack, SIP_UDP, &bound);
    int error = uv_poll_init(stack->loop, &stack->poll, stack->fd);
    if (error)
        return error;
    stack->poll.data = stack;
    stack->open_handles++;
    return uv_poll_start(&stack->poll, UV_READABLE, on_readable);
}

void sip_transport_close(struct sip_stack *stack, uv_close_cb done)
{
    uv_poll_stop(&stack->poll);
    uv_close((uv_handle_t *)&stack->poll, done);
}
