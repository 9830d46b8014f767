/* Session timers (RFC 4028), both roles. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/sip/message.h"
#include "gateway/sip/response.h"
#include "gateway/sip/session.h"
#include "gateway/sip/text.h"

enum refresher { REFRESHER_UNSAID, REFRESHER_UAC, REFRESHER_UAS };

static const char *value_of(const osip_message_t *m)
{
    const char *value = sip_message_header(m, "session-expires");
    return value ? value : sip_message_header(m, "x");
}

static uint32_t seconds(const char *text)
{
    if (!text || *text < '0' || *text > '9')
        return 0;
    unsigned long value = strtoul(text, NULL, 10);
    return value > SIP_SESSION_EXPIRES_MAX_S ? SIP_SESSION_EXPIRES_MAX_S : (uint32_t)value;
}

/* Returns the interval, 0 when there is none. */
static uint32_t read_expires(const osip_message_t *m, enum refresher *who)
{
    const char *value = value_of(m), *at = value ? strcasestr(value, "refresher") : NULL;
    *who = REFRESHER_UNSAID;
    if (at) {
        at += sizeof "refresher" - 1;
        at += strspn(at, " \t=");
        *who = !strncasecmp(at, "uac", 3)   ? REFRESHER_UAC
               : !strncasecmp(at, "uas", 3) ? REFRESHER_UAS
                                            : REFRESHER_UNSAID;
    }
    return seconds(value);
}

static bool supports_timer(const osip_message_t *m)
{
    return sip_message_has_token(m, "supported", "k", "timer") ||
           sip_message_has_token(m, "require", NULL, "timer");
}

static uint32_t our_minimum(const struct sip_session *s)
{
    uint32_t own_s = s->stack->config.min_session_expires_s;
    return s->refresh.min_s > own_s ? s->refresh.min_s : own_s;
}

void sip_session_timer_propose(const struct sip_session *s, struct sip_text *headers)
{
    const struct sip_refresh *r = &s->refresh;
    uint32_t min_s = our_minimum(s), asked_s = s->stack->config.session_expires_s;
    uint32_t interval_s = r->interval_s ? r->interval_s : asked_s;
    bool is_first = s->state != SIP_SESSION_ESTABLISHED;
    sip_text_add(headers, "Supported: " SIP_SUPPORTED "\r\n");
    if ((is_first && asked_s == UINT32_MAX) || (!is_first && !r->interval_s))
        return;
    if (interval_s < min_s)
        interval_s = min_s;
    /* Who refreshes stays as it is (§7.4); of this request we are the UAC. */
    sip_text_add(headers, "Session-Expires: %" PRIu32 "%s\r\nMin-SE: %" PRIu32 "\r\n", interval_s,
                 is_first  ? ""
                 : r->ours ? ";refresher=uac"
                           : ";refresher=uas",
                 min_s);
}

static void on_due(struct sip_timer *timer);

static uint64_t due_ms(const struct sip_refresh *r)
{
    uint64_t interval_ms = r->interval_s * 1000ull, margin_ms = interval_ms / 3;
    if (r->ours)
        return interval_ms / 2;
    return interval_ms - (margin_ms < 32000 ? margin_ms : 32000); /* §10 */
}

void sip_session_timer_restart(struct sip_session *s)
{
    struct sip_timers *timers = &s->stack->timers;
    sip_timer_stop(timers, &s->refresh.timer);
    if (s->refresh.interval_s && !s->over)
        sip_timer_start(timers, &s->refresh.timer, due_ms(&s->refresh), on_due, s);
}

static void expire(struct sip_session *s)
{
    s->stack->counters.sessions_expired++;
    if (!s->reason)
        s->reason = strdup("SIP;cause=408;text=\"session timer expired\"");
    sip_session_leave(s, 408);
    sip_session_end(s, SIP_PARTY_TIMEOUT, 408, "the session expired without a refresh");
}

