#include "gateway/control/trunk_registrar.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/call_target.h"
#include "gateway/control/event.h"
#include "gateway/control/trunk_credentials.h"
#include "gateway/process/log.h"

enum { AGAIN_MS = 30000, FINGERPRINT_OCTETS = 32, URI_TEXT = 512 };

/* One trunk. Its addresses are found first, then its credentials opened, then the stack goes on
 * alone. */
struct entry {
    struct entry *next;
    struct trunk_registrar *registrar;
    struct trunk_registration wanted;
    uint8_t fingerprint[FINGERPRINT_OCTETS]; /* of all that it was started with */
    struct sip_registration *registration;   /* NULL: not yet, or it could not be started */
    struct call_target target;
    unsigned pending; /* callbacks that will still come */
    bool dropped;     /* out of the list: freed with the last of them */
    enum sip_registration_state state;
    int code;
    char reason[MSG_REASON_MAX];
    int64_t changed_ms;
    uint32_t expires_s;
};

struct trunk_registrar {
    struct control *control;
    struct entry *entries;
    bool stopped;
};

static void release(struct entry *e)
{
    if (--e->pending == 0 && e->dropped)
        free(e);
}

static void drop(struct entry *e)
{
    sip_registration_end(e->registration);
    e->registration = NULL;
    e->dropped = true;
    if (e->pending == 0)
        free(e);
}

static void record(const struct entry *e)
{
    struct event event;
    bool good = e->state == SIP_REGISTRATION_REGISTERED;
    event_begin(&event, good ? "trunk.registered" : "trunk.registration_failed", "system", NULL);
    if (!good)
        event_outcome(&event, "failed");
    event_text(&event, "trunk", e->wanted.trunk);
    if (good)
        event_integer(&event, "expires", e->expires_s);
    else
        event_integer(&event, "sip_code", e->code);
    event_text(&event, "reason", e->reason);
    event_note(&event, e->registrar->control->audit);
    log_write(good ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING, "trunk %s: %s%s", e->wanted.trunk,
              good ? "registered" : "registration failed: ", e->reason);
}

/* A state that goes on is no news: a registration is refreshed all day. */
static void note(struct entry *e, enum sip_registration_state state, int code, const char *reason)
{
    bool is_news = e->state != state || (state == SIP_REGISTRATION_FAILED && e->code != code);
    e->code = code;
    snprintf(e->reason, sizeof e->reason, "%s", reason);
    if (!is_news)
        return;
    e->state = state;
    e->changed_ms = control_now_ms();
    record(e);
}

static void begin(struct entry *e);
static void find_again(struct entry *e);

static void on_status(void *user, const struct sip_registration_status *status)
{
    struct entry *e = user;
    if (e->registrar->stopped)
        return;
    e->expires_s = status->expires_s;
    note(e, status->state, status->code, status->reason);
    if (status->state == SIP_REGISTRATION_FAILED)
        find_again(e);
}

/* What stands behind the '@' of a URI, without parameters. */
static void host_of(const char *uri, char host[URI_TEXT])
{
    const char *at = strchr(uri, '@');
    snprintf(host, URI_TEXT, "%.*s", at ? (int)strcspn(at + 1, ";") : 0, at ? at + 1 : "");
}

static int start(struct entry *e, const struct sip_credential *credentials, size_t count)
{
    char uri[URI_TEXT], host[URI_TEXT], registrar[URI_TEXT + 8], record_uri[2 * URI_TEXT];
    int rc = call_target_uri(&e->target, e->wanted.user, uri, sizeof uri);
    if (rc < 0)
        return rc;
    if (e->wanted.domain[0])
        snprintf(host, sizeof host, "%s", e->wanted.domain);
    else
        host_of(uri, host);
    const char *scheme = e->target.sips ? "sips" : "sip";
    snprintf(registrar, sizeof registrar, "%s:%s", scheme, host);
    snprintf(record_uri, sizeof record_uri, "%s:%s@%s", scheme, e->wanted.user, host);
    const struct sip_registration_config config = {.target = e->target.address,
                                                   .protocol = e->target.protocol,
                                                   .long_by_tcp = e->target.long_by_tcp,
                                                   .registrar_uri = registrar,
                                                   .record_uri = record_uri,
                                                   .contact_user = e->wanted.user,
                                                   .expires_s = e->wanted.expires_s,
                                                   .credentials = credentials,
                                                   .credential_count = count};
    return sip_registration_start(e->registrar->control->sip, &config, on_status, e,
                                  &e->registration);
}

