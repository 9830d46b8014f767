/* REGISTER of ours (RFC 3261 §10.2). */
#include <errno.h>
#include <inttypes.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/sip/message.h"
#include "gateway/sip/register_client.h"
#include "gateway/sip/request.h"
#include "gateway/sip/session.h"
#include "gateway/sip/text.h"
#include "gateway/sip/transport.h"

enum {
    EXPIRES_S = 3600,
    EXPIRES_MAX_S = 7 * 86400, /* that a 423 may raise it to */
    RETRY_MS = 30000,          /* RFC 5626 §4.5 */
    RETRY_MAX_MS = 1800000,
    LOST_WITHIN_MS = 2000, /* so that a restarted registrar does not get all at once */
    DOUBLINGS_MAX = 16,
    LINES_MAX = 2 * SIP_CONTACT_TEXT + 256,
};

struct sip_registration {
    struct sip_registration *next, **at; /* of the stack's; at is what points here */
    struct sip_stack *stack;
    struct sip_dialog dialog; /* Call-ID, CSeq and credentials of all its requests (§10.2) */
    struct sip_transaction *tx;
    struct sip_timer timer;
    char contact_user[SIP_TAG_MAX];
    char contact[SIP_CONTACT_TEXT + SIP_TAG_MAX]; /* as last sent */
    uint32_t expires_s, retry_ms, retry_max_ms;
    unsigned failures; /* in a row */
    bool is_bound;     /* there may be a binding to take back */
    bool is_raised;    /* expires_s, by a 423 within this attempt */
    bool is_ending;
    sip_registration_cb *cb;
    void *user;
};

static void attempt(struct sip_registration *r);

static void forget(struct sip_registration *r)
{
    struct sip_stack *stack = r->stack;
    *r->at = r->next;
    if (r->next)
        r->next->at = r->at;
    sip_timer_stop(&stack->timers, &r->timer);
    if (r->tx) {
        r->tx->on_response = NULL;
        r->tx->user = NULL;
    }
    sip_dialog_close(stack, &r->dialog);
    free(r);
    sip_stack_post(stack);
}

static void on_due(struct sip_timer *timer)
{
    struct sip_registration *r = timer->owner;
    r->is_raised = false;
    attempt(r);
}

/* Between half of it and all of it, so that many do not come together. */
static uint64_t spread(uint64_t ms)
{
    uint32_t random = 0;
    (void)RAND_bytes((unsigned char *)&random, sizeof random);
    return ms / 2 + random % (ms / 2 + 1);
}

static void try_again_in(struct sip_registration *r, uint64_t delay_ms)
{
    sip_timer_start(&r->stack->timers, &r->timer, delay_ms, on_due, r);
}

static void tell(struct sip_registration *r, const struct sip_registration_status *status)
{
    if (r->cb)
        r->cb(r->user, status);
}

/* Who refused the account will refuse it again: asking often would lock it. */
static bool is_lasting(int code)
{
    return code == 401 || code == 403 || code == 404 || code == 407;
}

static void fail(struct sip_registration *r, int code, const char *reason, uint32_t retry_after_s)
{
    unsigned doublings = r->failures < DOUBLINGS_MAX ? r->failures : DOUBLINGS_MAX;
    uint64_t wait_ms = (uint64_t)r->retry_ms << doublings;
    if (r->is_ending) {
        forget(r);
        return;
    }
    r->failures++;
    if (wait_ms > r->retry_max_ms || is_lasting(code))
        wait_ms = r->retry_max_ms;
    wait_ms = spread(wait_ms);
    if (wait_ms < retry_after_s * 1000ull)
        wait_ms = retry_after_s * 1000ull;
    try_again_in(r, wait_ms);
    tell(r, &(struct sip_registration_status){.state = SIP_REGISTRATION_FAILED,
                                              .code = code,
                                              .reason = reason,
                                              .retry_s = (uint32_t)((wait_ms + 999) / 1000)});
}

static uint32_t number_of(const char *text, uint32_t fallback)
{
    char *end;
    if (!text || *text < '0' || *text > '9')
        return fallback;
    unsigned long value = strtoul(text, &end, 10);
    return value > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)value;
}

static bool same_text(const char *a, const char *b)
{
    return !strcasecmp(a ? a : "", b ? b : "");
}

/* Enough of §19.1.4 for a URI that we wrote ourselves; its parameters may have been added to. */
static bool is_ours(const osip_uri_t *uri, const osip_uri_t *own)
{
    bool same_user =
        !strcmp(uri->username ? uri->username : "", own->username ? own->username : "");
    return uri->scheme && same_text(uri->scheme, own->scheme) && same_user &&
           same_text(uri->host, own->host) && same_text(uri->port, own->port);
}

