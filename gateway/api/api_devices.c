#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/api/api_body.h"
#include "gateway/api/api_handlers.h"
#include "gateway/api/api_in_use.h"
#include "gateway/api/api_request.h"
#include "gateway/api/api_revoke.h"
#include "gateway/control/device_register.h"
#include "gateway/sip/digest_secret.h"
#include "gateway/socket_address.h"
#include "policy/number.h"
#include "policy/secret.h"
#include "policy/text_code.h"

enum {
    DEVICE_NAME_MAX = 50,
    USER_MAX = 60,
    PASSWORD_MIN = 8,
    PASSWORD_MAX = 128,
    TLS_NAME_MAX = 255
};

/* --- showing --- */

static json_t *binding_json(const struct sip_binding *b)
{
    static const char *const transports[] = {"udp", "tcp", "tls"};
    char host[SOCKET_ADDRESS_HOST];
    const struct sockaddr *source = (const struct sockaddr *)&b->source;
    socket_address_host(source, host);
    return json_pack("{s:s,s:s,s:i,s:s,s:i,s:b}", "contact", b->contact, "host", host, "port",
                     (int)socket_address_port(source), "transport", transports[b->protocol],
                     "expires_s", (int)b->expires_s, "reachable", b->reachable);
}

static json_t *info_json(const struct control *c, const struct device_info *info)
{
    struct sip_binding binding;
    json_t *bindings = json_array();
    for (size_t n = 0; c->sip && sip_binding_of(c->sip, info->name, n, &binding); n++)
        json_array_append_new(bindings, binding_json(&binding));
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:b,s:b,s:o}", "name", info->name, "extension",
                     info->extension, "user", info->user, "calls", info->calls,
                     "tls_certificate_name", info->tls_name, "disabled", info->disabled, "nat",
                     info->nat, "registered", device_is_reachable(c, info->name), "bindings",
                     bindings);
}

void api_get_devices(struct http_request *http, void *user)
{
    const struct device_info *info;
    struct api_request *r = api_begin(http, user);
    if (!r || !api_allow(r, POLICY_ADMIN_TRUNKS, NULL))
        return;
    json_t *list = json_array();
    for (size_t i = 0; (info = policy_cache_device_at(r->control->policy, i)) != NULL; i++)
        json_array_append_new(list, info_json(r->control, info));
    api_answer_json(r, 200, json_pack("{s:o}", "devices", list));
}

/* The device that the path names; NULL after having answered 404. */
static const struct device_info *find_device(struct api_request *r)
{
    const struct device_info *info =
        policy_cache_device(r->control->policy, http_request_param(r->http, "name"));
    if (!info)
        api_answer_problem(r, 404, "unknown", "There is no such device", NULL);
    return info;
}

void api_get_device(struct http_request *http, void *user)
{
    struct api_request *r = api_begin(http, user);
    if (!r || !api_allow(r, POLICY_ADMIN_TRUNKS, NULL))
        return;
    const struct device_info *info = find_device(r);
    if (info)
        api_answer_json(r, 200, info_json(r->control, info));
}

/* --- adding, and another credential --- */

/* What is known of a device while the keeper seals its secret. */
struct new_device {
    bool exists;             /* it only gets another credential */
    struct device_info info; /* as it will be */
    char principal[POLICY_NAME_TEXT + 8];
    char sealed[2 * SECRET_RECORD_MAX + 1]; /* its secret; "" none */
};

static void record(struct api_request *r)
{
    struct event e;
    const struct new_device *d = r->state;
    event_begin(&e, d->exists ? "device.changed" : "device.created", r->principal, NULL);
    event_text(&e, "device", d->info.name);
    event_personal(&e, "extension", d->info.extension);
    event_text(&e, "user", d->info.user);
    event_text(&e, "realm", r->control->config->devices.realm);
    event_text(&e, "secret", d->sealed);
    if (!d->exists) {
        event_text(&e, "calls", d->info.calls);
        event_text(&e, "tls_name", d->info.tls_name);
        event_integer(&e, "nat", d->info.nat);
    }
    api_change(r, &e, d->exists ? 200 : 201, info_json(r->control, &d->info));
}

