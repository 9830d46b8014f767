#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/api/api_handlers.h"
#include "gateway/api/api_in_use.h"
#include "gateway/api/api_request.h"
#include "gateway/control/device_register.h"
#include "gateway/sip/digest_secret.h"
#include "gateway/socket_address.h"
#include "policy/number.h"
#include "policy/secret.h"
#include "policy/text_code.h"

enum { DEVICE_NAME_MAX = 50, USER_MAX = 60, PASSWORD_MIN = 8, PASSWORD_MAX = 128 };

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

static json_t *device_json(const struct control *c, const char *name, const char *extension,
                           const char *user, bool disabled, bool nat)
{
    struct sip_binding binding;
    json_t *bindings = json_array();
    for (size_t n = 0; c->sip && sip_binding_of(c->sip, name, n, &binding); n++)
        json_array_append_new(bindings, binding_json(&binding));
    return json_pack("{s:s,s:s,s:s,s:b,s:b,s:b,s:o}", "name", name, "extension", extension, "user",
                     user, "disabled", disabled, "nat", nat, "registered",
                     device_is_reachable(c, name), "bindings", bindings);
}

static json_t *info_json(const struct control *c, const struct device_info *info)
{
    return device_json(c, info->name, info->extension, info->user, info->disabled, info->nat);
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
    bool exists;   /* it only gets another credential */
    bool disabled; /* and stays so */
    bool nat;
    char name[POLICY_NAME_TEXT], extension[NUMBER_TEXT], user[64];
    char principal[POLICY_NAME_TEXT + 8];
};

static void on_sealed(void *user, int status, const struct msg_secret_result *result)
{
    struct api_request *r = user;
    const struct new_device *d = r->state;
    char sealed[2 * SECRET_RECORD_MAX + 1];
    struct event e;
    if (status == 0 && result->length > SECRET_RECORD_MAX)
        status = -EBADMSG;
    if (status < 0) {
        api_answer_error(r, status, "the keeper could not seal the secret");
        return;
    }
    hex_encode(result->octets, result->length, sealed);
    event_begin(&e, d->exists ? "device.changed" : "device.created", r->principal, NULL);
    event_text(&e, "device", d->name);
    event_personal(&e, "extension", d->extension);
    event_text(&e, "user", d->user);
    event_text(&e, "realm", r->control->config->devices.realm);
    event_text(&e, "secret", sealed);
    if (!d->exists)
        event_integer(&e, "nat", d->nat);
    api_change(r, &e, d->exists ? 200 : 201,
               device_json(r->control, d->name, d->extension, d->user, d->disabled, d->nat));
}

