#include "gateway/mail/mail_store.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/control/control.h"
#include "gateway/mail/mail_file.h"
#include "policy/pack.h"

/* A batch has so many messages, and only its first makes it larger than so many octets. More than
 * one batch is sealed at a time, so that a large message does not stop small ones; but few, so that
 * those who come meanwhile go together. */
enum { BATCH_MAX = MSG_KEYS_MAX, BATCH_OCTETS = 8 << 20, BATCHES_AT_ONCE = 2 };

_Static_assert((int)BATCH_MAX <= (int)PACK_ITEMS_MAX, "a batch is a pack");

/* A message that waits to be sealed. */
struct sealing {
    struct sealing *next;
    int message;
    size_t octets;
    mail_store_sealed_cb *cb;
    void *user;
};

/* Messages that are sealed together: one question to the keeper, one work item. */
struct batch {
    struct mail_store *store;
    struct batch **place; /* in the store */
    uv_work_t work;
    struct sealing *sealings[BATCH_MAX];
    struct mail_file files[BATCH_MAX];
    size_t count;
    int status; /* of all of them */
    bool has_keys;
};

struct mail_store {
    struct control *control;
    int folder;
    struct sealing *first, **end;
    struct batch *batches[BATCHES_AT_ONCE]; /* whose keys are made, or which are being sealed */
    bool asking; /* the keeper makes keys: who comes now waits for the next batch */
    size_t busy;
};

int mail_store_new(struct control *control, struct mail_store **out)
{
    struct mail_store *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->control = control;
    s->end = &s->first;
    int status = mail_folder_open(control->context->paths->vault, &s->folder);
    if (status < 0)
        free(s);
    else
        *out = s;
    return status;
}

void mail_store_free(struct mail_store *s)
{
    if (!s)
        return;
    close(s->folder);
    free(s);
}

size_t mail_store_busy(const struct mail_store *s)
{
    return s->busy;
}

/* --- sealing --- */

static void ask_keys(struct mail_store *s);

static void finish_batch(struct batch *b)
{
    struct mail_store *s = b->store;
    for (size_t i = 0; i < b->count; i++) {
        struct sealing *sealing = b->sealings[i];
        s->busy--;
        const struct mail_sealed sealed = {b->files[i].mail, b->files[i].kek_id,
                                           &b->files[i].digest};
        sealing->cb(sealing->user, b->status, &sealed);
        free(sealing);
    }
    OPENSSL_cleanse(b, sizeof *b);
    free(b);
}

static void on_key_gone(void *user, int status, const struct msg_key_result *result)
{
    (void)user;
    (void)status; /* a key without a message opens nothing */
    (void)result;
}

static void seal_work(uv_work_t *work)
{
    struct batch *b = work->data;
    if (b->status == 0)
        b->status = mail_files_seal(b->store->folder, b->files, b->count);
}

static void destroy_keys(const struct batch *b)
{
    struct keeper_client *keeper = b->store->control->keeper;
    for (size_t i = 0; keeper && i < b->count; i++)
        if (keeper_destroy_key(keeper, &b->files[i].mail, on_key_gone, NULL) < 0)
            break; /* likewise */
}

static void on_sealed(uv_work_t *work, int cancelled)
{
    struct batch *b = work->data;
    struct mail_store *s = b->store;
    if (cancelled < 0)
        b->status = cancelled;
    if (b->status < 0 && b->has_keys)
        destroy_keys(b);
    *b->place = NULL;
    finish_batch(b);
    ask_keys(s); /* the keeper is gone when the gateway has stopped meanwhile */
}

/* Failures go this way too: nobody is told before the question has returned. */
static void start_work(struct batch *b, int status)
{
    b->status = status;
    b->work.data = b;
    /* It fails for want of a callback only. */
    (void)!uv_queue_work(&b->store->control->loop, &b->work, seal_work, on_sealed);
}

static void on_keys(void *user, int status, const struct msg_keys_result *keys)
{
    struct batch *b = user;
    struct mail_store *s = b->store;
    s->asking = false;
    b->has_keys = status == 0;
    for (size_t i = 0; status == 0 && i < b->count; i++) {
        memcpy(b->files[i].data_key, keys->data_keys[i], sizeof b->files[i].data_key);
        snprintf(b->files[i].kek_id, sizeof b->files[i].kek_id, "%s", keys->kek_id);
    }
    start_work(b, status);
    if (status != -ECANCELED)
        ask_keys(s);
}

static struct batch *take_batch(struct mail_store *s)
{
    struct batch **place = s->batches;
    while (place < s->batches + BATCHES_AT_ONCE && *place)
        place++;
    struct batch *b = place < s->batches + BATCHES_AT_ONCE ? calloc(1, sizeof *b) : NULL;
    if (!b)
        return NULL;
    b->store = s;
    b->place = place;
    *place = b;
    size_t octets = 0;
    while (s->first && b->count < BATCH_MAX) {
        struct sealing *sealing = s->first;
        octets += sealing->octets;
        if (b->count > 0 && octets > BATCH_OCTETS)
            break;
        s->first = sealing->next;
        if (!s->first)
            s->end = &s->first;
        b->files[b->count].message = sealing->message;
        b->files[b->count].octets = sealing->octets;
        b->sealings[b->count++] = sealing;
    }
    return b;
}

