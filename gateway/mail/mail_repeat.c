#include "gateway/mail/mail_repeat.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/secret.h"
#include "policy/text_code.h"

_Static_assert((int)MAIL_MARK_TEXT == 2 * (int)MAIL_MARK_OCTETS + 1, "a mark in hex");

/* --- what stands in a message --- */

struct mail_digester {
    EVP_MD_CTX *context;
    bool whole, begun, has_id;
};

struct mail_digester *mail_digester_new(void)
{
    struct mail_digester *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->context = EVP_MD_CTX_new();
    d->whole = d->context && EVP_DigestInit_ex(d->context, EVP_sha256(), NULL) == 1;
    return d;
}

/* A line of the head that begins with the field's name. What is in it does not matter. */
static bool has_message_id(const char *text, size_t length)
{
    static const char name[] = "message-id:";
    const char *end = text + length;
    while (text < end) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        size_t line = line_end ? (size_t)(line_end - text) : (size_t)(end - text);
        if (line == 0 || (line == 1 && text[0] == '\r'))
            return false;
        if (line >= sizeof name - 1 && strncasecmp(text, name, sizeof name - 1) == 0)
            return true;
        text += line + 1;
    }
    return false;
}

void mail_digester_add(struct mail_digester *d, const void *piece, size_t octets)
{
    if (!d)
        return;
    if (!d->begun)
        d->has_id = has_message_id(piece, octets);
    d->begun = true;
    d->whole = d->whole && EVP_DigestUpdate(d->context, piece, octets) == 1;
}

void mail_digester_end(struct mail_digester *d, struct mail_digest *out)
{
    memset(out, 0, sizeof *out);
    if (!d)
        return;
    out->usable = d->whole && d->has_id && EVP_DigestFinal_ex(d->context, out->octets, NULL) == 1;
    EVP_MD_CTX_free(d->context);
    free(d);
}

/* --- marks --- */

/* Texts end with their zero, so that nothing can move from one to the next. */
static bool add_text(EVP_MAC_CTX *mac, const char *text)
{
    return EVP_MAC_update(mac, (const unsigned char *)text, strlen(text) + 1) == 1;
}

static bool add_envelope(EVP_MAC_CTX *mac, const struct mail_envelope *v)
{
    const unsigned char kind[] = {v->trusted_relay, v->lmtp};
    bool done = EVP_MAC_update(mac, kind, sizeof kind) == 1 && add_text(mac, v->principal) &&
                add_text(mac, v->from);
    for (uint32_t i = 0; done && i < v->recipient_count; i++)
        done = add_text(mac, v->recipients[i].address) &&
               EVP_MAC_update(mac, &v->recipients[i].notify, 1) == 1;
    return done;
}

int mail_mark_make(const uint8_t key[MAIL_MARK_KEY_OCTETS], const struct mail_envelope *envelope,
                   const struct mail_digest *digest, struct mail_mark *mark)
{
    static const char purpose[] = "sealfax message that is brought again";
    char sha256[] = "SHA256";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", sha256, 0),
                                     OSSL_PARAM_construct_end()};
    uint8_t whole[EVP_MAX_MD_SIZE];
    size_t length = 0;
    if (!digest->usable)
        return -EINVAL;
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    bool done =
        mac && EVP_MAC_init(mac, key, MAIL_MARK_KEY_OCTETS, parameters) == 1 &&
        add_text(mac, purpose) && EVP_MAC_update(mac, digest->octets, sizeof digest->octets) == 1 &&
        add_envelope(mac, envelope) && EVP_MAC_final(mac, whole, &length, sizeof whole) == 1 &&
        length >= sizeof mark->octets;
    EVP_MAC_CTX_free(mac);
    EVP_MAC_free(hmac);
    if (!done)
        return -EIO;
    memcpy(mark->octets, whole, sizeof mark->octets);
    return 0;
}

void mail_mark_text(const struct mail_mark *mark, char text[MAIL_MARK_TEXT])
{
    hex_encode(mark->octets, sizeof mark->octets, text);
}

int mail_mark_parse(const char *text, struct mail_mark *mark)
{
    if (strlen(text) != MAIL_MARK_TEXT - 1 ||
        hex_decode(text, mark->octets, sizeof mark->octets) < 0)
        return -EINVAL;
    return 0;
}

/* --- those that were taken --- */

/* In a ring, in the order in which they came; linked by where their marks fall. Marks are as good
 * as random. Places count from 1: 0 is none. */
struct taken {
    struct mail_mark mark;
    struct fax_id mail;
    int64_t taken_ms;
    uint32_t next;
    bool used;
};

struct mail_repeats {
    size_t most, heads_mask;
    size_t at, filled; /* where the next one goes; places that were used once */
    uint32_t *heads;
    struct taken *taken;
};

int mail_repeats_new(size_t most, struct mail_repeats **out)
{
    struct mail_repeats *r = calloc(1, sizeof *r);
    size_t heads = 16;
    while (heads < most)
        heads *= 2;
    if (r) {
        r->most = most;
        r->heads_mask = heads - 1;
        r->heads = calloc(heads, sizeof *r->heads);
        r->taken = calloc(most, sizeof *r->taken);
    }
    if (!r || !r->heads || !r->taken) {
        mail_repeats_free(r);
        return -ENOMEM;
    }
    *out = r;
    return 0;
}

void mail_repeats_free(struct mail_repeats *r)
{
    if (!r)
        return;
    free(r->heads);
    free(r->taken);
    free(r);
}

static uint32_t *head_of(const struct mail_repeats *r, const struct mail_mark *mark)
{
    uint32_t bits;
    memcpy(&bits, mark->octets, sizeof bits);
    return &r->heads[bits & r->heads_mask];
}

static void take_out(struct mail_repeats *r, size_t place)
{
    struct taken *t = &r->taken[place];
    uint32_t *at = head_of(r, &t->mark);
    if (!t->used)
        return;
    while (*at != place + 1)
        at = &r->taken[*at - 1].next;
    *at = t->next;
    t->used = false;
}

void mail_repeats_put(struct mail_repeats *r, const struct mail_mark *mark,
                      const struct fax_id *mail, int64_t taken_ms)
{
    take_out(r, r->at);
    uint32_t *head = head_of(r, mark);
    r->taken[r->at] = (struct taken){*mark, *mail, taken_ms, *head, true};
    *head = (uint32_t)r->at + 1;
    if (r->at == r->filled)
        r->filled++;
    r->at = (r->at + 1) % r->most;
}

const struct fax_id *mail_repeats_find(const struct mail_repeats *r, const struct mail_mark *mark,
                                       int64_t since_ms)
{
    for (uint32_t place = *head_of(r, mark); place > 0; place = r->taken[place - 1].next) {
        const struct taken *t = &r->taken[place - 1];
        if (secret_equal(t->mark.octets, mark->octets, sizeof mark->octets))
            return t->taken_ms >= since_ms ? &t->mail : NULL;
    }
    return NULL;
}

void mail_repeats_forget(struct mail_repeats *r, const struct fax_id *mail)
{
    for (size_t i = 0; i < r->filled; i++)
        if (r->taken[i].used && fax_id_equal(&r->taken[i].mail, mail))
            take_out(r, i);
}