static void seal(struct api_request *r, const char *password)
{
    const struct new_device *d = r->state;
    struct digest_secret secret;
    uint8_t octets[DIGEST_SECRET_OCTETS];
    const struct secret_owner owner = {
        .principal = d->principal, .realm = r->control->config->devices.realm, .user = d->user};
    int rc = digest_secret_make(d->user, owner.realm, password, &secret);
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

static bool user_is_taken(const struct policy_cache *policy, const char *user, const char *but)
{
    const struct device_info *info;
    for (size_t i = 0; (info = policy_cache_device_at(policy, i)) != NULL; i++)
        if (strcmp(info->user, user) == 0 && strcmp(info->name, but) != 0)
            return true;
    return false;
}

static const char *wrong_device(const struct api_request *r, const struct new_device *d,
                                const char *password)
{
    const struct policy_cache *policy = r->control->policy;
    size_t length = strlen(password);
    if (!is_device_name(d->name))
        return "'name' must have 1 to 50 of a-z, 0-9, '_', '.' and '-', beginning with a letter or "
               "digit";
    if (!policy_find_number(policy_cache_set(policy), d->extension))
        return "'extension' must be one of our numbers (sealfax number add)";
    const struct device_info *other = policy_cache_device_of(policy, d->extension);
    if (other && strcmp(other->name, d->name) != 0)
        return "the extension belongs to another device";
    if (!d->user[0])
        return "'user' must have 1 to 60 characters";
    if (user_is_taken(policy, d->user, d->name))
        return "the user name belongs to another device";
    if (length < PASSWORD_MIN || length > PASSWORD_MAX)
        return "'password' must have 8 to 128 octets";
    return NULL;
}

/* Goes on with a device whose name and extension are filled in. */
static void take_credential(struct api_request *r, json_t *in, const char *default_user)
{
    struct new_device *d = r->state;
    const char *user = api_text(r, in, "user", default_user, USER_MAX);
    const char *password = user ? api_text(r, in, "password", NULL, 1000) : NULL;
    if (!password)
        return;
    snprintf(d->user, sizeof d->user, "%s", user);
    snprintf(d->principal, sizeof d->principal, DEVICE_PREFIX "%s", d->name);
    const char *wrong = wrong_device(r, d, password);
    if (wrong)
        api_answer_problem(r, 422, "device", "The device is not valid", wrong);
    else
        seal(r, password);
}

/* The text of a JSON document is its own copy: it need not stay in memory. */
static void wipe_password(json_t *in)
{
    json_t *value = json_object_get(in, "password");
    if (json_is_string(value))
        secret_wipe((char *)(uintptr_t)json_string_value(value), json_string_length(value));
}

static bool make_state(struct api_request *r)
{
    r->state = calloc(1, sizeof(struct new_device));
    r->state_free = free;
    if (!r->state)
        api_answer_error(r, -ENOMEM, "the device could not be taken");
    return r->state != NULL;
}

static void add_device(struct api_request *r, json_t *in)
{
    struct new_device *d = r->state;
    const char *name = api_text(r, in, "name", NULL, POLICY_NAME_TEXT - 1);
    const char *extension = name ? api_text(r, in, "extension", NULL, 100) : NULL;
    const json_t *nat = json_object_get(in, "nat");
    if (!extension)
        return;
    snprintf(d->name, sizeof d->name, "%s", name);
    d->nat = json_is_true(nat);
    if (nat && !json_is_boolean(nat))
        api_answer_problem(r, 422, "device", "The device is not valid",
                           "'nat' must be true or false");
    else if (number_normalise(extension, d->extension) < 0)
        api_answer_problem(r, 422, "device", "The device is not valid",
                           "'extension' must be an optional '+' and 2 to 20 digits");
    else if (policy_cache_device(r->control->policy, name))
        api_answer_problem(r, 409, "exists", "There is a device of this name", NULL);
    else
        take_credential(r, in, d->name);
}

void api_post_device(struct http_request *http, void *user)
{
    struct api_request *r = api_begin_change(http, user, api_post_device);
    if (!r || !api_allow(r, POLICY_ADMIN_TRUNKS, NULL))
        return;
    json_t *in = http_request_json(http);
    if (!in) {
        api_end(r);
        return;
    }
    if (make_state(r))
        add_device(r, in);
    wipe_password(in);
    json_decref(in);
}

void api_put_device_credential(struct http_request *http, void *user)
{
    struct api_request *r = api_begin_change(http, user, api_put_device_credential);
    if (!r || !api_allow(r, POLICY_ADMIN_TRUNKS, NULL))
        return;
    const struct device_info *info = find_device(r);
    json_t *in = info ? http_request_json(http) : NULL;
    if (!in) {
        if (info)
            api_end(r);
        return;
    }
    if (make_state(r)) {
        struct new_device *d = r->state;
        d->exists = true;
        d->disabled = info->disabled;
        d->nat = info->nat;
        snprintf(d->name, sizeof d->name, "%s", info->name);
        snprintf(d->extension, sizeof d->extension, "%s", info->extension);
        take_credential(r, in, info->user);
    }
    wipe_password(in);
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
    if (!info || (strcmp(type, "device.removed") == 0 && !api_device_is_free(r, info->name)))
        return;
    event_begin(&e, type, r->principal, NULL);
    event_text(&e, "device", info->name);
    api_change(r, &e, 204, NULL);
}

void api_delete_device(struct http_request *http, void *user)
{
    change(http, user, api_delete_device, "device.removed");
}

void api_disable_device(struct http_request *http, void *user)
{
    change(http, user, api_disable_device, "device.disabled");
}

void api_enable_device(struct http_request *http, void *user)
{
    change(http, user, api_enable_device, "device.enabled");
}