/* One of the same name may have been there before: what it was granted is not for this one. */
static void begin_record(struct api_request *r)
{
    const struct new_device *d = r->state;
    if (d->exists)
        record(r);
    else
        api_revoke_grants(r, d->principal, record);
}

static void on_sealed(void *user, int status, const struct msg_secret_result *result)
{
    struct api_request *r = user;
    struct new_device *d = r->state;
    if (status == 0 && result->length > SECRET_RECORD_MAX)
        status = -EBADMSG;
    if (status < 0) {
        api_answer_error(r, status, "the keeper could not seal the secret");
        return;
    }
    hex_encode(result->octets, result->length, d->sealed);
    begin_record(r);
}

static void seal(struct api_request *r, const char *password)
{
    const struct new_device *d = r->state;
    struct digest_secret secret;
    uint8_t octets[DIGEST_SECRET_OCTETS];
    const struct secret_owner owner = {.principal = d->principal,
                                       .realm = r->control->config->devices.realm,
                                       .user = d->info.user};
    int rc = digest_secret_make(d->info.user, owner.realm, password, &secret);
    if (rc == 0)
        rc = digest_secret_pack(&secret, octets);
    if (rc == 0)
        rc = keeper_seal_secret(r->control->keeper, &owner, octets, sizeof octets, on_sealed, r);
    secret_wipe(&secret, sizeof secret);
    secret_wipe(octets, sizeof octets);
    if (rc == -EINVAL)
        api_answer_problem(r, 422, "device", "The device is not valid",
                           "'user' must not hold quotes, colons or control characters");
    else if (rc < 0)
        api_answer_error(r, rc, "the secret could not be sealed");
}

static bool is_device_name(const char *name)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    static const char all[] = "abcdefghijklmnopqrstuvwxyz0123456789_.-";
    size_t length = strlen(name);
    return length > 0 && length <= DEVICE_NAME_MAX && strchr(first, name[0]) &&
           strspn(name, all) == length;
}

/* Whether another device has this user name. */
static bool user_is_taken(const struct policy_cache *policy, const struct device_info *device)
{
    const struct device_info *info;
    for (size_t i = 0; (info = policy_cache_device_at(policy, i)) != NULL; i++)
        if (strcmp(info->user, device->user) == 0 && strcmp(info->name, device->name) != 0)
            return true;
    return false;
}

static bool certificate_is_taken(const struct policy_cache *policy,
                                 const struct device_info *device)
{
    const struct device_info *info;
    for (size_t i = 0; (info = policy_cache_device_at(policy, i)) != NULL; i++)
        if (strcasecmp(info->tls_name, device->tls_name) == 0 &&
            strcmp(info->name, device->name) != 0)
            return true;
    return false;
}

/* Returns what is wrong with what becomes of its calls and its certificate, or NULL. */
static const char *wrong_terms(const struct api_request *r, const struct device_info *d)
{
    const struct policy_cache *policy = r->control->policy;
    const char *trunk = device_calls_trunk(d);
    if (!device_calls_valid(d->calls) || (trunk && !policy_cache_trunk(policy, trunk)))
        return "'calls' must be 'store', 'bridge', or 'bridge:' and the name of a trunk";
    if (!d->tls_name[0])
        return NULL;
    if (!r->control->config->sip.tls_device_ca[0])
        return "'tls_certificate_name' needs sip.tls_device_ca: who signs certificates of devices";
    for (const char *at = d->tls_name; *at; at++)
        if (*at <= ' ' || *at >= 127)
            return "'tls_certificate_name' must be a name (SAN) of a certificate, in ASCII";
    return certificate_is_taken(policy, d) ? "the certificate is for another device" : NULL;
}

