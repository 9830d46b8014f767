/* The functions that the linker puts before malloc and the others (--wrap). */
#include "tests/allocation/allocation.h"

#include <errno.h>
#include <execinfo.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <osip2/osip.h>
#include <osipparser2/osip_message.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HASHED_FRAMES = 5, OWN_FRAMES_MAX = 4 };

static struct allocation_run *current;

/* From the linker. */
extern char __start_allocation_outermost, __stop_allocation_outermost;

struct allocation_run *allocation_current(void)
{
    return current;
}

static bool is_outermost(const char *pc)
{
    return pc >= &__start_allocation_outermost && pc <= &__stop_allocation_outermost;
}

static uint64_t hash_frames(void *const *frames, int count)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (int i = 0; i < count && i < HASHED_FRAMES && !is_outermost(frames[i]); i++)
        hash = (hash ^ (uintptr_t)frames[i]) * UINT64_C(1099511628211);
    return hash;
}

static void lock(struct allocation_run *run)
{
    while (atomic_flag_test_and_set(&run->busy)) {
    }
}

static void list_place(struct allocation_run *run, uint64_t hash, void *const *frames, int count)
{
    lock(run);
    size_t i = 0;
    while (i < run->place_count && run->places[i].hash != hash)
        i++;
    if (i == run->place_count && i < ALLOCATION_PLACES_MAX) {
        struct allocation_place *place = &run->places[run->place_count++];
        place->hash = hash;
        place->frame_count = count;
        place->test = run->test;
        memcpy(place->frames, frames, (size_t)count * sizeof frames[0]);
    }
    atomic_flag_clear(&run->busy);
}

/* Is it the allocation's turn to fail? */
static __attribute__((noinline)) bool fails(void)
{
    void *frames[ALLOCATION_FRAMES_MAX + OWN_FRAMES_MAX];
    struct allocation_run *run = current;
    if (!run || !atomic_load(&run->armed) || (!run->lists && atomic_load(&run->failed)))
        return false;
    int count = backtrace(frames, ALLOCATION_FRAMES_MAX + OWN_FRAMES_MAX);
    int own = 0; /* of ours and of the sanitizer, up to the wrapper */
    while (own < count && frames[own] != __builtin_return_address(0))
        own++;
    own++;
    if (own >= count)
        return false;
    count = count - own < ALLOCATION_FRAMES_MAX ? count - own : ALLOCATION_FRAMES_MAX;
    uint64_t hash = hash_frames(frames + own, count);
    if (run->lists) {
        list_place(run, hash, frames + own, count);
        return false;
    }
    if (hash != run->target || atomic_exchange(&run->failed, true))
        return false;
    errno = ENOMEM;
    return true;
}

#define WRAP(result, name, parameters, arguments, failure)                                         \
    result __real_##name parameters;                                                               \
    result __wrap_##name parameters;                                                               \
    result __wrap_##name parameters                                                                \
    {                                                                                              \
        return fails() ? (failure) : __real_##name arguments;                                      \
    }

WRAP(void *, malloc, (size_t size), (size), NULL)
WRAP(void *, calloc, (size_t count, size_t size), (count, size), NULL)
WRAP(void *, realloc, (void *old, size_t size), (old, size), NULL)
WRAP(void *, reallocarray, (void *old, size_t count, size_t size), (old, count, size), NULL)
WRAP(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size), NULL)
WRAP(int, posix_memalign, (void **out, size_t alignment, size_t size), (out, alignment, size),
     ENOMEM)
WRAP(char *, strdup, (const char *text), (text), NULL)
WRAP(char *, strndup, (const char *text, size_t length), (text, length), NULL)
WRAP(int, vasprintf, (char **out, const char *format, va_list arguments), (out, format, arguments),
     -1)
WRAP(FILE *, open_memstream, (char **text, size_t *length), (text, length), NULL)
WRAP(int, memfd_create, (const char *name, unsigned flags), (name, flags), -1)
WRAP(EVP_MD_CTX *, EVP_MD_CTX_new, (void), (), NULL)
WRAP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_new, (void), (), NULL)
WRAP(EVP_KDF *, EVP_KDF_fetch, (OSSL_LIB_CTX * context, const char *name, const char *properties),
     (context, name, properties), NULL)
WRAP(EVP_KDF_CTX *, EVP_KDF_CTX_new, (EVP_KDF * kdf), (kdf), NULL)
WRAP(EVP_PKEY *, EVP_PKEY_new_raw_private_key,
     (int type, ENGINE *engine, const unsigned char *key, size_t length),
     (type, engine, key, length), NULL)
WRAP(EVP_PKEY *, EVP_PKEY_new_raw_public_key,
     (int type, ENGINE *engine, const unsigned char *key, size_t length),
     (type, engine, key, length), NULL)

WRAP(json_t *, json_object, (void), (), NULL)
WRAP(json_t *, json_array, (void), (), NULL)
WRAP(json_t *, json_integer, (json_int_t value), (value), NULL)
WRAP(json_t *, json_string, (const char *text), (text), NULL)
WRAP(json_t *, json_stringn, (const char *text, size_t length), (text, length), NULL)
WRAP(json_t *, json_loads, (const char *text, size_t flags, json_error_t *error),
     (text, flags, error), NULL)
