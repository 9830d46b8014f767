#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/api/api_body.h"
#include "gateway/api/api_handlers.h"
#include "gateway/api/api_request.h"
#include "gateway/control/password_check.h"
#include "gateway/http/http_utf8.h"
#include "policy/secret.h"
#include "policy/text_code.h"

enum { PASSWORD_MIN = 8, PASSWORD_MAX = 128 };

void api_get_credentials(struct http_request *http, void *user)
{
    struct api_request *r = api_begin(http, user);
    if (!r || !api_allow(r, POLICY_ADMIN_USERS, NULL))
        return;
    const struct credential_table *table = policy_cache_logins(r->control->policy);
    json_t *list = json_array();
    for (size_t i = 0; table && i < table->count; i++)
        json_array_append_new(list, json_pack("{s:s,s:s}", "principal", table->all[i].principal,
                                              "user", table->all[i].user));
    api_answer_json(r, 200, json_pack("{s:o}", "credentials", list));
}

/* What is known of a credential while its password is hashed and the hash sealed. */
struct new_credential {
    bool exists;
    char principal[POLICY_NAME_TEXT], user[CREDENTIAL_USER_TEXT];
};

static void on_sealed(void *user, int status, const struct msg_secret_result *result)
{
    struct api_request *r = user;
    const struct new_credential *c = r->state;
    char sealed[2 * SECRET_RECORD_MAX + 1];
    struct event e;
    if (status == 0 && result->length > SECRET_RECORD_MAX)
        status = -EBADMSG;
    if (status < 0) {
        api_answer_error(r, status, "the keeper could not seal the password");
        return;
    }
    hex_encode(result->octets, result->length, sealed);
    event_begin(&e, "credential.set", r->principal, NULL);
    event_text(&e, "principal", c->principal);
    event_personal(&e, "user", c->user);
    event_text(&e, "sealed", sealed);
    api_change(r, &e, c->exists ? 200 : 201,
               json_pack("{s:s,s:s}", "principal", c->principal, "user", c->user));
}

static void on_hashed(void *user, int status, const char *encoded)
{
    struct api_request *r = user;
    const struct new_credential *c = r->state;
    const struct secret_owner owner = {
        .principal = c->principal, .realm = CREDENTIAL_REALM, .user = c->user};
    if (status == 0)
        status = keeper_seal_secret(r->control->keeper, &owner, (const uint8_t *)encoded,
                                    strlen(encoded), on_sealed, r);
    if (status < 0)
        api_answer_error(r, status, "the password could not be kept");
}

static bool is_user(const char *user)
{
    size_t length = strlen(user);
    return length > 0 && length < CREDENTIAL_USER_TEXT && !strchr(user, ' ') &&
           http_utf8_is_clean(user, length);
}

static const char *wrong_credential(const struct api_request *r, const struct new_credential *c,
                                    const char *user, const char *password)
{
    const struct credential_info *other =
        credential_table_find(policy_cache_logins(r->control->policy), user);
    const struct policy_principal *p =
        policy_find_principal_named(policy_cache_set(r->control->policy), c->principal);
    if (p && p->kind != POLICY_PERSON && p->kind != POLICY_SERVICE)
        return "only persons and services sign in with it";
    if (!is_user(user))
        return "the user name must have 1 to 128 octets and no spaces";
    if (other && strcmp(other->principal, c->principal) != 0)
        return "the user name belongs to another principal";
    if (strlen(password) < PASSWORD_MIN || strlen(password) > PASSWORD_MAX)
        return "'password' must have 8 to 128 octets";
    return NULL;
}

/* The principal that the path names; false after having answered. */
static bool find_principal(struct api_request *r, char principal[POLICY_NAME_TEXT])
{
    const char *name = http_request_param(r->http, "name");
    const struct policy_principal *p =
        policy_find_principal_named(policy_cache_set(r->control->policy), name);
    if (!p) {
        api_answer_problem(r, 404, "unknown", "There is no such principal", NULL);
        return false;
    }
    (void)snprintf(principal, POLICY_NAME_TEXT, "%s", p->name);
    return true;
}

static void set(struct api_request *r, json_t *in)
{
    struct new_credential *c = r->state;
    struct password_job *job;
    const char *user = http_request_param(r->http, "user");
    const char *password = api_text(r, in, "password", NULL, 1000);
    if (!password)
        return;
    const char *wrong = wrong_credential(r, c, user, password);
    if (wrong) {
        api_answer_problem(r, 422, "credential", "The credential is not valid", wrong);
        return;
    }
    (void)snprintf(c->user, sizeof c->user, "%s", user);
    c->exists = credential_table_find(policy_cache_logins(r->control->policy), user) != NULL;
    int rc = password_hash(r->control->passwords, password, on_hashed, r, &job);
    if (rc < 0)
        api_answer_error(r, rc, "the password could not be taken");
}

void api_put_credential(struct http_request *http, void *user)
{
    struct api_request *r = api_begin_change(http, user, api_put_credential);
    if (!r || !api_allow(r, POLICY_ADMIN_USERS, NULL))
        return;
    struct new_credential *c = calloc(1, sizeof *c);
    r->state = c;
    r->state_free = free;
    if (!c) {
        api_answer_error(r, -ENOMEM, "the credential could not be taken");
        return;
    }
    if (!find_principal(r, c->principal))
        return;
    json_t *in = api_body(r, "CredentialNew");
    if (!in)
        return;
    set(r, in);
    api_body_wipe(in);
    json_decref(in);
}

void api_delete_credential(struct http_request *http, void *user)
{
    struct event e;
    char principal[POLICY_NAME_TEXT];
    struct api_request *r = api_begin_change(http, user, api_delete_credential);
    if (!r || !api_allow(r, POLICY_ADMIN_USERS, NULL) || !find_principal(r, principal))
        return;
    const char *name = http_request_param(http, "user");
    const struct credential_info *info =
        credential_table_find(policy_cache_logins(r->control->policy), name);
    if (!info || strcmp(info->principal, principal) != 0) {
        api_answer_problem(r, 404, "unknown", "The principal has no such credential", NULL);
        return;
    }
    event_begin(&e, "credential.revoked", r->principal, NULL);
    event_text(&e, "principal", principal);
    event_personal(&e, "user", info->user);
    api_change(r, &e, 204, NULL);
}
