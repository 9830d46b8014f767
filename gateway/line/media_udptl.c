#include "gateway/line/media_udptl.h"

#include <stddef.h>

int media_udptl_open(const struct msg_call_media *media, struct udptl_sender **out,
                     struct udptl_receiver **in)
{
    struct udptl_receiver_config config = udptl_receiver_default;
    unsigned depth = media->redundancy < UDPTL_DEPTH_MAX ? media->redundancy : UDPTL_DEPTH_MAX;
    int error;

    *in = NULL;
    error = media->fec_packets != 0 ? udptl_sender_new_fec(out, media->fec_packets,
                                                           media->fec_fields, media->max_datagram)
                                    : udptl_sender_new(out, depth, media->max_datagram);
    config.t38_version = media->t38_version;
    return error == 0 ? udptl_receiver_new(in, &config) : error;
}
