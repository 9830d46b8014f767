#include "gateway/sip/authenticate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/sip/dialog.h"
#include "gateway/sip/message.h"
#include "gateway/sip/transaction.h"
#include "gateway/sip/transport.h"
#include "policy/secret.h"

enum {
    RETRIES_MAX = 4,    /* of one request: a proxy, the server, and a stale nonce of each */
    ANSWERS_MAX = 2,    /* of one request to one realm: the second when the nonce was stale */
    REQUEST_MAX = 1300, /* RFC 3261 §18.1.1 */
};

struct credential {
    char realm[DIGEST_NAME_MAX], user[DIGEST_NAME_MAX];
    struct digest_secret secret;
};

/* The last challenge of a realm, by a proxy or a server. nonce NULL: none came yet. */
struct challenge {
    bool is_proxy, qop;
    enum digest_algorithm algorithm;
    const struct credential *credential;
    char *nonce, *opaque;
    uint32_t nonce_count;
};

struct sip_auth {
    struct challenge challenges[SIP_AUTH_CHALLENGES];
    size_t challenge_count;
    char *invite_lines; /* of the last INVITE, for its ACK */
    size_t credential_count;
    struct credential credentials[];
};

static bool is_name(const char *text)
{
    return *text != '\0' && strlen(text) < DIGEST_NAME_MAX && sip_text_is_line(text);
}

int sip_auth_new(const struct sip_credential *from, size_t count, struct sip_auth **out)
{
    *out = NULL;
    if (count == 0)
        return 0;
    if (count > SIP_CREDENTIALS_MAX)
        return -EINVAL;
    for (size_t i = 0; i < count; i++)
        if (!from[i].secret || !is_name(from[i].realm) || !is_name(from[i].user))
            return -EINVAL;
    struct sip_auth *auth = calloc(1, sizeof *auth + count * sizeof auth->credentials[0]);
    if (!auth)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        struct credential *c = &auth->credentials[i];
        sip_text_copy(c->realm, sizeof c->realm, from[i].realm);
        sip_text_copy(c->user, sizeof c->user, from[i].user);
        c->secret = *from[i].secret;
    }
    auth->credential_count = count;
    *out = auth;
    return 0;
}

void sip_auth_free(struct sip_auth *auth)
{
    if (!auth)
        return;
    for (size_t i = 0; i < auth->challenge_count; i++) {
        free(auth->challenges[i].nonce);
        free(auth->challenges[i].opaque);
    }
    free(auth->invite_lines);
    secret_wipe(auth->credentials, auth->credential_count * sizeof auth->credentials[0]);
    free(auth);
}

static int answer(struct challenge *c, const char *method, const char *uri, char *out,
                  size_t capacity)
{
    char cnonce[SIP_ID_TEXT];
    struct digest_params p = {.algorithm = c->algorithm, .qop_auth = c->qop, .qop_present = c->qop};
    const struct digest_use use = {.username = c->credential->user,
                                   .ha1 = digest_secret_ha1(&c->credential->secret, c->algorithm),
                                   .method = method,
                                   .uri = uri,
                                   .nonce_count = ++c->nonce_count,
                                   .cnonce = cnonce};
    sip_stack_make_id(cnonce);
    sip_text_copy(p.realm, sizeof p.realm, c->credential->realm);
    sip_text_copy(p.nonce, sizeof p.nonce, c->nonce);
    sip_text_copy(p.opaque, sizeof p.opaque, c->opaque);
    return digest_answer(&p, &use, out, capacity);
}

void sip_auth_write(struct sip_auth *auth, const char *method, const char *uri, struct sip_text *t)
{
    char value[DIGEST_HEADER_MAX];
    size_t start = t->length;
    if (!auth || !strcmp(method, "CANCEL"))
        return;
    if (!strcmp(method, "ACK")) {
        sip_text_add(t, "%s", auth->invite_lines ? auth->invite_lines : "");
        return;
    }
    for (size_t i = 0; i < auth->challenge_count; i++) {
        struct challenge *c = &auth->challenges[i];
        if (c->nonce && answer(c, method, uri, value, sizeof value) > 0)
            sip_text_add(t, "%sAuthorization: %s\r\n", c->is_proxy ? "Proxy-" : "", value);
    }
    if (!strcmp(method, "INVITE") && !t->overflow) {
        free(auth->invite_lines);
        auth->invite_lines = strndup(t->text + start, t->length - start);
    }
}

