#include "gateway/sip/stream_tls_context.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILES = 3, FILE_MAX = 1024 }; /* CA, certificate, key */

static const char *const roles[FILES] = {"CA file", "certificate", "key file"};

/* What tells that a file is no longer the one that was read. */
struct stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct context {
    SSL_CTX *ctx; /* NULL: a free place */
    char files[FILES][FILE_MAX];
    struct stamp stamps[FILES];
    bool is_server;
    unsigned long used; /* for finding the one that was not used longest */
};

struct sip_tls_contexts {
    struct context all[SIP_TLS_CONTEXTS_MAX];
    unsigned long turns;
};

int sip_tls_contexts_new(struct sip_tls_contexts **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? 0 : -ENOMEM;
}

void sip_tls_contexts_free(struct sip_tls_contexts *contexts)
{
    if (!contexts)
        return;
    for (size_t i = 0; i < SIP_TLS_CONTEXTS_MAX; i++)
        SSL_CTX_free(contexts->all[i].ctx);
    free(contexts);
}

void sip_tls_error_text(char *text, size_t size)
{
    unsigned long code = ERR_get_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    (void)snprintf(text, size, "%s", reason ? reason : "unknown TLS error");
    ERR_clear_error();
}

static int read_stamp(const char *file, bool is_key, struct stamp *stamp, const char **why)
{
    struct stat s;
    memset(stamp, 0, sizeof *stamp);
    if (!file[0])
        return 0;
    if (stat(file, &s) != 0) {
        *why = strerror(errno);
        return -errno;
    }
    if (!S_ISREG(s.st_mode)) {
        *why = "it is no regular file";
        return -EINVAL;
    }
    if (is_key && s.st_mode & S_IRWXO) {
        *why = "others than its owner and group have access to it";
        return -EACCES;
    }
    stamp->device = s.st_dev;
    stamp->inode = s.st_ino;
    stamp->size = s.st_size;
    stamp->changed = s.st_mtim;
    return 0;
}

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static int fail(const struct context *c, int which, char text[SIP_TLS_TEXT])
{
    char reason[80];
    sip_tls_error_text(reason, sizeof reason);
    (void)snprintf(text, SIP_TLS_TEXT, "the %s %.60s cannot be used: %s", roles[which],
                   c->files[which], reason);
    return -EINVAL;
}

static int load_files(struct context *c, char text[SIP_TLS_TEXT])
{
    SSL_CTX *ctx = c->ctx;
    ERR_clear_error();
    if (c->files[0][0] ? SSL_CTX_load_verify_file(ctx, c->files[0]) != 1
                       : SSL_CTX_set_default_verify_paths(ctx) != 1)
        return fail(c, 0, text);
    if (!c->files[1][0])
        return 0;
    if (SSL_CTX_use_certificate_chain_file(ctx, c->files[1]) != 1)
        return fail(c, 1, text);
    if (SSL_CTX_use_PrivateKey_file(ctx, c->files[2], SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(ctx) != 1)
        return fail(c, 2, text);
    return 0;
}

/* No renegotiation and no resumption: each connection is verified by itself, with the files as they
 * are then. */
static int load(struct context *c, char text[SIP_TLS_TEXT])
{
    c->ctx = SSL_CTX_new(c->is_server ? TLS_server_method() : TLS_client_method());
    if (!c->ctx) {
        (void)snprintf(text, SIP_TLS_TEXT, "out of memory");
        return -ENOMEM;
    }
    SSL_CTX_set_min_proto_version(c->ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(c->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
                                    SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(c->ctx, 0);
    SSL_CTX_set_mode(c->ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
    SSL_CTX_set_cipher_list(c->ctx, "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM");
    SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_verify_depth(c->ctx, 8);
    int error = load_files(c, text);
    if (error) {
        SSL_CTX_free(c->ctx);
        c->ctx = NULL;
    }
    return error;
}

static bool fits(struct context *wanted, const struct sip_tls_terms *terms)
{
    const char *files[FILES] = {terms->ca_file, terms->certificate_file, terms->key_file};
    for (int i = 0; i < FILES; i++) {
        const char *file = files[i] ? files[i] : "";
        if (strlen(file) >= FILE_MAX)
            return false;
        memcpy(wanted->files[i], file, strlen(file) + 1);
    }
    return true;
}

static bool same_files(const struct context *a, const struct context *b)
{
    for (int i = 0; i < FILES; i++) {
        if (strcmp(a->files[i], b->files[i]) != 0)
            return false;
    }
    return a->is_server == b->is_server;
}

/* The place of this context, or the one to be given up for it. */
static struct context *find_place(struct sip_tls_contexts *contexts, const struct context *wanted)
{
    struct context *place = &contexts->all[0];
    for (size_t i = 0; i < SIP_TLS_CONTEXTS_MAX; i++) {
        struct context *c = &contexts->all[i];
        if (c->ctx && same_files(c, wanted))
            return c;
        if (place->ctx && (!c->ctx || c->used < place->used))
            place = c;
    }
    return place;
}

static bool same_stamps(const struct context *a, const struct context *b)
{
    for (int i = 0; i < FILES; i++) {
        if (!same_stamp(&a->stamps[i], &b->stamps[i]))
            return false;
    }
    return true;
}

SSL_CTX *sip_tls_context_find(struct sip_tls_contexts *contexts, const struct sip_tls_terms *terms,
                              bool is_server, int *error, char text[SIP_TLS_TEXT])
{
    struct context wanted = {.is_server = is_server, .used = ++contexts->turns};
    const char *why = "";
    *error = -EINVAL;
    if (!fits(&wanted, terms)) {
        (void)snprintf(text, SIP_TLS_TEXT, "the name of a file is too long");
        return NULL;
    }
    for (int i = 0; i < FILES; i++) {
        *error = read_stamp(wanted.files[i], i == 2, &wanted.stamps[i], &why);
        if (*error) {
            (void)snprintf(text, SIP_TLS_TEXT, "the %s %.60s cannot be used: %s", roles[i],
                           wanted.files[i], why);
            return NULL;
        }
    }
    struct context *place = find_place(contexts, &wanted);
    if (!place->ctx || !same_files(place, &wanted) || !same_stamps(place, &wanted)) {
        *error = load(&wanted, text);
        if (*error)
            return NULL; /* what was read before stays, for those who use it */
        SSL_CTX_free(place->ctx);
        *place = wanted;
    }
    place->used = contexts->turns;
    *error = 0;
    return place->ctx;
}
