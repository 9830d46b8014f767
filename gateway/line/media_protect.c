#include "gateway/line/media_protect.h"

#include <stdio.h>

#include "gateway/line/media_srtp.h"

static int begin_srtp(struct media_transport *transport, const struct msg_call_media *media,
                      struct media_protection *protection, bool runs)
{
    int error = (runs ? media_srtp_rekey : media_srtp_begin)(
        transport, media->srtp_suite, media->srtp_send_key, media->srtp_receive_key);

    if (error == 0)
        snprintf(protection->text, sizeof protection->text, "SRTP %s",
                 srtp_media_suite_name(media->srtp_suite));
    return error;
}

int media_protect(struct media_transport *transport, struct dtls_identity *identity,
                  const struct msg_call_media *media, uint64_t now_ms,
                  struct media_protection *protection)
{
    *protection = (struct media_protection){.by = media->transport};
    if (media->transport == MEDIA_TRANSPORT_SRTP)
        return begin_srtp(transport, media, protection, false);
    if (media->transport != MEDIA_TRANSPORT_UDPTL_DTLS) {
        media_transport_shield(transport, NULL, NULL);
        return 0;
    }
    protection->shaking = true;
    return media_dtls_begin(transport, identity, media->dtls_active != 0, media->fingerprint,
                            now_ms, &protection->dtls);
}

bool media_protect_move(struct media_transport *transport, struct media_protection *protection,
                        const struct msg_call_media *media)
{
    if (media->transport != protection->by)
        return false;
    if (media->transport == MEDIA_TRANSPORT_UDPTL_DTLS)
        return media_dtls_is_peer(protection->dtls, media->fingerprint);
    return media->transport != MEDIA_TRANSPORT_SRTP ||
           begin_srtp(transport, media, protection, true) == 0;
}