/* Whatever else is under way refreshes too when it succeeds. */
static void on_due(struct sip_timer *timer)
{
    struct sip_session *s = timer->owner;
    struct sip_refresh *r = &s->refresh;
    if (s->over)
        return;
    if (!r->ours) {
        expire(s);
        return;
    }
    int error = r->by_update && !r->update_was_refused ? sip_update_send(s)
                                                       : sip_reinvite_client_refresh(s);
    if (error)
        sip_timer_start(&s->stack->timers, timer, due_ms(r) / 8 + 1, on_due, s);
}

/* Nobody may have less than 90 s (§4, §5): a peer that says so anyway would have us refresh without
 * end. */
static uint32_t no_less(const struct sip_session *s, uint32_t interval_s)
{
    uint32_t min_s = s->stack->config.min_session_expires_s;
    return interval_s && interval_s < min_s ? min_s : interval_s;
}

void sip_session_timer_take(struct sip_session *s, const osip_message_t *response)
{
    struct sip_refresh *r = &s->refresh;
    enum refresher who;
    uint32_t interval_s = read_expires(response, &who);
    if (!osip_list_eol(&response->allows, 0))
        r->by_update = sip_message_allows(response, "UPDATE");
    r->interval_s = no_less(s, interval_s); /* none: the session does not expire (§7.2) */
    r->ours = who != REFRESHER_UAS;
    sip_session_timer_restart(s);
}

bool sip_session_timer_adapt(struct sip_session *s, const osip_message_t *response)
{
    struct sip_refresh *r = &s->refresh;
    uint32_t min_s = seconds(sip_message_header(response, "min-se"));
    if (min_s <= our_minimum(s))
        return false;
    r->min_s = min_s;
    if (r->interval_s && r->interval_s < min_s)
        r->interval_s = min_s;
    return true;
}

/* One that does not know the timer would not understand (§8.1, §9). */
uint32_t sip_session_timer_demand(const struct sip_stack *stack, const osip_message_t *request)
{
    enum refresher who;
    uint32_t interval_s = read_expires(request, &who);
    uint32_t min_s = stack->config.min_session_expires_s;
    return interval_s && interval_s < min_s && supports_timer(request) ? min_s : 0;
}

void sip_session_timer_answer(struct sip_session *s, const osip_message_t *request,
                              osip_message_t *response)
{
    struct sip_refresh *r = &s->refresh;
    enum refresher who;
    char value[64];
    bool peer_can = supports_timer(request);
    uint32_t asked_s = no_less(s, read_expires(request, &who)), before_s = r->interval_s;
    if (!osip_list_eol(&request->allows, 0))
        r->by_update = sip_message_allows(request, "UPDATE");
    (void)sip_response_add(response, "Supported", SIP_SUPPORTED);
    r->interval_s = asked_s ? asked_s : peer_can ? before_s : 0;
    /* Table 2: who cannot refresh does not; who asks for nothing leaves it as it was, at first to
     * us, who know when a fax goes on. */
    bool was_ours = before_s ? r->ours : true;
    r->ours = !peer_can || who == REFRESHER_UAS || (who == REFRESHER_UNSAID && was_ours);
    if (!r->interval_s) {
        sip_session_timer_restart(s);
        return;
    }
    (void)snprintf(value, sizeof value, "%" PRIu32 ";refresher=%s", r->interval_s,
                   r->ours ? "uas" : "uac");
    (void)sip_response_add(response, "Session-Expires", value);
    if (peer_can)
        (void)sip_response_add(response, "Require", "timer");
    sip_session_timer_restart(s);
}

void sip_session_timer_refused(struct sip_session *s, int code)
{
    struct sip_refresh *r = &s->refresh;
    if (s->over || code == 491) { /* the peer's own re-INVITE came first, and refreshes */
        if (!s->over && !r->timer.armed)
            sip_session_timer_restart(s);
        return;
    }
    /* The peer answers, so it is there: whether the session ends for this is its to say. */
    sip_session_timer_restart(s);
}
