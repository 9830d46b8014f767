/* What we are to a trunk: credentials that answer its challenges, and our registration with it. */
#include "gateway/api/api_trunk_accounts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/api/api_body.h"
#include "gateway/api/api_handlers.h"
#include "gateway/control/trunk_credentials.h"
#include "gateway/control/trunk_registrar.h"
#include "policy/secret.h"
#include "policy/text_code.h"

enum { EXPIRES_MIN_S = 30, EXPIRES_MAX_S = 604800, EXPIRES_S = 3600 };

json_t *api_trunk_registration_json(const struct control *control, const char *trunk)
{
    static const char *const names[] = {"trying", "registered", "failed"};
    struct trunk_registrar_status status;
    const struct trunk_registration *g =
        trunk_accounts_registration(policy_cache_accounts(control->policy), trunk);
    if (!g)
        return json_null();
    if (!trunk_registrar_status(control, trunk, &status))
        status = (struct trunk_registrar_status){.reason = ""};
    return json_pack("{s:s,s:s,s:I,s:s,s:s,s:i,s:o,s:I}", "user", g->user, "domain", g->domain,
                     "expires", (json_int_t)g->expires_s, "state", names[status.state], "reason",
                     status.reason, "sip_code", status.code, "since", api_time(status.changed_ms),
                     "granted", (json_int_t)status.expires_s);
}

json_t *api_trunk_credentials_json(const struct control *control, const char *trunk)
{
    size_t count = 0;
    const struct trunk_credential *first =
        trunk_accounts_credentials(policy_cache_accounts(control->policy), trunk, &count);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(
            list, json_pack("{s:s,s:s}", "realm", first[i].realm, "user", first[i].user));
    return list;
}

/* A change to a trunk that is there. Returns NULL when it was answered. */
static struct api_request *begin(struct http_request *http, void *user, http_handler_cb *handler)
{
    struct api_request *r = api_begin_change(http, user, handler);
    if (!r || !api_allow(r, POLICY_ADMIN_TRUNKS, NULL))
        return NULL;
    if (policy_cache_trunk(r->control->policy, http_request_param(http, "name")))
        return r;
    api_answer_problem(r, 404, "unknown", "There is no such trunk", NULL);
    return NULL;
}

/* --- credentials --- */

struct setting {
    struct api_request *request;
    char trunk[POLICY_NAME_TEXT], principal[TRUNK_PRINCIPAL_TEXT];
    char realm[DIGEST_NAME_MAX], user[DIGEST_NAME_MAX];
};

static void on_sealed(void *user, int status, const struct msg_secret_result *result)
{
    struct setting *s = user;
    struct api_request *r = s->request;
    struct event e;
    char sealed[2 * MSG_SECRET_MAX + 1];
    if (status < 0) {
        api_answer_error(r, status, "the secret could not be sealed");
    } else {
        hex_encode(result->octets, result->length, sealed);
        event_begin(&e, "trunk.credential_set", r->principal, NULL);
        event_text(&e, "trunk", s->trunk);
        event_text(&e, "realm", s->realm);
        event_personal(&e, "user", s->user);
        event_text(&e, "sealed", sealed);
        event_text(&e, "kek", result->kek_id);
        api_change(r, &e, 200, json_pack("{s:s,s:s}", "realm", s->realm, "user", s->user));
    }
    free(s);
}

static bool read_hash(json_t *in, const char *key, size_t digits, char out[DIGEST_HEX])
{
    const char *text = json_string_value(json_object_get(in, key));
    out[0] = '\0';
    if (!text && !json_object_get(in, key))
        return true;
    if (!text || strlen(text) != digits || strspn(text, "0123456789abcdef") != digits)
        return false;
    memcpy(out, text, digits + 1);
    return true;
}

/* Returns what is wrong, or NULL. */
static const char *read_secret(json_t *in, const char *user, const char *realm,
                               uint8_t octets[DIGEST_SECRET_OCTETS])
{
    struct digest_secret secret;
    const char *wrong = NULL;
    if (!user[0] || strlen(user) >= DIGEST_NAME_MAX || strpbrk(user, ":\"\\"))
        wrong = "'user' must have 1 to 127 octets, no colon, quote or backslash";
    else if (!realm[0] || strlen(realm) >= DIGEST_NAME_MAX || strpbrk(realm, "\"\\"))
        wrong = "'realm' must have 1 to 127 octets, no quote or backslash";
    else if (!read_hash(in, "ha1_md5", 32, secret.md5) ||
             !read_hash(in, "ha1_sha256", 64, secret.sha256) ||
             digest_secret_pack(&secret, octets) < 0)
        wrong = "'ha1_md5' or 'ha1_sha256' are needed: HA1 of RFC 7616 in 32 or 64 hexadecimal "
                "digits, in lower case";
    secret_wipe(&secret, sizeof secret);
    return wrong;
}

static void seal(struct api_request *r, const char *user, const char *realm,
                 const uint8_t octets[DIGEST_SECRET_OCTETS])
{
    struct setting *s = calloc(1, sizeof *s);
    int rc = s ? 0 : -ENOMEM;
    if (s) {
        s->request = r;
        snprintf(s->trunk, sizeof s->trunk, "%s", http_request_param(r->http, "name"));
        snprintf(s->realm, sizeof s->realm, "%s", realm);
        snprintf(s->user, sizeof s->user, "%s", user);
        trunk_credentials_principal(s->trunk, s->principal);
        const struct secret_owner owner = {s->principal, s->realm, s->user};
        rc = keeper_seal_secret(r->control->keeper, &owner, octets, DIGEST_SECRET_OCTETS, on_sealed,
                                s);
    }
    if (rc < 0) {
        free(s);
        api_answer_error(r, rc, "the secret could not be sealed");
    }
}