static const char *wrong_device(const struct api_request *r, const struct new_device *d,
                                const char *password)
{
    const struct policy_cache *policy = r->control->policy;
    size_t length = strlen(password);
    if (!is_device_name(d->info.name))
        return "'name' must have 1 to 50 of a-z, 0-9, '_', '.' and '-', beginning with a letter or "
               "digit";
    if (!policy_find_number(policy_cache_set(policy), d->info.extension))
        return "'extension' must be one of our numbers (sealfax number add)";
    const struct device_info *other = policy_cache_device_of(policy, d->info.extension);
    if (other && strcmp(other->name, d->info.name) != 0)
        return "the extension belongs to another device";
    if (!d->info.user[0])
        return "'user' must have 1 to 60 characters";
    if (user_is_taken(policy, &d->info))
        return "the user name belongs to another device";
    if ((length > 0 || d->exists || !d->info.tls_name[0]) &&
        (length < PASSWORD_MIN || length > PASSWORD_MAX))
        return "'password' must have 8 to 128 octets; a device with a 'tls_certificate_name' may "
               "have none";
    return wrong_terms(r, &d->info);
}

/* Goes on with a device of which all is filled in but its credential. */
static void take_credential(struct api_request *r, json_t *in)
{
    struct new_device *d = r->state;
    const char *user = api_text(r, in, "user", d->exists ? d->info.user : d->info.name, USER_MAX);
    const char *password = user ? api_text(r, in, "password", "", 1000) : NULL;
    if (!password)
        return;
    if (user != d->info.user)
        snprintf(d->info.user, sizeof d->info.user, "%s", user);
    snprintf(d->principal, sizeof d->principal, DEVICE_PREFIX "%.50s", d->info.name);
    const char *wrong = wrong_device(r, d, password);
    if (wrong)
        api_answer_problem(r, 422, "device", "The device is not valid", wrong);
    else if (password[0])
        seal(r, password);
    else
        begin_record(r);
}

static bool make_state(struct api_request *r)
{
    r->state = calloc(1, sizeof(struct new_device));
    r->state_free = free;
    if (!r->state)
        api_answer_error(r, -ENOMEM, "the device could not be taken");
    return r->state != NULL;
}

/* What a body says of its calls, its certificate and its place; what it does not say stays. */
static bool read_terms(struct api_request *r, json_t *in, struct device_info *d)
{
    const char *calls = api_text(r, in, "calls", d->calls, sizeof d->calls - 1);
    const char *tls_name =
        calls ? api_text(r, in, "tls_certificate_name", d->tls_name, TLS_NAME_MAX) : NULL;
    if (!tls_name)
        return false;
    if (calls != d->calls)
        snprintf(d->calls, sizeof d->calls, "%s", calls);
    if (tls_name != d->tls_name)
        snprintf(d->tls_name, sizeof d->tls_name, "%s", tls_name);
    const json_t *nat = json_object_get(in, "nat");
    if (nat && !json_is_boolean(nat)) {
        api_answer_problem(r, 422, "device", "The device is not valid",
                           "'nat' must be true or false");
        return false;
    }
    d->nat = nat ? json_is_true(nat) : d->nat;
    return true;
}

static void add_device(struct api_request *r, json_t *in)
{
    struct new_device *d = r->state;
    const char *name = api_text(r, in, "name", NULL, POLICY_NAME_TEXT - 1);
    const char *extension = name ? api_text(r, in, "extension", NULL, 100) : NULL;
    snprintf(d->info.calls, sizeof d->info.calls, "store");
    if (!extension || !read_terms(r, in, &d->info))
        return;
    snprintf(d->info.name, sizeof d->info.name, "%s", name);
    if (number_normalise(extension, d->info.extension) < 0)
        api_answer_problem(r, 422, "device", "The device is not valid",
                           "'extension' must be an optional '+' and 2 to 20 digits");
    else if (policy_cache_device(r->control->policy, name))
        api_answer_problem(r, 409, "exists", "There is a device of this name", NULL);
    else
        take_credential(r, in);
}

