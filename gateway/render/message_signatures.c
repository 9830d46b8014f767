#include "gateway/render/message_signatures.h"

#include <dlfcn.h>
#include <errno.h>
#include <opendkim/dkim.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "codecs/fax_error.h"
#include "gateway/render/library_function.h"
#include "gateway/render/message_results.h"

enum { RSA_BITS_MIN = 1024, BODY_PIECE = 65536 };

#define SIGNATURE_LIBRARY_FUNCTIONS(F)                                                             \
    F(dkim_body)                                                                                   \
    F(dkim_close)                                                                                  \
    F(dkim_eoh)                                                                                    \
    F(dkim_eom)                                                                                    \
    F(dkim_free)                                                                                   \
    F(dkim_get_user_context)                                                                       \
    F(dkim_getsiglist)                                                                             \
    F(dkim_header)                                                                                 \
    F(dkim_init)                                                                                   \
    F(dkim_set_key_lookup)                                                                         \
    F(dkim_set_user_context)                                                                       \
    F(dkim_sig_getbh)                                                                              \
    F(dkim_sig_getdomain)                                                                          \
    F(dkim_sig_geterror)                                                                           \
    F(dkim_sig_geterrorstr)                                                                        \
    F(dkim_sig_getflags)                                                                           \
    F(dkim_sig_getkeysize)                                                                         \
    F(dkim_sig_getselector)                                                                        \
    F(dkim_sig_getsignalg)                                                                         \
    F(dkim_sig_gettagvalue)                                                                        \
    F(dkim_verify)

struct signature_library {
#define SIGNATURE_LIBRARY_MEMBER(name)                                                             \
    __typeof__(name) *name; /* NOLINT(bugprone-macro-parentheses) */
    SIGNATURE_LIBRARY_FUNCTIONS(SIGNATURE_LIBRARY_MEMBER)
#undef SIGNATURE_LIBRARY_MEMBER
};

/* One message in the library's hands; the callback finds it as user context. */
struct verification {
    struct signature_library library;
    const struct msg_verify *keys; /* NULL: only listed */
    DKIM_LIB *lib;
    DKIM *dkim;
    DKIM_SIGINFO **all;
    int all_count;
    DKIM_SIGINFO *aligned[MESSAGE_SIGNATURES_MAX];
    uint32_t count;
};