/* Why a challenge gets no answer. */
static void explain(struct sip_transaction *tx, const char *realm, const char *what)
{
    char text[SIP_AUTH_REFUSAL_TEXT];
    (void)snprintf(text, sizeof text, "%s%s%s%s", realm ? "realm \"" : "", realm ? realm : "",
                   realm ? "\": " : "", what);
    free(tx->failure);
    tx->failure = strdup(text);
}

static const struct credential *find_credential(const struct sip_auth *auth, const char *realm)
{
    for (size_t i = 0; i < auth->credential_count; i++)
        if (!strcmp(auth->credentials[i].realm, realm))
            return &auth->credentials[i];
    return NULL;
}

static struct challenge *find_challenge(struct sip_auth *auth, bool is_proxy,
                                        const struct credential *credential)
{
    for (size_t i = 0; i < auth->challenge_count; i++)
        if (auth->challenges[i].is_proxy == is_proxy &&
            auth->challenges[i].credential == credential)
            return &auth->challenges[i];
    if (auth->challenge_count == SIP_AUTH_CHALLENGES)
        return NULL;
    auth->challenges[auth->challenge_count] =
        (struct challenge){.is_proxy = is_proxy, .credential = credential};
    return &auth->challenges[auth->challenge_count++];
}

static bool take(struct challenge *c, const struct digest_params *p)
{
    char *nonce = strdup(p->nonce), *opaque = strdup(p->opaque);
    if (!nonce || !opaque) {
        free(nonce);
        free(opaque);
        return false;
    }
    free(c->nonce);
    free(c->opaque);
    c->nonce = nonce;
    c->opaque = opaque;
    c->algorithm = p->algorithm;
    c->qop = p->qop_present;
    c->nonce_count = 0;
    return true;
}

/* What one response asks for: by realm, the best algorithm that we have. */
struct asked {
    bool is_proxy;
    const struct credential *credential;
    struct digest_params params;
};

static void keep_better(struct asked *all, size_t *count, const struct asked *one)
{
    for (size_t i = 0; i < *count; i++) {
        if (all[i].is_proxy != one->is_proxy || all[i].credential != one->credential)
            continue;
        if (one->params.algorithm == DIGEST_SHA256 && all[i].params.algorithm == DIGEST_MD5)
            all[i] = *one;
        return;
    }
    if (*count < SIP_AUTH_CHALLENGES)
        all[(*count)++] = *one;
}

/* Judges one header value, which is freed. */
static void read_one(struct sip_transaction *tx, const struct sip_auth *auth, bool is_proxy,
                     char *value, struct asked *all, size_t *count)
{
    struct asked one = {.is_proxy = is_proxy};
    int error = digest_read(&one.params, value, strlen(value));
    osip_free(value);
    if (error) {
        explain(tx, NULL, "the challenge cannot be answered: not Digest with MD5 or SHA-256");
        return;
    }
    one.credential = auth ? find_credential(auth, one.params.realm) : NULL;
    if (!one.credential)
        explain(tx, one.params.realm, "no credentials for it");
    else if (one.params.qop_present && !one.params.qop_auth)
        explain(tx, one.params.realm, "it wants another protection than qop=auth");
    else if (!digest_secret_ha1(&one.credential->secret, one.params.algorithm))
        explain(tx, one.params.realm, "no secret for its algorithm");
    else
        keep_better(all, count, &one);
}

/* Reads all challenges of a response. */
static size_t read_challenges(struct sip_transaction *tx, const struct sip_auth *auth,
                              const osip_message_t *response, struct asked *all)
{
    size_t count = 0;
    char *value;
    for (int i = 0; i < SIP_LIST_MAX && !osip_list_eol(&response->proxy_authenticates, i); i++)
        if (osip_www_authenticate_to_str(osip_list_get(&response->proxy_authenticates, i),
                                         &value) == 0)
            read_one(tx, auth, true, value, all, &count);
    for (int i = 0; i < SIP_LIST_MAX && !osip_list_eol(&response->www_authenticates, i); i++)
        if (osip_www_authenticate_to_str(osip_list_get(&response->www_authenticates, i), &value) ==
            0)
            read_one(tx, auth, false, value, all, &count);
    return count;
}

/* Takes the challenges of a response. A realm that this request has answered already is only
 * answered again when its nonce was stale. Returns false when one of them cannot be answered. */
