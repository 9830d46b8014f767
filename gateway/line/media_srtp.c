#include "gateway/line/media_srtp.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "codecs/fax_error.h"

/* RTP and RTCP on one port (RFC 5761 §4). */
static bool is_rtcp(const uint8_t *data, size_t length)
{
    return length > 1 && data[1] >= 192 && data[1] <= 223;
}

static void shield_receive(void *shield, struct media_transport *transport, uint8_t *data,
                           size_t length, uint64_t now_ms)
{
    int error = is_rtcp(data, length) ? srtp_media_unprotect_rtcp(shield, data, &length)
                                      : srtp_media_unprotect(shield, data, &length);

    if (error == FAX_OK)
        media_transport_deliver(transport, data, length, now_ms);
}

static void shield_send(void *shield, struct media_transport *transport, const uint8_t *data,
                        size_t length)
{
    uint8_t packet[MEDIA_DATAGRAM_MAX];
    int error;

    if (length > sizeof packet) {
        transport->socket.unsent++;
        return;
    }
    memcpy(packet, data, length);
    error = is_rtcp(data, length) ? srtp_media_protect_rtcp(shield, packet, &length, sizeof packet)
                                  : srtp_media_protect(shield, packet, &length, sizeof packet);
    if (error == FAX_OK)
        media_transport_send_wire(transport, packet, length);
    else
        transport->socket.unsent++;
}

static void shield_free(void *shield)
{
    srtp_media_free(shield);
}

int media_srtp_begin(struct media_transport *transport, enum srtp_media_suite suite,
                     const uint8_t *send_key, const uint8_t *receive_key)
{
    static const struct media_shield_ops ops = {
        .receive = shield_receive, .send = shield_send, .free = shield_free};
    struct srtp_media *media;
    int error = srtp_media_new(suite, send_key, receive_key, &media);

    if (error != FAX_OK)
        return error == FAX_EINVAL ? -EINVAL : -ENOMEM;
    media_transport_shield(transport, &ops, media);
    return 0;
}

int media_srtp_rekey(struct media_transport *transport, enum srtp_media_suite suite,
                     const uint8_t *send_key, const uint8_t *receive_key)
{
    int error = srtp_media_rekey(transport->shield, suite, send_key, receive_key);

    if (error != FAX_OK)
        return error == FAX_EINVAL ? -EINVAL : -ENOMEM;
    return 0;
}
