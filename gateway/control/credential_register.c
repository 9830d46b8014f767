#include "gateway/control/credential_register.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/control.h"
#include "gateway/control/event.h"
#include "gateway/control/password_check.h"
#include "gateway/control/sign_in_guard.h"
#include "gateway/process/log.h"
#include "gateway/smtp/smtp_machine.h"
#include "gateway/socket_address.h"
#include "policy/secret.h"
#include "policy/text_code.h"

enum { ASKED_AT_ONCE = 16 };

/* A user is not shut out for long by somebody else's mistakes, an address is. */
static const struct sign_in_rule of_user = {10, 60000}, of_peer = {5, 900000};

struct credential {
    const struct credential_info *info; /* a copy of ours */
    char encoded[PASSWORD_ENCODED_TEXT];
    bool open, asked;
};

struct credential_register {
    struct control *control;
    struct credential_info *infos; /* by user */
    struct credential *all;        /* the same places */
    size_t count;
    unsigned under_way;
    struct sign_in_guard guard;
};

struct smtp_sign_in {
    struct control *control;
    smtp_signed_in_cb *done; /* NULL: forgotten */
    void *user;
    struct sockaddr_storage peer;
    char name[CREDENTIAL_USER_TEXT], principal[POLICY_NAME_TEXT];
};

static void wipe(struct credential *all, struct credential_info *infos, size_t count)
{
    if (all)
        secret_wipe(all, count * sizeof *all);
    free(all);
    free(infos);
}

static void on_policy(void *user, int status)
{
    (void)status;
    credential_register_refresh(user);
}

int credential_register_new(struct control *control, struct credential_register **out)
{
    struct credential_register *r = calloc(1, sizeof *r);
    if (!r)
        return -ENOMEM;
    r->control = control;
    if (RAND_bytes((unsigned char *)&r->guard.salt, sizeof r->guard.salt) != 1) {
        free(r);
        return -EIO;
    }
    policy_cache_watch(control->policy, on_policy, r);
    *out = r;
    return 0;
}

void credential_register_free(struct credential_register *r)
{
    if (!r)
        return;
    wipe(r->all, r->infos, r->count);
    free(r);
}

static int compare_user(const void *user, const void *info)
{
    return strcmp(user, ((const struct credential_info *)info)->user);
}

static struct credential *find(const struct credential_register *r, const char *user)
{
    const struct credential_info *info =
        r->count ? bsearch(user, r->infos, r->count, sizeof *r->infos, compare_user) : NULL;
    return info ? &r->all[info - r->infos] : NULL;
}

/* --- hashes --- */

struct question {
    struct credential_register *credentials;
    struct credential_info info;
};

static void ask(struct credential_register *r);

static void take_hash(struct credential *c, int status, const struct msg_secret_result *result)
{
    if (status == -ECONNRESET) { /* the keeper died: the next one is asked */
        c->asked = false;
        return;
    }
    if (status == 0 && result->length >= sizeof c->encoded)
        status = -EBADMSG;
    if (status == 0) {
        memcpy(c->encoded, result->octets, result->length);
        c->encoded[result->length] = '\0';
        c->open = true;
    } else if (status != -ECANCELED) {
        log_write(LOG_LEVEL_ERROR, "a credential of %s cannot be opened: %s", c->info->principal,
                  strerror(-status));
    }
}

static void on_secret(void *user, int status, const struct msg_secret_result *result)
{
    struct question *q = user;
    struct credential_register *r = q->credentials;
    struct credential *c = find(r, q->info.user);
    r->under_way--;
    /* There may be another one meanwhile. */
    if (c && strcmp(c->info->sealed, q->info.sealed) == 0)
        take_hash(c, status, result);
    free(q);
    if (status != -ECANCELED && status != -ECONNRESET)
        ask(r);
}

static int ask_for(struct credential_register *r, const struct credential *c)
{
    uint8_t record[SECRET_RECORD_MAX];
    size_t length = strlen(c->info->sealed) / 2;
    const struct secret_owner owner = {
        .principal = c->info->principal, .realm = CREDENTIAL_REALM, .user = c->info->user};
    struct question *q = malloc(sizeof *q);
    if (!q)
        return -ENOMEM;
    q->credentials = r;
    q->info = *c->info;
    int rc =
        length <= sizeof record && hex_decode(c->info->sealed, record, length) == 0 ? 0 : -EBADMSG;
    if (rc == 0)
        rc = keeper_open_secret(r->control->keeper, &owner, record, length, on_secret, q);
    if (rc < 0)
        free(q);
    return rc;
}

static void ask(struct credential_register *r)
{
    for (size_t i = 0; r->all && i < r->count && r->under_way < ASKED_AT_ONCE; i++) {
        struct credential *c = &r->all[i];
        if (c->open || c->asked)
            continue;
        int rc = ask_for(r, c);
        if (rc == -ENOBUFS)
            return;
        c->asked = true;
        if (rc < 0)
            take_hash(c, rc, NULL);
        else
            r->under_way++;
    }
}

