#include "gateway/control/device_register.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/control.h"
#include "gateway/control/device_bindings.h"
#include "gateway/process/log.h"
#include "gateway/sip/digest_secret.h"
#include "policy/secret.h"
#include "policy/text_code.h"

enum { ASKED_AT_ONCE = 16, REALM_TEXT = 128 };

struct device {
    char name[POLICY_NAME_TEXT], user[64], extension[32], realm[REALM_TEXT];
    char tls_name[256]; /* of its certificate; "": it shows none */
    char *sealed;       /* hex; what the secret was opened from */
    struct digest_secret secret;
    bool open, asked, nat;
};

struct device_register {
    struct control *control;
    struct device *all; /* by name */
    struct device **by_user;
    size_t count;
    unsigned under_way;
    bool serving;
};

const char *device_name_of(const char *target)
{
    static const char prefix[] = DEVICE_PREFIX;
    return strncmp(target, prefix, sizeof prefix - 1) == 0 ? target + sizeof prefix - 1 : NULL;
}

static void wipe(struct device *all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(all[i].sealed);
    if (all)
        secret_wipe(all, count * sizeof *all);
    free(all);
}

static void on_policy(void *user, int status)
{
    (void)status;
    device_register_refresh(user);
}

int device_register_new(struct control *control, struct device_register **out)
{
    struct device_register *r = calloc(1, sizeof *r);
    if (!r)
        return -ENOMEM;
    r->control = control;
    policy_cache_watch(control->policy, on_policy, r);
    *out = r;
    return 0;
}

void device_register_free(struct device_register *r)
{
    if (!r)
        return;
    wipe(r->all, r->count);
    free(r->by_user);
    free(r);
}

static int compare_name(const void *name, const void *device)
{
    return strcmp(name, ((const struct device *)device)->name);
}

static struct device *find(const struct device_register *r, const char *name)
{
    if (r->count == 0)
        return NULL;
    return bsearch(name, r->all, r->count, sizeof *r->all, compare_name);
}

static int compare_users(const void *a, const void *b)
{
    const struct device *const *left = a, *const *right = b;
    return strcmp((*left)->user, (*right)->user);
}

static int compare_user(const void *user, const void *device)
{
    const struct device *const *d = device;
    return strcmp(user, (*d)->user);
}

static struct device *find_user(const struct device_register *r, const char *user)
{
    if (r->count == 0 || !user[0])
        return NULL;
    struct device **found =
        bsearch(user, r->by_user, r->count, sizeof(struct device *), compare_user);
    return found ? *found : NULL;
}

/* --- secrets --- */

struct question {
    struct device_register *devices;
    char name[POLICY_NAME_TEXT];
    char sealed[2 * SECRET_RECORD_MAX + 1];
};

static void ask(struct device_register *r);

static void take_secret(struct device *d, int status, const struct msg_secret_result *result)
{
    if (status == -ECONNRESET) { /* the keeper died: the next one is asked */
        d->asked = false;
        return;
    }
    if (status == 0)
        status = digest_secret_unpack(result->octets, result->length, &d->secret);
    d->open = status == 0;
    if (status < 0 && status != -ECANCELED)
        log_write(LOG_LEVEL_ERROR, "the secret of device %s cannot be opened: %s", d->name,
                  strerror(-status));
}

static void on_secret(void *user, int status, const struct msg_secret_result *result)
{
    struct question *q = user;
    struct device_register *r = q->devices;
    struct device *d = find(r, q->name);
    r->under_way--;
    /* It may have got another one meanwhile. */
    if (d && strcmp(d->sealed, q->sealed) == 0)
        take_secret(d, status, result);
    free(q);
    if (status != -ECANCELED && status != -ECONNRESET)
        ask(r);
}

