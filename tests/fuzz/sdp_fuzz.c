/* Any octets as a session description: read, answer, write, and read again the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/sip/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sdp_session in, answer, again;
    static char text[SDP_TEXT_MAX];
    size_t offset = 0, length = 0;
    int error = sdp_read(&in, (const char *)data, size, &offset);
    if (error) {
        require(offset <= size);
        return 0;
    }
    require(in.media_count <= SDP_MEDIA_MAX);
    require(sdp_begin_answer(&answer, &in, 1, 1, "127.0.0.1") == 0);
    int image = sdp_find_t38(&in), audio = sdp_find_g711(&in, NULL);
    if (image >= 0)
        require(sdp_accept_t38(&answer, (size_t)image, 4000, &in.media[image].t38) == 0);
    if (audio >= 0)
        require(sdp_accept_g711(&answer, &in, (size_t)audio, 4002) == 0);
    require(sdp_write(&answer, text, sizeof text, &length) == 0);
    require(sdp_read(&again, text, length, NULL) == 0);
    require(again.media_count == in.media_count);
    if (image >= 0)
        require(sdp_find_t38(&again) == image);
    if (audio >= 0)
        require(sdp_find_g711(&again, NULL) == audio);
    return 0;
}