static int load(struct signature_library *library)
{
    void *handle = dlopen("libopendkim.so.11", RTLD_NOW | RTLD_LOCAL);
    int error = handle != NULL ? 0 : -ENOSYS;

#define SIGNATURE_LIBRARY_FIND(name)                                                               \
    if (error == 0)                                                                                \
        error = library_function_find(handle, #name, &library->name, sizeof library->name);
    SIGNATURE_LIBRARY_FUNCTIONS(SIGNATURE_LIBRARY_FIND)
#undef SIGNATURE_LIBRARY_FIND
    return error; /* it stays loaded as long as the process lives */
}

static const char *tag_value(const struct verification *v, DKIM_SIGINFO *signature, const char *tag)
{
    return (const char *)v->library.dkim_sig_gettagvalue(signature, false,
                                                         (u_char *)(uintptr_t)tag);
}

static const char *domain_of(const struct verification *v, DKIM_SIGINFO *signature)
{
    const char *domain = (const char *)v->library.dkim_sig_getdomain(signature);
    return domain != NULL ? domain : "";
}

static const char *selector_of(const struct verification *v, DKIM_SIGINFO *signature)
{
    const char *selector = (const char *)v->library.dkim_sig_getselector(signature);
    return selector != NULL ? selector : "";
}

/* The library has to ask us: it never uses the DNS. */
static DKIM_CBSTAT look_up(DKIM *dkim, DKIM_SIGINFO *signature, u_char *buffer, size_t size);

static DKIM_CBSTAT answer_key(const struct verification *v, DKIM_SIGINFO *signature, char *buffer,
                              size_t size)
{
    for (uint32_t i = 0; v->keys != NULL && i < v->keys->count && i < MESSAGE_SIGNATURES_MAX; i++) {
        if (strcasecmp(v->keys->keys[i].domain, domain_of(v, signature)) != 0 ||
            strcasecmp(v->keys->keys[i].selector, selector_of(v, signature)) != 0)
            continue;
        int length = snprintf(buffer, size, "%s", v->keys->keys[i].record);
        return length > 0 && (size_t)length < size ? DKIM_CBSTAT_CONTINUE : DKIM_CBSTAT_NOTFOUND;
    }
    return DKIM_CBSTAT_NOTFOUND;
}

/* The functions of the library are in the verification, and how to find that one is known to the
 * library alone; this much of it is looked up by name again. */
static DKIM_CBSTAT look_up(DKIM *dkim, DKIM_SIGINFO *signature, u_char *buffer, size_t size)
{
    __typeof__(dkim_get_user_context) *get_context;
    void *function =
        dlsym(dlopen("libopendkim.so.11", RTLD_NOW | RTLD_NOLOAD), "dkim_get_user_context");

    if (function == NULL)
        return DKIM_CBSTAT_ERROR;
    memcpy(&get_context, &function, sizeof get_context);
    return answer_key(get_context(dkim), signature, (char *)buffer, size);
}

/* Each field with its folded lines, without the last line end. */
static int give_head(struct verification *v, const struct message_tree *tree)
{
    const char *at = (const char *)tree->octets, *end = at + tree->head_length;

    while (at < end && *at != '\r' && *at != '\n') {
        const char *stop = at;
        do {
            const char *line = memchr(stop, '\n', (size_t)(end - stop));
            stop = line != NULL ? line + 1 : end;
        } while (stop < end && (*stop == ' ' || *stop == '\t'));
        size_t length = (size_t)(stop - at);
        while (length > 0 && (at[length - 1] == '\n' || at[length - 1] == '\r'))
            length--;
        DKIM_STAT status = v->library.dkim_header(v->dkim, (u_char *)(uintptr_t)at, length);
        if (status == DKIM_STAT_NORESOURCE)
            return FAX_ENOMEM;
        at = stop;
    }
    return 0;
}

static void keep_aligned(struct verification *v, const char *author)
{
    const char *domain = strrchr(author, '@');

    for (int i = 0; domain != NULL && i < v->all_count && v->count < MESSAGE_SIGNATURES_MAX; i++)
        if (message_domain_aligned(domain_of(v, v->all[i]), domain + 1))
            v->aligned[v->count++] = v->all[i];
}

/* Reads the head; v->aligned has what counts. */
static int begin(struct verification *v, const struct message_tree *tree, const char *author,
                 const struct msg_verify *keys)
{
    static const unsigned char id[] = "message";
    DKIM_STAT status = DKIM_STAT_OK;
    int error;

    memset(v, 0, sizeof *v);
    v->keys = keys;
    if (load(&v->library) != 0)
        return -ENOSYS;
    v->lib = v->library.dkim_init(NULL, NULL);
    if (v->lib != NULL)
        v->dkim = v->library.dkim_verify(v->lib, id, NULL, &status);
    if (v->dkim == NULL)
        return FAX_ENOMEM;
    v->library.dkim_set_user_context(v->dkim, v);
    v->library.dkim_set_key_lookup(v->lib, look_up);
    error = give_head(v, tree);
    if (error == 0)
        status = v->library.dkim_eoh(v->dkim);
    if (error != 0 || status == DKIM_STAT_NORESOURCE)
        return FAX_ENOMEM;
    if (v->library.dkim_getsiglist(v->dkim, &v->all, &v->all_count) != DKIM_STAT_OK)
        v->all_count = 0;
    keep_aligned(v, author);
    return 0;
}

static void end(struct verification *v)
{
    if (v->dkim != NULL)
        v->library.dkim_free(v->dkim);
    if (v->lib != NULL)
        v->library.dkim_close(v->lib);
}

/* Whether the h= tag, names with ':' between them, has a field. */
static bool signs(const char *names, const char *field)
{
    size_t wanted = strlen(field);

    while (names != NULL && *names != '\0') {
        names += strspn(names, ": \t\r\n");
        size_t length = strcspn(names, ": \t\r\n");
        if (length == wanted && strncasecmp(names, field, length) == 0)
            return true;
        names += length;
    }
    return false;
}

/* Spaces in b= do not count (RFC 6376 §3.5). */
static void digest_value(const char *value, uint8_t digest[32])
{
    char kept[2048];
    size_t length = 0;

    for (value = value != NULL ? value : ""; *value != '\0' && length < sizeof kept; value++)
        if (strchr(" \t\r\n", *value) == NULL)
            kept[length++] = *value;
    SHA256((const unsigned char *)kept, length, digest);
}

int message_signatures_list(const struct message_tree *tree, struct message_facts *facts)
{
    GMimeObject *message = (GMimeObject *)tree->message;
    struct verification v;
    int error = begin(&v, tree, facts->from, NULL);

    facts->signature_count = 0;
    for (uint32_t i = 0; error == 0 && i < v.count; i++) {
        struct message_signature *s = &facts->signatures[facts->signature_count];
        const char *names = tag_value(&v, v.aligned[i], "h");
        const char *expires = tag_value(&v, v.aligned[i], "x");
        unsigned copies = 0;
        bool cc = message_field(tree, message, "Cc", &copies) != NULL;

        snprintf(s->domain, sizeof s->domain, "%s", domain_of(&v, v.aligned[i]));
        snprintf(s->selector, sizeof s->selector, "%s", selector_of(&v, v.aligned[i]));
        digest_value(tag_value(&v, v.aligned[i], "b"), s->digest);
        s->signs_to = signs(names, "to") && (!cc || signs(names, "cc"));
        long long seconds = expires != NULL ? strtoll(expires, NULL, 10) : 0;
        s->expires = seconds > 0 ? seconds : 0;
        facts->signature_count++;
    }
    end(&v);
    return error;
}

/* NULL: it is good. */
static const char *judge(const struct verification *v, DKIM_SIGINFO *signature)
{
    const struct signature_library *l = &v->library;
    dkim_alg_t algorithm = DKIM_SIGN_UNKNOWN;
    unsigned int bits = 0;

    if ((l->dkim_sig_getflags(signature) & DKIM_SIGFLAG_PASSED) == 0 ||
        l->dkim_sig_getbh(signature) != DKIM_SIGBH_MATCH) {
        const char *text = l->dkim_sig_geterrorstr(l->dkim_sig_geterror(signature));
        return text != NULL ? text : "it does not hold";
    }
    if (tag_value(v, signature, "l") != NULL)
        return "it covers a part of the body only";
    if (l->dkim_sig_getsignalg(signature, &algorithm) != DKIM_STAT_OK ||
        (algorithm != DKIM_SIGN_RSASHA256 && algorithm != DKIM_SIGN_ED25519SHA256))
        return "its algorithm is not accepted";
    if (algorithm == DKIM_SIGN_RSASHA256 &&
        (l->dkim_sig_getkeysize(signature, &bits) != DKIM_STAT_OK || bits < RSA_BITS_MIN))
        return "its key is too short";
    return NULL;
}

int message_signatures_verify(const struct message_tree *tree, const char *author,
                              const struct msg_verify *keys, struct msg_verified *verified)
{
    struct verification v;
    int error = begin(&v, tree, author, keys);
    size_t at = tree->head_length;

    memset(verified, 0, sizeof *verified);
    for (; error == 0 && at < tree->length; at += BODY_PIECE) {
        size_t left = tree->length - at;
        DKIM_STAT status = v.library.dkim_body(v.dkim, (u_char *)(uintptr_t)(tree->octets + at),
                                               left < BODY_PIECE ? left : BODY_PIECE);
        if (status == DKIM_STAT_NORESOURCE)
            error = FAX_ENOMEM;
    }
    if (error == 0 && v.count > 0) /* its verdict is about one signature; ours about each */
        (void)v.library.dkim_eom(v.dkim, NULL);
    for (uint32_t i = 0; error == 0 && i < v.count; i++) {
        const char *why = judge(&v, v.aligned[i]);
        if (why == NULL)
            verified->good |= 1U << i;
        else
            snprintf(verified->reason[i], sizeof verified->reason[i], "%s", why);
    }
    end(&v);
    return error;
}
