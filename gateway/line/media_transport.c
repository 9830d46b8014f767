#include "gateway/line/media_transport.h"

#include <errno.h>
#include <string.h>

int media_transport_open(struct media_transport *transport, int fd)
{
    memset(transport, 0, sizeof *transport);
    return media_socket_open(&transport->socket, fd);
}

void media_transport_on_datagram(struct media_transport *transport, media_datagram_cb *cb,
                                 void *user)
{
    transport->datagram_cb = cb;
    transport->user = user;
}

static void drop_shield(struct media_transport *transport)
{
    if (transport->shield_ops != NULL)
        transport->shield_ops->free(transport->shield);
    transport->shield_ops = NULL;
    transport->shield = NULL;
}

void media_transport_shield(struct media_transport *transport, const struct media_shield_ops *ops,
                            void *shield)
{
    drop_shield(transport);
    transport->shield_ops = ops;
    transport->shield = shield;
}

int media_transport_connect(struct media_transport *transport, const struct sockaddr_storage *peer)
{
    return media_socket_connect(&transport->socket, peer);
}

int media_transport_reach(struct media_transport *transport, const struct msg_call_media *media)
{
    return media->latch ? media_socket_latch(&transport->socket, &media->peer)
                        : media_socket_connect(&transport->socket, &media->peer);
}

ssize_t media_transport_read(struct media_transport *transport, uint8_t *out)
{
    return media_socket_receive(&transport->socket, out, MEDIA_DATAGRAM_MAX);
}

unsigned media_transport_read_many(struct media_transport *transport,
                                   struct media_arrival *arrivals, unsigned limit)
{
    return media_socket_receive_many(&transport->socket, arrivals, limit);
}

void media_transport_take(struct media_transport *transport, uint8_t *data, size_t length,
                          uint64_t now_ms)
{
    const struct media_shield_ops *ops = transport->shield_ops;

    if (ops != NULL)
        ops->receive(transport->shield, transport, data, length, now_ms);
    else
        media_transport_deliver(transport, data, length, now_ms);
    explicit_bzero(data, length);
}

unsigned media_transport_receive(struct media_transport *transport, uint8_t *scratch,
                                 unsigned limit, uint64_t now_ms)
{
    unsigned count = 0;

    while (count < limit) {
        ssize_t length = media_transport_read(transport, scratch);

        if (length == -EAGAIN)
            break;
        count++;
        if (length >= 0)
            media_transport_take(transport, scratch, (size_t)length, now_ms);
    }
    return count;
}

void media_transport_deliver(struct media_transport *transport, uint8_t *data, size_t length,
                             uint64_t now_ms)
{
    if (transport->datagram_cb != NULL)
        transport->datagram_cb(transport->user, data, length, now_ms);
}

void media_transport_send(struct media_transport *transport, const uint8_t *data, size_t length)
{
    if (transport->shield_ops != NULL)
        transport->shield_ops->send(transport->shield, transport, data, length);
    else
        media_transport_send_wire(transport, data, length);
}

void media_transport_send_wire(struct media_transport *transport, const uint8_t *data,
                               size_t length)
{
    media_socket_send(&transport->socket, data, length);
}

uint64_t media_transport_due_ms(const struct media_transport *transport)
{
    if (transport->shield_ops == NULL || transport->shield_ops->due_ms == NULL)
        return UINT64_MAX;
    return transport->shield_ops->due_ms(transport->shield);
}

void media_transport_tick(struct media_transport *transport, uint64_t now_ms)
{
    if (media_transport_due_ms(transport) <= now_ms && transport->shield_ops->tick != NULL)
        transport->shield_ops->tick(transport->shield, transport, now_ms);
}

void media_transport_close(struct media_transport *transport)
{
    drop_shield(transport);
    transport->datagram_cb = NULL;
    media_socket_close(&transport->socket);
}
