#include "gateway/control/keeper_client.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/process/ipc.h"
#include "gateway/process/log.h"

enum { QUESTIONS_MAX = 4096 };

struct keeper_secret_answer {
    keeper_secret_cb *cb;
    void *user;
};

union keeper_body {
    struct msg_key_create create;
    struct msg_keys_create create_all;
    struct msg_key_open open;
    struct msg_sign_checkpoint sign;
    struct msg_key_list list;
    struct msg_secret secret;
};

struct question {
    struct question *next;
    uint64_t tag;
    uint16_t type;
    size_t length;
    bool sent;
    union keeper_body body;
    keeper_key_cb *key_cb;
    keeper_keys_cb *keys_cb;
    keeper_signed_cb *signed_cb;
    keeper_listed_cb *listed_cb;
    keeper_secret_cb *secret_cb;
    void *user;
};

struct keeper_client {
    uv_loop_t *loop;
    struct ipc_channel *channel;
    bool ready; /* its hello was seen */
    uint64_t next_tag;
    struct question *first, **end;
    size_t count;
    keeper_hello_cb *hello;
    void *user;
};

int keeper_client_new(uv_loop_t *loop, keeper_hello_cb *hello, void *user,
                      struct keeper_client **out)
{
    struct keeper_client *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    c->loop = loop;
    c->hello = hello;
    c->user = user;
    c->next_tag = 1;
    c->end = &c->first;
    *out = c;
    return 0;
}

static struct question *unlink_question(struct keeper_client *c, struct question **at)
{
    struct question *q = *at;
    *at = q->next;
    if (c->end == &q->next)
        c->end = at;
    c->count--;
    return q;
}

/* A question may hold a secret that is to be sealed. */
static void free_question(struct question *q)
{
    OPENSSL_cleanse(&q->body, sizeof q->body);
    free(q);
}

static void fail_question(struct question *q, int status)
{
    if (q->key_cb)
        q->key_cb(q->user, status, NULL);
    else if (q->keys_cb)
        q->keys_cb(q->user, status, NULL);
    else if (q->signed_cb)
        q->signed_cb(q->user, status, NULL);
    else if (q->listed_cb)
        q->listed_cb(q->user, status, NULL);
    else if (q->secret_cb)
        q->secret_cb(q->user, status, NULL);
    free_question(q);
}

/* sent_only: questions that never left may still be asked of the next keeper. */
static void fail_all(struct keeper_client *c, bool sent_only, int status)
{
    struct question *failed = NULL, **tail = &failed;
    for (struct question **at = &c->first; *at;) {
        if (sent_only && !(*at)->sent) {
            at = &(*at)->next;
            continue;
        }
        struct question *q = unlink_question(c, at);
        q->next = NULL;
        *tail = q;
        tail = &q->next;
    }
    while (failed) {
        struct question *q = failed;
        failed = q->next;
        fail_question(q, status);
    }
}

void keeper_client_free(struct keeper_client *c)
{
    if (!c)
        return;
    ipc_channel_close(c->channel);
    c->channel = NULL;
    c->ready = false;
    fail_all(c, false, -ECANCELED);
    free(c);
}

static void send_waiting(struct keeper_client *c)
{
    for (struct question *q = c->first; q; q = q->next) {
        if (q->sent)
            continue;
        if (ipc_channel_send(c->channel, q->type, q->tag, &q->body, q->length, NULL, 0) < 0)
            return;
        q->sent = true;
    }
}

static struct question *take_question(struct keeper_client *c, uint64_t tag)
{
    for (struct question **at = &c->first; *at; at = &(*at)->next)
        if ((*at)->tag == tag && (*at)->sent)
            return unlink_question(c, at);
    return NULL;
}

static void on_message(void *user, struct ipc_channel *channel, struct ipc_message *m)
{
    struct keeper_client *c = user;
    (void)channel;
    const struct msg_keeper_hello *hello = ipc_message_body(m, MSG_KEEPER_HELLO, sizeof *hello);
    if (hello) {
        c->ready = true;
        if (c->hello)
            c->hello(c->user, hello);
        send_waiting(c);
        return;
    }
    struct question *q = take_question(c, m->header.tag);
    if (!q) {
        log_write(LOG_LEVEL_WARNING, "keeper: an answer to no question (type %u)", m->header.type);
        return;
    }
    const struct msg_key_result *key = ipc_message_body(m, MSG_KEY_RESULT, sizeof *key);
    const struct msg_keys_result *keys = ipc_message_body(m, MSG_KEYS_RESULT, sizeof *keys);
    const struct msg_signed *note = ipc_message_body(m, MSG_SIGNED, sizeof *note);
    const struct msg_key_listed *list = ipc_message_body(m, MSG_KEY_LISTED, sizeof *list);
    const struct msg_secret_result *secret = ipc_message_body(m, MSG_SECRET_RESULT, sizeof *secret);
    if (key && q->key_cb)
        q->key_cb(q->user, key->status, key->status == 0 ? key : NULL);
    else if (keys && q->keys_cb)
        q->keys_cb(q->user, keys->status, keys->status == 0 ? keys : NULL);
    else if (note && q->signed_cb)
        q->signed_cb(q->user, note->status, note->status == 0 ? note : NULL);
    else if (list && q->listed_cb)
        q->listed_cb(q->user, list->status, list->status == 0 ? list : NULL);
    else if (secret && q->secret_cb)
        q->secret_cb(q->user, secret->status, secret->status == 0 ? secret : NULL);
    else {
        fail_question(q, -EPROTO);
        return;
    }
    free_question(q);
}

static void on_gone(void *user, struct ipc_channel *channel, int status)
{
    struct keeper_client *c = user;
    (void)status;
    if (c->channel != channel)
        return;
    c->channel = NULL;
    c->ready = false;
    ipc_channel_close(channel);
    fail_all(c, true, -ECONNRESET);
}

