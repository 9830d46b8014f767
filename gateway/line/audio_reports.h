/* audio_reports.h: RTCP beside a stream of G.711, on the same port (RFC 5761), and how such a
 * stream begins. Private to gateway/line/.
 */
#ifndef GATEWAY_LINE_AUDIO_REPORTS_H
#define GATEWAY_LINE_AUDIO_REPORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/line/media_transport.h"
#include "gateway/process/messages.h"
#include "t38/audio_stream.h"
#include "t38/rtcp.h"

/* Whether media is audio rather than T.38. */
bool audio_is_wanted(const struct msg_call_media *media);

/* Begins a stream as negotiated, with random start values. Returns 0 or FAX_EENGINE. */
int audio_begin(struct audio_stream *stream, const struct msg_call_media *media)
    __attribute__((warn_unused_result));

struct audio_reports {
    bool on;
    uint64_t due_ms, sr_heard_ms;
    uint32_t last_sr;
    char cname[RTCP_CNAME_MAX + 1]; /* random for each call, RFC 7022 */
};

/* On only where both sides agreed to it. */
void audio_reports_begin(struct audio_reports *r, const struct msg_call_media *media,
                         uint64_t now_ms);

/* Takes a datagram that is RTCP (rtcp_is). */
void audio_reports_take(struct audio_reports *r, const struct audio_stream *stream,
                        const uint8_t *data, size_t length, uint64_t now_ms);

/* Sends the report that is due. */
void audio_reports_tick(struct audio_reports *r, struct audio_stream *stream,
                        struct media_transport *media, uint64_t now_ms);

/* Says that the stream ends. */
void audio_reports_bye(struct audio_reports *r, struct audio_stream *stream,
                       struct media_transport *media, uint64_t now_ms);

#endif