static bool is_gone(const struct entry *e)
{
    return e->dropped || e->registrar->stopped;
}

/* For what goes wrong before a REGISTER is out; the policy's next reading tries it again too. */
static void fail(struct entry *e, const char *what)
{
    note(e, SIP_REGISTRATION_FAILED, 0, what);
    if (!uv_is_active((uv_handle_t *)&e->registrar->control->registrar_timer))
        (void)uv_timer_again(&e->registrar->control->registrar_timer);
}

static void on_credentials(void *user, int status, const struct sip_credential *credentials,
                           size_t count)
{
    struct entry *e = user;
    if (!is_gone(e)) {
        if (status < 0)
            fail(e, status == -EBADMSG ? "its credentials are damaged"
                                       : "its credentials cannot be opened");
        else if (start(e, credentials, count) < 0)
            fail(e, "its user, domain or address cannot be used");
    }
    release(e);
}

static void open_credentials(struct entry *e)
{
    e->pending++;
    int rc = trunk_credentials_open(e->registrar->control, e->wanted.trunk, on_credentials, e);
    if (rc == 0)
        return;
    e->pending--;
    if (rc < 0)
        fail(e, "the keeper takes no questions");
    else if (start(e, NULL, 0) < 0)
        fail(e, "its user, domain or address cannot be used");
}

static void on_target(void *user, int status, const struct call_target *target)
{
    struct entry *e = user;
    if (!is_gone(e)) {
        if (status < 0) {
            fail(e, call_target_error(status));
        } else {
            e->target = *target;
            open_credentials(e);
        }
    }
    release(e);
}

static void begin(struct entry *e)
{
    if (e->registration || e->pending)
        return;
    e->pending++;
    if (call_target_find(e->registrar->control, e->wanted.trunk, "", on_target, e) < 0) {
        e->pending--;
        fail(e, "out of memory");
    }
}

static void on_target_again(void *user, int status, const struct call_target *target)
{
    struct entry *e = user;
    if (!is_gone(e) && status == 0 && e->registration) {
        /* The same address again means: the next one that is known for the name. */
        bool same = memcmp(&target->address, &e->target.address, sizeof target->address) == 0;
        if (!same || !call_target_next(&e->target))
            e->target = *target;
        sip_registration_retarget(e->registration, &e->target.address, e->target.protocol);
    }
    release(e);
}

/* After a failure: what the trunk's name leads to may have changed. */
static void find_again(struct entry *e)
{
    e->pending++;
    if (call_target_find(e->registrar->control, e->wanted.trunk, "", on_target_again, e) < 0)
        e->pending--;
}

static bool add(EVP_MD_CTX *context, const void *octets, size_t length)
{
    return EVP_DigestUpdate(context, &length, sizeof length) == 1 &&
           EVP_DigestUpdate(context, octets, length) == 1;
}

/* Of what is sealed, too: a new secret starts a new registration. */
static bool make_fingerprint(const struct control *control, const struct trunk_registration *wanted,
                             uint8_t out[FINGERPRINT_OCTETS])
{
    size_t count = 0;
    const struct trunk_credential *first =
        trunk_accounts_credentials(policy_cache_accounts(control->policy), wanted->trunk, &count);
    const struct trunk_info *trunk = policy_cache_trunk(control->policy, wanted->trunk);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = context && trunk && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                add(context, wanted->user, strlen(wanted->user)) &&
                add(context, wanted->domain, strlen(wanted->domain)) &&
                add(context, &wanted->expires_s, sizeof wanted->expires_s) &&
                add(context, trunk->host, strlen(trunk->host)) &&
                add(context, &trunk->port, sizeof trunk->port) &&
                add(context, &trunk->protocol, sizeof trunk->protocol) &&
                add(context, &trunk->sips, sizeof trunk->sips);
    for (size_t i = 0; done && i < count; i++)
        done = add(context, first[i].sealed, first[i].sealed_length);
    done = done && EVP_DigestFinal_ex(context, out, NULL) == 1;
    EVP_MD_CTX_free(context);
    return done;
}