void credential_register_refresh(struct credential_register *r)
{
    const struct credential_table *table = policy_cache_logins(r->control->policy);
    size_t count = table ? table->count : 0;
    struct credential_info *infos = calloc(count + 1, sizeof *infos);
    struct credential *all = calloc(count + 1, sizeof *all);
    if (!infos || !all) {
        log_write(LOG_LEVEL_ERROR, "out of memory: credentials stay as they were");
        wipe(all, infos, 0);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        infos[i] = table->all[i];
        const struct credential *before = find(r, infos[i].user);
        /* Also when its answer is on the way, or it was that it cannot be opened. */
        if (before && strcmp(before->info->sealed, infos[i].sealed) == 0)
            all[i] = *before;
        all[i].info = &infos[i];
    }
    wipe(r->all, r->infos, r->count);
    r->infos = infos;
    r->all = all;
    r->count = count;
    ask(r);
}

bool credential_principal_is_active(const struct control *control, const char *principal)
{
    const struct policy_set *set = policy_cache_set(control->policy);
    const struct policy_principal *p = set ? policy_find_principal_named(set, principal) : NULL;
    return p && !p->disabled;
}

/* --- signing in --- */

static void host_of(const struct sockaddr_storage *peer, char host[SOCKET_ADDRESS_HOST])
{
    (void)snprintf(host, SOCKET_ADDRESS_HOST, "local");
    if (peer->ss_family)
        socket_address_host((const struct sockaddr *)peer, host);
}

static void note_right(struct smtp_sign_in *s)
{
    struct control *c = s->control;
    char host[SOCKET_ADDRESS_HOST];
    host_of(&s->peer, host);
    sign_in_guard_right(&c->credentials->guard, 'u', s->name);
    sign_in_guard_right(&c->credentials->guard, 'p', host);
    stranger_log_note_sign_in(&c->sign_ins, host, s->principal, uv_now(&c->loop));
}

static void note_wrong(struct control *c, const struct sockaddr_storage *peer, const char *name,
                       const char *reason)
{
    uint64_t now_ms = uv_now(&c->loop);
    char host[SOCKET_ADDRESS_HOST];
    host_of(peer, host);
    if (name) {
        sign_in_guard_wrong(&c->credentials->guard, 'u', name, &of_user, now_ms);
        sign_in_guard_wrong(&c->credentials->guard, 'p', host, &of_peer, now_ms);
    }
    stranger_log_note_sign_in(&c->wrong_sign_ins, host, reason, now_ms);
}

static void on_checked(void *user, int status, const char *encoded)
{
    struct smtp_sign_in *s = user;
    (void)encoded;
    /* It may have been disabled while the password was looked at. */
    if (status == 0 && !credential_principal_is_active(s->control, s->principal))
        status = -EACCES;
    if (status == 0)
        note_right(s);
    else if (status == -EACCES)
        note_wrong(s->control, &s->peer, s->name, "wrong user name or password");
    else
        log_write(LOG_LEVEL_ERROR, "a password cannot be checked: %s", strerror(-status));
    if (s->done)
        s->done(s->user,
                status == 0         ? SMTP_SIGNED_IN
                : status == -EACCES ? SMTP_SIGN_IN_WRONG
                                    : SMTP_SIGN_IN_LATER,
                s->principal);
    free(s);
}

int credential_sign_in(struct control *control, const struct sockaddr *peer, const char *name,
                       const char *password, smtp_signed_in_cb *done, void *user,
                       struct smtp_sign_in **out)
{
    struct credential_register *r = control->credentials;
    struct password_job *job;
    char host[SOCKET_ADDRESS_HOST];
    struct smtp_sign_in *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->control = control;
    s->done = done;
    s->user = user;
    if (peer)
        memcpy(&s->peer, peer, socket_address_length(peer));
    (void)snprintf(s->name, sizeof s->name, "%s", name);
    host_of(&s->peer, host);
    int rc = 0;
    if (sign_in_guard_holds(&r->guard, 'u', s->name, uv_now(&control->loop)) ||
        sign_in_guard_holds(&r->guard, 'p', host, uv_now(&control->loop))) {
        note_wrong(control, &s->peer, NULL, "too many wrong passwords: not looked at");
        rc = -EBUSY;
    }
    const struct credential *c = find(r, name);
    if (rc == 0 && c && !c->open)
        rc = -EAGAIN; /* the keeper has not answered yet */
    if (rc == 0 && c)
        (void)snprintf(s->principal, sizeof s->principal, "%s", c->info->principal);
    if (rc == 0)
        rc = password_verify(control->passwords, c ? c->encoded : NULL, password, on_checked, s,
                             &job);
    if (rc < 0) {
        free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void credential_sign_in_forget(struct smtp_sign_in *sign_in)
{
    sign_in->done = NULL;
}
