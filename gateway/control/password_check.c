#include "gateway/control/password_check.h"

#include <argon2.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 9106 §4, second recommendation (64 MiB), but with one lane: there is one thread. */
enum { PASSES = 3, MEMORY_KIB = 65536, LANES = 1, SALT_OCTETS = 16, HASH_OCTETS = 32 };

struct password_job {
    struct password_job *next;
    password_check_cb *done; /* NULL: forgotten */
    void *user;
    bool makes, nobody;
    int status;
    char encoded[PASSWORD_ENCODED_TEXT], password[PASSWORD_TEXT];
};

struct password_check {
    uv_thread_t thread;
    uv_mutex_t mutex; /* of all below but what is said */
    uv_cond_t more;
    uv_async_t done;
    struct password_job *waiting, **last, *finished;
    size_t count;
    bool stops;
};

/* What unknown users are measured against: no password fits. */
static const char nobody[] = "$argon2id$v=19$m=65536,t=3,p=1$c2VhbGZheC1ub2JvZHk"
                             "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

static int make(struct password_job *job)
{
    unsigned char salt[SALT_OCTETS];
    if (RAND_bytes(salt, sizeof salt) != 1)
        return -EIO;
    int rc =
        argon2id_hash_encoded(PASSES, MEMORY_KIB, LANES, job->password, strlen(job->password), salt,
                              sizeof salt, HASH_OCTETS, job->encoded, sizeof job->encoded);
    return rc == ARGON2_OK ? 0 : rc == ARGON2_MEMORY_ALLOCATION_ERROR ? -ENOMEM : -EIO;
}

static int verify(const struct password_job *job)
{
    switch (argon2id_verify(job->encoded, job->password, strlen(job->password))) {
    case ARGON2_OK:
        return job->nobody ? -EACCES : 0;
    case ARGON2_VERIFY_MISMATCH:
        return -EACCES;
    case ARGON2_MEMORY_ALLOCATION_ERROR:
        return -ENOMEM;
    default:
        return -EBADMSG;
    }
}

static void run(void *user)
{
    struct password_check *c = user;
    uv_mutex_lock(&c->mutex);
    for (;;) {
        while (!c->waiting && !c->stops)
            uv_cond_wait(&c->more, &c->mutex);
        struct password_job *job = c->waiting;
        if (c->stops || !job)
            break;
        c->waiting = job->next;
        if (!c->waiting)
            c->last = &c->waiting;
        uv_mutex_unlock(&c->mutex);
        job->status = job->makes ? make(job) : verify(job);
        OPENSSL_cleanse(job->password, sizeof job->password);
        uv_mutex_lock(&c->mutex);
        job->next = c->finished;
        c->finished = job;
        (void)uv_async_send(&c->done);
    }
    uv_mutex_unlock(&c->mutex);
}

static void answer(struct password_job *job, int error)
{
    while (job) {
        struct password_job *next = job->next;
        if (job->done)
            job->done(job->user, error ? error : job->status, job->encoded);
        OPENSSL_cleanse(job, sizeof *job);
        free(job);
        job = next;
    }
}

static void on_done(uv_async_t *async)
{
    struct password_check *c = async->data;
    uv_mutex_lock(&c->mutex);
    struct password_job *finished = c->finished;
    c->finished = NULL;
    for (const struct password_job *job = finished; job; job = job->next)
        c->count--;
    uv_mutex_unlock(&c->mutex);
    answer(finished, 0);
}

int password_check_new(uv_loop_t *loop, struct password_check **out)
{
    struct password_check *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    c->last = &c->waiting;
    c->done.data = c;
    int rc = uv_mutex_init(&c->mutex);
    if (rc < 0)
        goto fail;
    rc = uv_cond_init(&c->more);
    if (rc < 0)
        goto fail_mutex;
    /* Last but the thread: a handle can only be freed by the loop. */
    rc = uv_async_init(loop, &c->done, on_done);
    if (rc < 0)
        goto fail_cond;
    rc = uv_thread_create(&c->thread, run, c);
    if (rc == 0) {
        *out = c;
        return 0;
    }
    c->stops = true;
    *out = NULL;
    uv_close((uv_handle_t *)&c->done, NULL); /* c leaks: who called cannot start, and ends */
    return rc;
fail_cond:
    uv_cond_destroy(&c->more);
fail_mutex:
    uv_mutex_destroy(&c->mutex);
fail:
    free(c);
    return rc;
}

static void on_closed(uv_handle_t *handle)
{
    struct password_check *c = handle->data;
    uv_cond_destroy(&c->more);
    uv_mutex_destroy(&c->mutex);
    free(c);
}

void password_check_close(struct password_check *c)
{
    if (!c)
        return;
    uv_mutex_lock(&c->mutex);
    c->stops = true;
    uv_cond_signal(&c->more);
    uv_mutex_unlock(&c->mutex);
    uv_thread_join(&c->thread);
    answer(c->finished, -ECANCELED);
    answer(c->waiting, -ECANCELED);
    c->finished = c->waiting = NULL;
    uv_close((uv_handle_t *)&c->done, on_closed);
}

static int add(struct password_check *c, const char *password, struct password_job *template,
               struct password_job **out)
{
    size_t length = strlen(password);
    if (length >= PASSWORD_TEXT)
        return -EINVAL;
    struct password_job *job = malloc(sizeof *job);
    if (!job)
        return -ENOMEM;
    *job = *template;
    memcpy(job->password, password, length + 1);
    uv_mutex_lock(&c->mutex);
    bool full = c->count >= PASSWORD_QUEUE_MAX;
    if (!full) {
        c->count++;
        *c->last = job;
        c->last = &job->next;
        uv_cond_signal(&c->more);
    }
    uv_mutex_unlock(&c->mutex);
    if (full) {
        OPENSSL_cleanse(job, sizeof *job);
        free(job);
        return -ENOBUFS;
    }
    *out = job;
    return 0;
}

int password_verify(struct password_check *c, const char *encoded, const char *password,
                    password_check_cb *done, void *user, struct password_job **out)
{
    struct password_job job = {.done = done, .user = user, .nobody = !encoded};
    if (encoded && strlen(encoded) >= sizeof job.encoded)
        return -EINVAL;
    (void)snprintf(job.encoded, sizeof job.encoded, "%s", encoded ? encoded : nobody);
    return add(c, password, &job, out);
}

int password_hash(struct password_check *c, const char *password, password_check_cb *done,
                  void *user, struct password_job **out)
{
    struct password_job job = {.done = done, .user = user, .makes = true};
    return add(c, password, &job, out);
}

/* The thread does not look at done. */
void password_job_forget(struct password_job *job)
{
    job->done = NULL;
}