static int ask_for(struct device_register *r, struct device *d)
{
    uint8_t record[SECRET_RECORD_MAX];
    char principal[POLICY_NAME_TEXT + 8];
    size_t length = strlen(d->sealed) / 2;
    struct question *q = calloc(1, sizeof *q);
    if (!q)
        return -ENOMEM;
    q->devices = r;
    snprintf(q->name, sizeof q->name, "%s", d->name);
    snprintf(q->sealed, sizeof q->sealed, "%s", d->sealed);
    snprintf(principal, sizeof principal, DEVICE_PREFIX "%s", d->name);
    const struct secret_owner owner = {.principal = principal, .realm = d->realm, .user = d->user};
    int rc = length <= sizeof record && hex_decode(d->sealed, record, length) == 0 ? 0 : -EBADMSG;
    if (rc == 0)
        rc = keeper_open_secret(r->control->keeper, &owner, record, length, on_secret, q);
    if (rc < 0)
        free(q);
    return rc;
}

static void ask(struct device_register *r)
{
    for (size_t i = 0; i < r->count && r->under_way < ASKED_AT_ONCE; i++) {
        struct device *d = &r->all[i];
        if (d->open || d->asked || !d->sealed[0])
            continue;
        int rc = ask_for(r, d);
        if (rc == -ENOBUFS)
            return;
        d->asked = true;
        if (rc < 0)
            take_secret(d, rc, NULL);
        else
            r->under_way++;
    }
}

/* --- following the policy --- */

static bool fill(struct device *d, const struct device_info *info, const struct device_register *r)
{
    snprintf(d->name, sizeof d->name, "%s", info->name);
    snprintf(d->user, sizeof d->user, "%s", info->user);
    snprintf(d->extension, sizeof d->extension, "%s", info->extension);
    d->nat = info->nat;
    snprintf(d->realm, sizeof d->realm, "%s", info->realm);
    snprintf(d->tls_name, sizeof d->tls_name, "%s", info->tls_name);
    d->sealed = strdup(info->secret);
    if (!d->sealed)
        return false;
    const struct device *before = find(r, d->name);
    if (before && before->open && strcmp(before->sealed, d->sealed) == 0) {
        d->secret = before->secret;
        d->open = true;
    } else if (before && before->asked && strcmp(before->sealed, d->sealed) == 0) {
        d->asked = true; /* its answer is on the way, or it was that it cannot be opened */
    }
    return true;
}

/* The policy may still be read when the SIP stack has stopped. */
static bool is_serving(const struct device_register *r)
{
    return r->serving && r->control->sip;
}

static void take_over(struct device_register *r, struct device *all, struct device **by_user,
                      size_t count)
{
    struct device *old = r->all;
    size_t old_count = r->count;
    free(r->by_user);
    for (size_t i = 0; i < count; i++)
        by_user[i] = &all[i];
    qsort(by_user, count, sizeof(struct device *), compare_users);
    r->all = all;
    r->by_user = by_user;
    r->count = count;
    /* Who got a new secret or certificate signs in with it: whoever registered with the old one may
     * be why. */
    for (size_t i = 0; is_serving(r) && i < old_count; i++) {
        const struct device *now = find(r, old[i].name);
        if (!now || strcmp(now->sealed, old[i].sealed) != 0 ||
            strcmp(now->tls_name, old[i].tls_name) != 0)
            sip_bindings_forget(r->control->sip, old[i].name);
    }
    wipe(old, old_count);
}

void device_register_refresh(struct device_register *r)
{
    const struct policy_cache *policy = r->control->policy;
    size_t total = 0, count = 0;
    while (policy_cache_device_at(policy, total))
        total++;
    struct device *all = calloc(total + 1, sizeof *all);
    struct device **by_user = calloc(total + 1, sizeof(struct device *));
    bool done = all && by_user;
    for (size_t i = 0; done && i < total; i++) {
        const struct device_info *info = policy_cache_device_at(policy, i);
        if (!info->disabled)
            done = fill(&all[count++], info, r);
    }
    if (!done) {
        log_write(LOG_LEVEL_ERROR, "out of memory: devices stay as they were");
        wipe(all, count);
        free(by_user);
        return;
    }
    take_over(r, all, by_user, count);
    if (is_serving(r))
        sip_devices_enable(r->control->sip, r->count > 0);
    ask(r);
}

