#include "gateway/control/trunk_credentials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/secret.h"

struct opening {
    struct control *control;
    trunk_credentials_cb *cb;
    void *user;
    char principal[TRUNK_PRINCIPAL_TEXT];
    size_t count, opened;
    struct trunk_credential sealed[SIP_CREDENTIALS_MAX];
    struct digest_secret secrets[SIP_CREDENTIALS_MAX];
};

void trunk_credentials_principal(const char *trunk, char principal[TRUNK_PRINCIPAL_TEXT])
{
    (void)snprintf(principal, TRUNK_PRINCIPAL_TEXT, "trunk:%s", trunk);
}

static void finish(struct opening *o, int status)
{
    struct sip_credential credentials[SIP_CREDENTIALS_MAX];
    for (size_t i = 0; i < o->count; i++)
        credentials[i] = (struct sip_credential){
            .realm = o->sealed[i].realm, .user = o->sealed[i].user, .secret = &o->secrets[i]};
    o->cb(o->user, status, credentials, status == 0 ? o->count : 0);
    secret_wipe(o, sizeof *o);
    free(o);
}

static int ask(struct opening *o);

static void on_secret(void *user, int status, const struct msg_secret_result *result)
{
    struct opening *o = user;
    if (status == 0)
        status = digest_secret_unpack(result->octets, result->length, &o->secrets[o->opened]);
    if (status == 0 && ++o->opened < o->count) {
        status = ask(o);
        if (status == 0)
            return;
    }
    finish(o, status);
}

/* One after the other: most trunks have one. */
static int ask(struct opening *o)
{
    const struct trunk_credential *c = &o->sealed[o->opened];
    const struct secret_owner owner = {o->principal, c->realm, c->user};
    return keeper_open_secret(o->control->keeper, &owner, c->sealed, c->sealed_length, on_secret,
                              o);
}

int trunk_credentials_open(struct control *control, const char *trunk, trunk_credentials_cb *cb,
                           void *user)
{
    size_t count = 0;
    const struct trunk_credential *first =
        trunk_accounts_credentials(policy_cache_accounts(control->policy), trunk, &count);
    if (!first)
        return 1;
    struct opening *o = calloc(1, sizeof *o);
    if (!o)
        return -ENOMEM;
    o->control = control;
    o->cb = cb;
    o->user = user;
    o->count = count < SIP_CREDENTIALS_MAX ? count : SIP_CREDENTIALS_MAX;
    memcpy(o->sealed, first, o->count * sizeof *first);
    trunk_credentials_principal(trunk, o->principal);
    int rc = ask(o);
    if (rc < 0)
        free(o);
    return rc;
}