/* Ids of one batch end alike (policy/pack.h); what differs is the time and, as a counter, the 12
 * bits behind it (RFC 9562 §6.2). */
static int make_ids(struct batch *b, struct msg_keys_create *request)
{
    struct fax_id id;
    int status = fax_id_make(&id, (uint64_t)control_now_ms());
    for (size_t i = 0; status == 0 && i < b->count; i++) {
        id.octets[6] = 0x70;
        id.octets[7] = (uint8_t)i;
        b->files[i].mail = id;
        memcpy(request->ids[i], id.octets, sizeof request->ids[i]);
    }
    request->count = (uint32_t)b->count;
    return status;
}

static void ask_keys(struct mail_store *s)
{
    struct msg_keys_create request = {.class_name = MAIL_FILE_CLASS, .disposal_month = "undated"};
    if (s->asking || !s->first || !s->control->keeper)
        return;
    struct batch *b = take_batch(s);
    if (!b)
        return; /* the next one, or the end of one, tries again */
    int status = make_ids(b, &request);
    s->asking = true;
    if (status == 0)
        status = keeper_create_keys(s->control->keeper, &request, on_keys, b);
    if (status < 0) {
        s->asking = false;
        start_work(b, status);
    }
}

int mail_store_seal(struct mail_store *s, int message, size_t octets, mail_store_sealed_cb *cb,
                    void *user)
{
    struct sealing *sealing = malloc(sizeof *sealing);
    if (!sealing)
        return -ENOMEM;
    *sealing = (struct sealing){NULL, message, octets, cb, user};
    *s->end = sealing;
    s->end = &sealing->next;
    s->busy++;
    ask_keys(s);
    return 0;
}

/* --- opening --- */

struct opening {
    struct mail_store *store;
    uv_work_t work;
    struct fax_id mail;
    uint8_t data_key[VAULT_KEY_OCTETS];
    int status, message;
    uint64_t octets;
    mail_store_opened_cb *cb;
    void *user;
};

static void finish_opening(struct opening *o)
{
    o->store->busy--;
    o->cb(o->user, o->status, o->message, o->octets);
    OPENSSL_cleanse(o, sizeof *o);
    free(o);
}

static void open_work(uv_work_t *work)
{
    struct opening *o = work->data;
    o->status = mail_file_open(o->store->folder, &o->mail, o->data_key, &o->message, &o->octets);
}

static void on_opened(uv_work_t *work, int cancelled)
{
    struct opening *o = work->data;
    if (cancelled < 0)
        o->status = cancelled;
    finish_opening(o);
}

static void on_key(void *user, int status, const struct msg_key_result *result)
{
    struct opening *o = user;
    o->status = status;
    if (status == 0) {
        memcpy(o->data_key, result->data_key, sizeof o->data_key);
        o->work.data = o;
        o->status = uv_queue_work(&o->store->control->loop, &o->work, open_work, on_opened);
    }
    if (o->status < 0)
        finish_opening(o);
}

int mail_store_open(struct mail_store *s, const struct fax_id *mail, mail_store_opened_cb *cb,
                    void *user)
{
    struct opening *o = calloc(1, sizeof *o);
    if (!o)
        return -ENOMEM;
    o->store = s;
    o->mail = *mail;
    o->message = -1;
    o->cb = cb;
    o->user = user;
    int status = keeper_open_key(s->control->keeper, mail, on_key, o);
    if (status < 0)
        free(o);
    else
        s->busy++;
    return status;
}

/* --- removing --- */

struct removing {
    struct mail_store *store;
    uv_work_t work;
    struct fax_id mail;
    int status;
    mail_store_removed_cb *cb;
    void *user;
};

static void finish_removing(struct removing *r, int status)
{
    r->store->busy--;
    r->cb(r->user, status == -ENOENT ? 0 : status);
    free(r);
}

static void remove_work(uv_work_t *work)
{
    struct removing *r = work->data;
    r->status = mail_file_remove(r->store->folder, &r->mail);
}

static void on_removed(uv_work_t *work, int cancelled)
{
    struct removing *r = work->data;
    finish_removing(r, cancelled < 0 ? cancelled : r->status);
}

static void on_destroyed(void *user, int status, const struct msg_key_result *result)
{
    struct removing *r = user;
    (void)result;
    if (status == 0 || status == -ENOENT) {
        r->work.data = r;
        status = uv_queue_work(&r->store->control->loop, &r->work, remove_work, on_removed);
    }
    if (status < 0)
        finish_removing(r, status);
}

int mail_store_remove(struct mail_store *s, const struct fax_id *mail, mail_store_removed_cb *cb,
                      void *user)
{
    struct removing *r = calloc(1, sizeof *r);
    if (!r)
        return -ENOMEM;
    *r = (struct removing){.store = s, .mail = *mail, .cb = cb, .user = user};
    int status = keeper_destroy_key(s->control->keeper, mail, on_destroyed, r);
    if (status < 0)
        free(r);
    else
        s->busy++;
    return status;
}

int mail_store_list(const struct mail_store *s, mail_store_found_cb *found, void *user)
{
    return mail_folder_list(s->folder, found, user);
}