WRAP(json_t *, json_loadb, (const char *text, size_t length, size_t flags, json_error_t *error),
     (text, length, flags, error), NULL)
WRAP(char *, json_dumps, (const json_t *value, size_t flags), (value, flags), NULL)
/* Both take the value over, also when they fail. */
WRAP(int, json_object_set_new, (json_t * object, const char *key, json_t *value),
     (object, key, value), (json_decref(value), -1))
WRAP(int, json_array_append_new, (json_t * array, json_t *value), (array, value),
     (json_decref(value), -1))
WRAP(int, osip_message_init, (osip_message_t * *out), (out), OSIP_NOMEM)
WRAP(int, osip_message_parse, (osip_message_t * message, const char *text, size_t length),
     (message, text, length), OSIP_NOMEM)
WRAP(int, osip_message_to_str, (osip_message_t * message, char **text, size_t *length),
     (message, text, length), OSIP_NOMEM)
WRAP(int, osip_message_set_header, (osip_message_t * message, const char *name, const char *value),
     (message, name, value), OSIP_NOMEM)
WRAP(int, osip_message_set_body, (osip_message_t * message, const char *text, size_t length),
     (message, text, length), OSIP_NOMEM)
WRAP(int, osip_transaction_init,
     (osip_transaction_t * *out, osip_fsm_type_t kind, osip_t *osip, osip_message_t *message),
     (out, kind, osip, message), OSIP_NOMEM)
WRAP(osip_event_t *, osip_new_outgoing_sipmessage, (osip_message_t * message), (message), NULL)
WRAP(char *, osip_strdup, (const char *text), (text), NULL)
WRAP(int, osip_from_init, (osip_from_t * *out), (out), OSIP_NOMEM)
WRAP(int, osip_from_parse, (osip_from_t * from, const char *text), (from, text), OSIP_NOMEM)
WRAP(int, osip_from_clone, (const osip_from_t *from, osip_from_t **out), (from, out), OSIP_NOMEM)
WRAP(int, osip_to_clone, (const osip_to_t *to, osip_to_t **out), (to, out), OSIP_NOMEM)
WRAP(int, osip_via_clone, (const osip_via_t *via, osip_via_t **out), (via, out), OSIP_NOMEM)
WRAP(int, osip_cseq_clone, (const osip_cseq_t *cseq, osip_cseq_t **out), (cseq, out), OSIP_NOMEM)
WRAP(int, osip_call_id_clone, (const osip_call_id_t *id, osip_call_id_t **out), (id, out),
     OSIP_NOMEM)
WRAP(int, osip_list_add, (osip_list_t * list, void *element, int position),
     (list, element, position), OSIP_NOMEM)

/* Those with lists of arguments. */

json_t *__wrap_json_pack(const char *format, ...);
json_t *__wrap_json_pack(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    json_t *value = json_vpack_ex(NULL, 0, format, arguments);
    va_end(arguments);
    if (!fails())
        return value;
    json_decref(value); /* also what it took over */
    return NULL;
}

json_t *__wrap_json_sprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
json_t *__wrap_json_sprintf(const char *format, ...)
{
    va_list arguments;
    if (fails())
        return NULL;
    va_start(arguments, format);
    json_t *value = json_vsprintf(format, arguments);
    va_end(arguments);
    return value;
}

int __wrap_asprintf(char **out, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap_asprintf(char **out, const char *format, ...)
{
    va_list arguments;
    if (fails())
        return -1;
    va_start(arguments, format);
    int length = __real_vasprintf(out, format, arguments);
    va_end(arguments);
    return length;
}

static void note_path(const char *path)
{
    struct allocation_run *run = current;
    if (!run)
        return;
    lock(run);
    if (run->path_count < ALLOCATION_PATHS_MAX && strlen(path) < ALLOCATION_PATH_MAX)
        strcpy(run->paths[run->path_count++], path);
    atomic_flag_clear(&run->busy);
}

char *__real_mkdtemp(char *name);
char *__wrap_mkdtemp(char *name);
char *__wrap_mkdtemp(char *name)
{
    char *made = __real_mkdtemp(name);
    if (made)
        note_path(made);
    return made;
}

int __real_mkstemp(char *name);
int __wrap_mkstemp(char *name);
int __wrap_mkstemp(char *name)
{
    int fd = __real_mkstemp(name);
    if (fd >= 0)
        note_path(name);
    return fd;
}

int __real_mkostemp(char *name, int flags);
int __wrap_mkostemp(char *name, int flags);
int __wrap_mkostemp(char *name, int flags)
{
    int fd = __real_mkostemp(name, flags);
    if (fd >= 0)
        note_path(name);
    return fd;
}

struct allocation_run *allocation_start(void)
{
    void *frames[4];
    backtrace(frames, 4); /* loads what it needs, outside of any sandbox */
    void *memory =
        mmap(NULL, sizeof *current, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED)
        current = memory;
    return current;
}