void api_post_device(struct http_request *http, void *user)
{
    struct api_request *r = api_begin_change(http, user, api_post_device);
    if (!r || !api_allow(r, POLICY_ADMIN_TRUNKS, NULL))
        return;
    json_t *in = api_body(r, "DeviceNew");
    if (!in)
        return;
    if (make_state(r))
        add_device(r, in);
    api_body_wipe(in);
    json_decref(in);
}

void api_put_device_credential(struct http_request *http, void *user)
{
    struct api_request *r = api_begin_change(http, user, api_put_device_credential);
    if (!r || !api_allow(r, POLICY_ADMIN_TRUNKS, NULL))
        return;
    const struct device_info *info = find_device(r);
    json_t *in = info ? api_body(r, "DeviceCredential") : NULL;
    if (!in)
        return;
    if (make_state(r)) {
        struct new_device *d = r->state;
        d->exists = true;
        d->info = *info;
        take_credential(r, in);
    }
    api_body_wipe(in);
    json_decref(in);
}

/* --- its calls and its certificate --- */

static void change_terms(struct api_request *r, json_t *in, const struct device_info *now)
{
    struct event e;
    struct device_info d = *now;
    if (!read_terms(r, in, &d))
        return;
    const char *wrong = wrong_terms(r, &d);
    if (wrong) {
        api_answer_problem(r, 422, "device", "The device is not valid", wrong);
        return;
    }
    event_begin(&e, "device.terms_set", r->principal, NULL);
    event_text(&e, "device", d.name);
    event_text(&e, "calls", d.calls);
    event_text(&e, "tls_name", d.tls_name);
    event_integer(&e, "nat", d.nat);
    event_integer(&e, "certificate", strcmp(d.tls_name, now->tls_name) != 0); /* is another one */
    api_change(r, &e, 200, info_json(r->control, &d));
}

void api_patch_device(struct http_request *http, void *user)
{
    struct api_request *r = api_begin_change(http, user, api_patch_device);
    if (!r || !api_allow(r, POLICY_ADMIN_TRUNKS, NULL))
        return;
    const struct device_info *info = find_device(r);
    json_t *in = info ? api_body(r, "DeviceChange") : NULL;
    if (in)
        change_terms(r, in, info);
    json_decref(in);
}

/* --- without them --- */

static void change(struct http_request *http, void *user, http_handler_cb *handler,
                   const char *type)
{
    struct event e;
    struct api_request *r = api_begin_change(http, user, handler);
    if (!r || !api_allow(r, POLICY_ADMIN_TRUNKS, NULL))
        return;
    const struct device_info *info = find_device(r);
    if (!info)
        return;
    event_begin(&e, type, r->principal, NULL);
    event_text(&e, "device", info->name);
    api_change(r, &e, 204, NULL);
}

static void record_removal(struct api_request *r)
{
    struct event e;
    event_begin(&e, "device.removed", r->principal, NULL);
    event_text(&e, "device", http_request_param(r->http, "name"));
    api_change(r, &e, 204, NULL);
}

void api_delete_device(struct http_request *http, void *user)
{
    char principal[POLICY_NAME_TEXT + 8];
    struct api_request *r = api_begin_change(http, user, api_delete_device);
    if (!r || !api_allow(r, POLICY_ADMIN_TRUNKS, NULL))
        return;
    const struct device_info *info = find_device(r);
    if (!info || !api_device_is_free(r, info->name))
        return;
    snprintf(principal, sizeof principal, DEVICE_PREFIX "%.50s", info->name);
    api_revoke_grants(r, principal, record_removal);
}

void api_disable_device(struct http_request *http, void *user)
{
    change(http, user, api_disable_device, "device.disabled");
}

void api_enable_device(struct http_request *http, void *user)
{
    change(http, user, api_enable_device, "device.enabled");
}
