#include "gateway/line/media_dtls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct media_dtls {
    struct dtls_media *dtls;
    struct media_transport *transport; /* that is calling just now */
    uint64_t now_ms;
    bool opened;
    char protection[DTLS_MEDIA_TEXT_MAX];
    uint8_t fingerprint[DTLS_MEDIA_FINGERPRINT_OCTETS];
};

static void send_cb(void *user, const uint8_t *data, size_t length)
{
    const struct media_dtls *d = user;

    media_transport_send_wire(d->transport, data, length);
}

static void receive_cb(void *user, uint8_t *data, size_t length)
{
    const struct media_dtls *d = user;

    media_transport_deliver(d->transport, data, length, d->now_ms);
}

static void take_state(struct media_dtls *d, enum dtls_media_state state)
{
    if (state != DTLS_MEDIA_OPEN || d->opened)
        return;
    d->opened = true;
    snprintf(d->protection, sizeof d->protection, "%s", dtls_media_text(d->dtls));
}

static void shield_receive(void *shield, struct media_transport *transport, uint8_t *data,
                           size_t length, uint64_t now_ms)
{
    struct media_dtls *d = shield;

    d->transport = transport;
    d->now_ms = now_ms;
    take_state(d, dtls_media_receive(d->dtls, data, length));
}

static void shield_send(void *shield, struct media_transport *transport, const uint8_t *data,
                        size_t length)
{
    struct media_dtls *d = shield;

    d->transport = transport;
    if (dtls_media_send(d->dtls, data, length) != 0)
        transport->socket.unsent++;
}

static uint64_t shield_due_ms(const void *shield)
{
    return media_dtls_is_shaking(shield) ? 0 : UINT64_MAX;
}

static void shield_tick(void *shield, struct media_transport *transport, uint64_t now_ms)
{
    struct media_dtls *d = shield;

    d->transport = transport;
    d->now_ms = now_ms;
    take_state(d, dtls_media_tick(d->dtls, now_ms));
}

static void shield_free(void *shield)
{
    struct media_dtls *d = shield;

    dtls_media_free(d->dtls);
    free(d);
}

int media_dtls_begin(struct media_transport *transport, struct dtls_identity *identity, bool active,
                     const uint8_t *fingerprint, uint64_t now_ms, struct media_dtls **out)
{
    static const struct media_shield_ops ops = {shield_receive, shield_send, shield_due_ms,
                                                shield_tick, shield_free};
    struct media_dtls *d = calloc(1, sizeof *d);
    const struct dtls_media_callbacks callbacks = {send_cb, receive_cb, d};

    *out = NULL;
    if (d == NULL)
        return -ENOMEM;
    if (dtls_media_new(identity, active, fingerprint, &callbacks, now_ms, &d->dtls) != 0) {
        free(d);
        return -ENOMEM;
    }
    memcpy(d->fingerprint, fingerprint, sizeof d->fingerprint);
    d->transport = transport;
    media_transport_shield(transport, &ops, d);
    take_state(d, dtls_media_start(d->dtls));
    *out = d;
    return 0;
}

bool media_dtls_is_shaking(const struct media_dtls *d)
{
    return dtls_media_state(d->dtls) == DTLS_MEDIA_HANDSHAKE;
}

const char *media_dtls_failure(const struct media_dtls *d)
{
    bool failed = !d->opened && dtls_media_state(d->dtls) == DTLS_MEDIA_FAILED;

    return failed ? dtls_media_text(d->dtls) : NULL;
}

const char *media_dtls_protection(const struct media_dtls *d)
{
    return d->protection;
}

bool media_dtls_is_peer(const struct media_dtls *d, const uint8_t *fingerprint)
{
    return memcmp(d->fingerprint, fingerprint, sizeof d->fingerprint) == 0;
}