/* Ends what is not wanted, or not so, any more. */
static void prune(struct trunk_registrar *r)
{
    const struct trunk_accounts *accounts = policy_cache_accounts(r->control->policy);
    uint8_t fingerprint[FINGERPRINT_OCTETS];
    for (struct entry **at = &r->entries; *at;) {
        struct entry *e = *at;
        const struct trunk_registration *wanted =
            trunk_accounts_registration(accounts, e->wanted.trunk);
        if (wanted && make_fingerprint(r->control, wanted, fingerprint) &&
            memcmp(fingerprint, e->fingerprint, sizeof fingerprint) == 0) {
            at = &e->next;
            continue;
        }
        *at = e->next;
        drop(e);
    }
}

static struct entry *find(const struct trunk_registrar *r, const char *trunk)
{
    struct entry *e = r ? r->entries : NULL;
    while (e && strcmp(e->wanted.trunk, trunk) != 0)
        e = e->next;
    return e;
}

static void follow(struct trunk_registrar *r)
{
    const struct trunk_accounts *accounts = policy_cache_accounts(r->control->policy);
    if (r->stopped)
        return;
    prune(r);
    for (size_t i = 0; accounts && i < accounts->registration_count; i++) {
        struct entry *e = find(r, accounts->registrations[i].trunk);
        if (!e) {
            e = calloc(1, sizeof *e);
            if (!e)
                return; /* the next reading of the policy tries again */
            e->registrar = r;
            e->wanted = accounts->registrations[i];
            if (!make_fingerprint(r->control, &e->wanted, e->fingerprint)) {
                free(e);
                continue;
            }
            e->next = r->entries;
            r->entries = e;
        }
        begin(e);
    }
}

static void on_policy(void *user, int status)
{
    (void)status;
    follow(user);
}

static void on_timer(uv_timer_t *timer)
{
    struct control *c = timer->data;
    uv_timer_stop(timer);
    if (c->registrar)
        follow(c->registrar);
}

int trunk_registrar_start(struct control *c)
{
    c->registrar = calloc(1, sizeof *c->registrar);
    if (!c->registrar)
        return -ENOMEM;
    c->registrar->control = c;
    c->registrar_timer.data = c;
    int rc = uv_timer_start(&c->registrar_timer, on_timer, AGAIN_MS, AGAIN_MS);
    if (rc < 0)
        return rc;
    policy_cache_watch(c->policy, on_policy, c->registrar);
    follow(c->registrar);
    return 0;
}

void trunk_registrar_stop(struct control *c)
{
    if (!c->registrar)
        return;
    c->registrar->stopped = true;
    policy_cache_unwatch(c->policy, c->registrar);
    uv_timer_stop(&c->registrar_timer);
    for (struct entry *e = c->registrar->entries; e; e = e->next)
        e->registration = NULL;
}

void trunk_registrar_free(struct control *c)
{
    if (!c->registrar)
        return;
    while (c->registrar->entries) {
        struct entry *e = c->registrar->entries;
        c->registrar->entries = e->next;
        drop(e);
    }
    free(c->registrar);
    c->registrar = NULL;
}

bool trunk_registrar_status(const struct control *control, const char *trunk,
                            struct trunk_registrar_status *status)
{
    const struct entry *e = find(control->registrar, trunk);
    if (!e)
        return false;
    *status = (struct trunk_registrar_status){.state = e->state,
                                              .code = e->code,
                                              .reason = e->reason,
                                              .changed_ms = e->changed_ms,
                                              .expires_s = e->expires_s};
    return true;
}