/* Finds our Contact among the bindings of a 200 (§10.3 step 8). Returns the seconds that it was
 * granted, 0 when it is not there. */
static uint32_t granted(const struct sip_registration *r, const osip_message_t *response)
{
    uint32_t found = 0, standard = number_of(sip_message_header(response, "expires"), r->expires_s);
    osip_uri_t *own = NULL;
    if (osip_uri_init(&own) != 0)
        return 0;
    if (osip_uri_parse(own, r->contact) == 0) {
        for (int i = 0; i < SIP_LIST_MAX && !osip_list_eol(&response->contacts, i); i++) {
            const osip_contact_t *c = osip_list_get(&response->contacts, i);
            if (c && c->url && is_ours(c->url, own))
                found = number_of(sip_message_param(&c->gen_params, "expires"), standard);
        }
    }
    osip_uri_free(own);
    return found;
}

/* In time for a few attempts before it expires. */
static uint64_t refresh_ms(uint32_t expires_s)
{
    uint64_t ms = expires_s * 1000ull;
    return expires_s > 1200 ? ms - 600000 + spread(60000) - 60000 : spread(ms * 3 / 4);
}

static void take_accepted(struct sip_registration *r, const osip_message_t *response)
{
    uint32_t expires_s = granted(r, response);
    if (r->is_ending) {
        forget(r);
        return;
    }
    r->is_bound = true; /* also when it is not named: it is taken back all the same */
    if (expires_s == 0) {
        fail(r, response->status_code, "the registrar's answer does not name our Contact", 0);
        return;
    }
    r->failures = 0;
    try_again_in(r, refresh_ms(expires_s));
    tell(r, &(struct sip_registration_status){.state = SIP_REGISTRATION_REGISTERED,
                                              .code = response->status_code,
                                              .reason = "",
                                              .expires_s = expires_s});
}

/* §10.2.8. Returns false when there is nothing to be done about it. */
static bool raise_expires(struct sip_registration *r, const osip_message_t *response)
{
    uint32_t wanted = number_of(sip_message_header(response, "min-expires"), 0);
    if (r->is_raised || r->is_ending || wanted <= r->expires_s || wanted > EXPIRES_MAX_S)
        return false;
    r->expires_s = wanted;
    r->is_raised = true;
    attempt(r);
    return true;
}

static void on_response(struct sip_transaction *tx, struct sip_session *session,
                        const osip_message_t *response, enum sip_party failure)
{
    struct sip_registration *r = tx->user;
    int code = response ? response->status_code : failure == SIP_PARTY_TRANSPORT ? 503 : 408;
    (void)session;
    if (!r || code < 200)
        return;
    tx->user = NULL;
    r->tx = NULL;
    if (response)
        r->dialog.peer.connection = tx->peer.protocol == r->dialog.peer.protocol
                                        ? tx->peer.connection
                                        : r->dialog.peer.connection;
    if (response && (code == 401 || code == 407)) {
        r->tx = sip_auth_retry(tx, &r->dialog, response);
        if (r->tx) {
            r->tx->on_response = on_response;
            r->tx->user = r;
            return;
        }
    }
    if (code < 300)
        take_accepted(r, response);
    else if (code != 423 || !raise_expires(r, response))
        fail(r, code,
             tx->failure ? tx->failure
             : !response ? "no response"
                         : (response->reason_phrase ? response->reason_phrase : ""),
             response ? sip_message_retry_after(response) : 0);
}

static bool make_contact(struct sip_registration *r)
{
    const char *base = sip_transport_contact(r->stack, &r->dialog.peer,
                                             !strncasecmp(r->dialog.target, "sips:", 5));
    const char *host = strchr(base, ':') + 1;
    int n = snprintf(r->contact, sizeof r->contact, "%.*s%s@%s", (int)(host - base), base,
                     r->contact_user, host);
    return n > 0 && (size_t)n < sizeof r->contact;
}

static void attempt(struct sip_registration *r)
{
    char lines[LINES_MAX];
    uint32_t expires_s = r->is_ending ? 0 : r->expires_s;
    if (make_contact(r)) {
        (void)snprintf(lines, sizeof lines, "Contact: <%s>;expires=%" PRIu32 "\r\n", r->contact,
                       expires_s);
        const struct sip_request what = {
            .method = "REGISTER", .cseq = ++r->dialog.local_cseq, .headers = lines};
        r->tx = sip_request_send(r->stack, &r->dialog, &what, NULL, on_response);
    }
    if (r->tx)
        r->tx->user = r;
    else
        fail(r, 503, "the request could not be sent", 0);
}