bool device_register_any(const struct device_register *r)
{
    return r->count > 0;
}

bool device_register_any_certified(const struct device_register *r)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->all[i].tls_name[0])
            return true;
    return false;
}

/* --- what the SIP stack asks --- */

static void fill_account(const struct device *d, struct sip_device_account *account)
{
    snprintf(account->name, sizeof account->name, "%s", d->name);
    snprintf(account->user, sizeof account->user, "%s", d->user);
    snprintf(account->number, sizeof account->number, "%s", d->extension);
    memcpy(account->ha1[DIGEST_MD5], d->secret.md5, DIGEST_HEX);
    memcpy(account->ha1[DIGEST_SHA256], d->secret.sha256, DIGEST_HEX);
}

static int account_of(void *user, const char *username, struct sip_device_account *account)
{
    const struct device *d = find_user(user, username);
    if (!d || !d->sealed[0])
        return -ENOENT;
    if (!d->open)
        return -EAGAIN;
    fill_account(d, account);
    return 0;
}

static int account_certified(void *user, const struct sip_tls *certificate,
                             struct sip_device_account *account)
{
    const struct device_register *r = user;
    for (size_t i = 0; i < r->count; i++) {
        if (!sip_device_certificate_is_for(certificate, r->all[i].tls_name))
            continue;
        fill_account(&r->all[i], account);
        return 0;
    }
    return -ENOENT;
}

static void on_refused(void *user, const struct sockaddr *source, const char *username,
                       const char *method, const char *reason)
{
    const struct device_register *r = user;
    struct control *c = r->control;
    char text[STRANGER_REASON];
    (void)username; /* it may be a number, or a password in the wrong place */
    snprintf(text, sizeof text, "%s: %s", method, reason);
    stranger_log_note_device(&c->strange_devices, source, text, uv_now(&c->loop));
}

static void on_binding(void *user, const struct sip_binding *binding,
                       enum sip_binding_change change, uint64_t registration)
{
    const struct device_register *r = user;
    device_binding_changed(r->control, binding, change, registration);
}

int device_register_serve(struct device_register *r)
{
    const struct config *config = r->control->config;
    const struct sip_devices_config devices = {
        .realm = config->devices.realm,
        .expires_min_s = (uint32_t)config->devices.expires_min_s,
        .expires_max_s = (uint32_t)config->devices.expires_max_s,
        .bindings_of_device = (uint32_t)config->devices.bindings_of_device,
        .account = account_of,
        .certified = account_certified,
        .changed = on_binding,
        .refused = on_refused,
        .user = r,
    };
    int rc = sip_devices_open(r->control->sip, &devices);
    if (rc < 0)
        return rc;
    r->serving = true;
    sip_devices_enable(r->control->sip, r->count > 0);
    return device_bindings_restore(r->control);
}

/* --- calls to devices --- */

static bool find_binding(const struct control *c, const char *name, struct sip_binding *binding)
{
    for (size_t n = 0; c->sip && sip_binding_of(c->sip, name, n, binding); n++) {
        if (binding->reachable)
            return true;
    }
    return false;
}

bool device_is_reachable(const struct control *c, const char *name)
{
    struct sip_binding binding;
    return find(c->devices, name) && find_binding(c, name, &binding);
}

int device_find_target(const struct control *c, const char *name, struct call_target *target)
{
    struct sip_binding binding;
    const struct device *d = find(c->devices, name);
    memset(target, 0, sizeof *target);
    if (!d)
        return -ENOENT;
    if (!find_binding(c, name, &binding))
        return -ENXIO;
    snprintf(target->name, sizeof target->name, DEVICE_PREFIX "%s", name);
    snprintf(target->number, sizeof target->number, "%s", d->extension);
    snprintf(target->contact, sizeof target->contact, "%s", binding.contact);
    target->is_device = true;
    target->connection = binding.connection;
    target->audio_fallback = true;
    target->nat = d->nat;
    call_target_add(target, (const struct sockaddr *)&binding.source, binding.protocol);
    return 0;
}