int keeper_client_up(struct keeper_client *c, int descriptor)
{
    if (c->channel) {
        struct ipc_channel *old = c->channel;
        c->channel = NULL;
        c->ready = false;
        ipc_channel_close(old);
        fail_all(c, true, -ECONNRESET);
    }
    const struct ipc_handlers handlers = {on_message, on_gone, c};
    return ipc_channel_open(c->loop, descriptor, &handlers, &c->channel);
}

bool keeper_client_ready(const struct keeper_client *c)
{
    return c->ready;
}

static struct question *new_question(struct keeper_client *c, uint16_t type, size_t length,
                                     void *user)
{
    if (c->count >= QUESTIONS_MAX)
        return NULL;
    struct question *q = calloc(1, sizeof *q);
    if (!q)
        return NULL;
    q->tag = c->next_tag++;
    q->type = type;
    q->length = length;
    q->user = user;
    return q;
}

static int ask(struct keeper_client *c, struct question *q)
{
    *c->end = q;
    c->end = &q->next;
    c->count++;
    if (c->ready)
        send_waiting(c);
    return 0;
}

int keeper_create_key(struct keeper_client *c, const struct fax_id *fax, const char *class_name,
                      const char *disposal_month, keeper_key_cb *cb, void *user)
{
    struct question *q = new_question(c, MSG_KEY_CREATE, sizeof q->body.create, user);
    if (!q)
        return -ENOBUFS;
    struct msg_key_create *m = &q->body.create;
    if (strlen(class_name) >= sizeof m->class_name ||
        strlen(disposal_month) >= sizeof m->disposal_month) {
        free(q);
        return -EINVAL;
    }
    memcpy(m->fax_id, fax->octets, sizeof m->fax_id);
    strcpy(m->class_name, class_name);         // NOLINT: the lengths were checked
    strcpy(m->disposal_month, disposal_month); // NOLINT
    q->key_cb = cb;
    return ask(c, q);
}

int keeper_create_keys(struct keeper_client *c, const struct msg_keys_create *request,
                       keeper_keys_cb *cb, void *user)
{
    struct question *q = new_question(c, MSG_KEYS_CREATE, sizeof q->body.create_all, user);
    if (!q)
        return -ENOBUFS;
    q->body.create_all = *request;
    q->keys_cb = cb;
    return ask(c, q);
}

static int ask_by_fax(struct keeper_client *c, uint16_t type, const struct fax_id *fax,
                      keeper_key_cb *cb, void *user)
{
    struct question *q = new_question(c, type, sizeof q->body.open, user);
    if (!q)
        return -ENOBUFS;
    memcpy(q->body.open.fax_id, fax->octets, sizeof q->body.open.fax_id);
    q->key_cb = cb;
    return ask(c, q);
}

int keeper_open_key(struct keeper_client *c, const struct fax_id *fax, keeper_key_cb *cb,
                    void *user)
{
    return ask_by_fax(c, MSG_KEY_OPEN, fax, cb, user);
}

int keeper_destroy_key(struct keeper_client *c, const struct fax_id *fax, keeper_key_cb *cb,
                       void *user)
{
    return ask_by_fax(c, MSG_KEY_DESTROY, fax, cb, user);
}

int keeper_sign_checkpoint(struct keeper_client *c, const struct msg_sign_checkpoint *request,
                           keeper_signed_cb *cb, void *user)
{
    struct question *q = new_question(c, MSG_SIGN_CHECKPOINT, sizeof q->body.sign, user);
    if (!q)
        return -ENOBUFS;
    q->body.sign = *request;
    q->signed_cb = cb;
    return ask(c, q);
}

int keeper_list_keys(struct keeper_client *c, uint32_t cursor, keeper_listed_cb *cb, void *user)
{
    struct question *q = new_question(c, MSG_KEY_LIST, sizeof q->body.list, user);
    if (!q)
        return -ENOBUFS;
    q->body.list.cursor = cursor;
    q->listed_cb = cb;
    return ask(c, q);
}

static int ask_secret(struct keeper_client *c, uint16_t type, const struct secret_owner *owner,
                      const uint8_t *octets, size_t length, const struct keeper_secret_answer *to)
{
    struct question *q = new_question(c, type, sizeof q->body.secret, to->user);
    if (!q)
        return -ENOBUFS;
    struct msg_secret *m = &q->body.secret;
    if (strlen(owner->principal) >= sizeof m->principal ||
        strlen(owner->realm) >= sizeof m->realm || strlen(owner->user) >= sizeof m->user ||
        length > sizeof m->octets) {
        free_question(q);
        return -EINVAL;
    }
    strcpy(m->principal, owner->principal); // NOLINT: the lengths were checked
    strcpy(m->realm, owner->realm);         // NOLINT
    strcpy(m->user, owner->user);           // NOLINT
    memcpy(m->octets, octets, length);
    m->length = (uint32_t)length;
    q->secret_cb = to->cb;
    return ask(c, q);
}

int keeper_seal_secret(struct keeper_client *c, const struct secret_owner *owner,
                       const uint8_t *secret, size_t length, keeper_secret_cb *cb, void *user)
{
    return ask_secret(c, MSG_SECRET_SEAL, owner, secret, length,
                      &(struct keeper_secret_answer){cb, user});
}

int keeper_open_secret(struct keeper_client *c, const struct secret_owner *owner,
                       const uint8_t *record, size_t length, keeper_secret_cb *cb, void *user)
{
    return ask_secret(c, MSG_SECRET_OPEN, owner, record, length,
                      &(struct keeper_secret_answer){cb, user});
}