static bool is_contact_user(const char *user)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "-_.!~*'()&=+$";
    return user && *user && strlen(user) < SIP_TAG_MAX && user[strspn(user, allowed)] == '\0';
}

static int set_up(struct sip_registration *r, const struct sip_registration_config *c)
{
    const struct sip_call call = {.target = c->target,
                                  .protocol = c->protocol,
                                  .long_by_tcp = c->long_by_tcp,
                                  .request_uri = c->registrar_uri,
                                  .from_uri = c->record_uri,
                                  .to_uri = c->record_uri};
    int error = is_contact_user(c->contact_user) ? 0 : -EINVAL;
    if (!error)
        error = sip_dialog_prepare(r->stack, &r->dialog, &call);
    if (!error)
        error = sip_auth_new(c->credentials, c->credential_count, &r->dialog.auth);
    if (error)
        return error;
    sip_text_copy(r->contact_user, sizeof r->contact_user, c->contact_user);
    r->expires_s = c->expires_s ? c->expires_s : EXPIRES_S;
    r->retry_ms = c->retry_ms ? c->retry_ms : RETRY_MS;
    r->retry_max_ms = c->retry_max_ms ? c->retry_max_ms : RETRY_MAX_MS;
    return 0;
}

int sip_registration_start(struct sip_stack *stack, const struct sip_registration_config *config,
                           sip_registration_cb *cb, void *user,
                           struct sip_registration **registration)
{
    *registration = NULL;
    if (stack->is_closing)
        return -EAGAIN;
    struct sip_registration *r = calloc(1, sizeof *r);
    if (!r)
        return -ENOMEM;
    r->stack = stack;
    r->cb = cb;
    r->user = user;
    int error = set_up(r, config);
    if (error) {
        sip_dialog_close(stack, &r->dialog);
        free(r);
        return error;
    }
    r->next = stack->registrations;
    r->at = &stack->registrations;
    if (r->next)
        r->next->at = &r->next;
    stack->registrations = r;
    try_again_in(r, 0);
    *registration = r;
    return 0;
}

void sip_registration_retarget(struct sip_registration *r, const struct sockaddr_storage *target,
                               enum sip_protocol protocol)
{
    const struct sip_hop hop = {.address = *target, .protocol = protocol};
    if (sip_transport_same((const struct sockaddr *)target,
                           (const struct sockaddr *)&r->dialog.peer.address, true) &&
        protocol == r->dialog.peer.protocol)
        return; /* and its connection is kept */
    if (sip_transport_can_reach(r->stack, &hop))
        r->dialog.peer = hop;
}

void sip_registration_end(struct sip_registration *r)
{
    if (!r)
        return;
    bool must_tell = r->is_bound || r->tx; /* what is out may yet be accepted */
    r->cb = NULL;
    if (!must_tell) {
        forget(r);
        return;
    }
    r->is_ending = true;
    if (r->tx) {
        r->tx->on_response = NULL;
        r->tx->user = NULL;
        r->tx = NULL;
    }
    sip_timer_stop(&r->stack->timers, &r->timer);
    attempt(r);
}

void sip_registration_connection_lost(struct sip_stack *stack, uint32_t connection)
{
    for (struct sip_registration *r = stack->registrations; r; r = r->next)
        if (r->dialog.peer.protocol != SIP_UDP && r->dialog.peer.connection == connection &&
            !r->is_ending && !r->tx && r->failures == 0)
            try_again_in(r, spread(r->retry_ms < LOST_WITHIN_MS ? r->retry_ms : LOST_WITHIN_MS));
}

bool sip_registration_uses(const struct sip_stack *stack, uint32_t connection)
{
    for (const struct sip_registration *r = stack->registrations; r; r = r->next)
        if (r->dialog.peer.protocol != SIP_UDP && r->dialog.peer.connection == connection &&
            r->is_bound)
            return true;
    return false;
}

void sip_registrations_end(struct sip_stack *stack)
{
    for (struct sip_registration *r = stack->registrations, *next; r; r = next) {
        next = r->next;
        sip_registration_end(r);
    }
}

void sip_registrations_drop(struct sip_stack *stack)
{
    for (struct sip_registration *r = stack->registrations, *next; r; r = next) {
        next = r->next;
        forget(r);
    }
}