static bool has_room(const struct control *control, const char *trunk, const char *realm)
{
    size_t count = 0;
    const struct trunk_credential *first =
        trunk_accounts_credentials(policy_cache_accounts(control->policy), trunk, &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(first[i].realm, realm) == 0)
            return true;
    return count < SIP_CREDENTIALS_MAX;
}

static void set_credential(struct api_request *r, json_t *in)
{
    uint8_t octets[DIGEST_SECRET_OCTETS];
    const char *user = api_text(r, in, "user", NULL, 200);
    const char *realm = user ? api_text(r, in, "realm", NULL, 200) : NULL;
    if (!realm)
        return;
    const char *wrong = read_secret(in, user, realm, octets);
    if (wrong)
        api_answer_problem(r, 422, "credential", "The credential is not valid", wrong);
    else if (!has_room(r->control, http_request_param(r->http, "name"), realm))
        api_answer_problem(r, 422, "credential", "The trunk has credentials for 4 realms", NULL);
    else
        seal(r, user, realm, octets);
    secret_wipe(octets, sizeof octets);
}

/* A request with a body: what to do with it is `set`'s. */
static void put(struct api_request *r, const char *schema,
                void (*set)(struct api_request *r, json_t *in))
{
    json_t *in = r ? api_body(r, schema) : NULL;
    if (in)
        set(r, in);
    json_decref(in);
}

void api_put_trunk_credential(struct http_request *http, void *user)
{
    put(begin(http, user, api_put_trunk_credential), "TrunkCredentialNew", set_credential);
}

void api_delete_trunk_credential(struct http_request *http, void *user)
{
    struct event e;
    struct api_request *r = begin(http, user, api_delete_trunk_credential);
    if (!r)
        return;
    size_t count = 0, same = 0;
    const char *trunk = http_request_param(http, "name"),
               *realm = http_request_query(http, "realm");
    const struct trunk_credential *first =
        trunk_accounts_credentials(policy_cache_accounts(r->control->policy), trunk, &count);
    for (size_t i = 0; i < count; i++)
        same += !realm || strcmp(first[i].realm, realm) == 0;
    if (same == 0) {
        api_answer_problem(r, 404, "unknown", "The trunk has no such credential", NULL);
        return;
    }
    event_begin(&e, "trunk.credential_removed", r->principal, NULL);
    event_text(&e, "trunk", trunk);
    if (realm)
        event_text(&e, "realm", realm);
    api_change(r, &e, 204, NULL);
}

/* --- registration --- */

static bool is_word(const char *text, size_t max, const char *more)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    for (const char *at = text; *at; at++)
        if (!strchr(letters, *at) && !strchr(more, *at))
            return false;
    return strlen(text) <= max;
}

static void set_registration(struct api_request *r, json_t *in)
{
    struct event e;
    const char *user = api_text(r, in, "user", NULL, 100);
    const char *domain = user ? api_text(r, in, "domain", "", 200) : NULL;
    if (!domain)
        return;
    const json_t *member = json_object_get(in, "expires");
    json_int_t expires = member ? json_integer_value(member) : EXPIRES_S;
    const char *wrong = NULL;
    if (!user[0] || !is_word(user, 100, "!~*'()&=+$"))
        wrong = "'user' must have 1 to 100 characters that stand in a SIP URI as they are";
    else if (!is_word(domain, 200, ":[]"))
        wrong = "'domain' must be a name or an address, with ':' and a port if need be";
    else if (expires < EXPIRES_MIN_S || expires > EXPIRES_MAX_S)
        wrong = "'expires' must be 30 to 604800 seconds";
    if (wrong) {
        api_answer_problem(r, 422, "registration", "The registration is not valid", wrong);
        return;
    }
    event_begin(&e, "trunk.registration_set", r->principal, NULL);
    event_text(&e, "trunk", http_request_param(r->http, "name"));
    event_personal(&e, "user", user);
    event_text(&e, "domain", domain);
    event_integer(&e, "expires", expires);
    api_change(r, &e, 200,
               json_pack("{s:s,s:s,s:I}", "user", user, "domain", domain, "expires", expires));
}

void api_put_trunk_registration(struct http_request *http, void *user)
{
    put(begin(http, user, api_put_trunk_registration), "TrunkRegistrationNew", set_registration);
}

void api_delete_trunk_registration(struct http_request *http, void *user)
{
    struct event e;
    struct api_request *r = begin(http, user, api_delete_trunk_registration);
    if (!r)
        return;
    const char *trunk = http_request_param(http, "name");
    if (!trunk_accounts_registration(policy_cache_accounts(r->control->policy), trunk)) {
        api_answer_problem(r, 404, "unknown", "The trunk is not registered with", NULL);
        return;
    }
    event_begin(&e, "trunk.registration_removed", r->principal, NULL);
    event_text(&e, "trunk", trunk);
    api_change(r, &e, 204, NULL);
}