static bool take_challenges(struct sip_transaction *tx, struct sip_auth *auth,
                            const osip_message_t *response)
{
    struct asked all[SIP_AUTH_CHALLENGES];
    size_t count = read_challenges(tx, auth, response, all);
    if (!auth)
        return false; /* why is told already */
    for (size_t i = 0; i < count; i++) {
        struct challenge *c = find_challenge(auth, all[i].is_proxy, all[i].credential);
        if (!c)
            return false;
        uint8_t *answers = &tx->auth_answers[c - auth->challenges];
        if (*answers > 0 && (!all[i].params.stale || *answers >= ANSWERS_MAX)) {
            explain(tx, all[i].params.realm, "the credentials were refused");
            return false;
        }
        if (!take(c, &all[i].params))
            return false;
        (*answers)++;
    }
    return count > 0;
}

/* Makes what was sent into what is sent next: new branch, CSeq and answers. */
static int renew(struct sip_stack *stack, osip_message_t *m, const struct sip_hop *hop,
                 uint32_t cseq, const char *branch)
{
    char text[SIP_HOST_TEXT + SIP_ID_TEXT + 64];
    char *number = osip_malloc(16);
    if (!number)
        return -ENOMEM;
    (void)snprintf(number, 16, "%" PRIu32, cseq);
    osip_free(m->cseq->number);
    m->cseq->number = number;
    osip_list_special_free(&m->vias, (void (*)(void *))osip_via_free);
    osip_list_special_free(&m->authorizations, (void (*)(void *))osip_authorization_free);
    osip_list_special_free(&m->proxy_authorizations,
                           (void (*)(void *))osip_proxy_authorization_free);
    (void)snprintf(text, sizeof text, "SIP/2.0/%s %s;rport;branch=%s",
                   sip_transport_name(hop->protocol), sip_transport_host(stack, hop), branch);
    return osip_message_set_via(m, text) == 0 ? 0 : -ENOMEM;
}

/* With the lines that answer, behind the first one; into stack->scratch. */
static size_t join(struct sip_stack *stack, struct sip_auth *auth, const osip_message_t *m,
                   const char *message, size_t length)
{
    struct sip_text t;
    char *uri = NULL;
    const char *line_end = memmem(message, length, "\r\n", 2);
    size_t first = line_end ? (size_t)(line_end - message) + 2 : 0;
    if (!first || osip_uri_to_str(m->req_uri, &uri) != 0)
        return 0;
    sip_text_open(&t, stack->scratch, sizeof stack->scratch);
    sip_text_add_octets(&t, message, first);
    sip_auth_write(auth, m->sip_method, uri, &t);
    sip_text_add_octets(&t, message + first, length - first);
    osip_free(uri);
    return t.overflow ? 0 : t.length;
}

static size_t write_again(struct sip_stack *stack, struct sip_dialog *d, const osip_message_t *old,
                          const struct sip_hop *hop, char branch[SIP_ID_TEXT + 8])
{
    char id[SIP_ID_TEXT], *text = NULL;
    osip_message_t *m = NULL;
    size_t length = 0, written = 0;
    sip_stack_make_id(id);
    (void)snprintf(branch, SIP_ID_TEXT + 8, "z9hG4bK%s", id);
    if (osip_message_clone(old, &m) == 0 && renew(stack, m, hop, d->local_cseq + 1, branch) == 0) {
        osip_message_force_update(m);
        if (osip_message_to_str(m, &text, &length) == 0)
            written = join(stack, d->auth, m, text, length);
    }
    osip_free(text);
    osip_message_free(m);
    return written;
}

struct sip_transaction *sip_auth_retry(struct sip_transaction *tx, struct sip_dialog *d,
                                       const osip_message_t *response)
{
    char branch[SIP_ID_TEXT + 8];
    struct sip_stack *stack = tx->stack;
    struct sip_hop hop = tx->peer;
    const osip_message_t *old = sip_transaction_message(tx);
    if (!old || tx->auth_retries >= RETRIES_MAX || !take_challenges(tx, d->auth, response))
        return NULL;
    size_t length = write_again(stack, d, old, &hop, branch);
    if (length > REQUEST_MAX && d->long_by_tcp && hop.protocol == SIP_UDP) {
        hop = (struct sip_hop){.address = hop.address, .protocol = SIP_TCP};
        length = write_again(stack, d, old, &hop, branch);
    }
    struct sip_transaction *again =
        length ? sip_transaction_request(stack, stack->scratch, length, branch, &hop) : NULL;
    if (!again)
        return NULL;
    d->local_cseq++;
    memcpy(again->auth_answers, tx->auth_answers, sizeof again->auth_answers);
    again->auth_retries = (uint8_t)(tx->auth_retries + 1);
    return again;
}
