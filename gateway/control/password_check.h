/* password_check.h: Argon2id (RFC 9106) on a thread of its own, one password after the other, so
 * that no number of sign-ins can hold up the pool that makes pages durable. Encoded hashes carry
 * their parameters: later ones may be stronger. */
#ifndef GATEWAY_CONTROL_PASSWORD_CHECK_H
#define GATEWAY_CONTROL_PASSWORD_CHECK_H

#include <uv.h>

enum {
    PASSWORD_ENCODED_TEXT = 128, /* of an encoded hash with its NUL */
    PASSWORD_TEXT = 256,         /* of a password with its NUL */
    PASSWORD_QUEUE_MAX = 32      /* passwords that wait */
};

struct password_check;
struct password_job;

/* Starts the thread: behind Landlock and before seccomp, that both cover it. It keeps the loop
 * alive until it is closed. Returns 0, -ENOMEM, or an error of libuv. */
int password_check_new(uv_loop_t *loop, struct password_check **out)
    __attribute__((warn_unused_result));

/* Ends the thread, at most one password later; jobs that wait are answered with -ECANCELED. NULL is
 * allowed. */
void password_check_close(struct password_check *check);

/* status: 0; -EACCES: it is another password; -EBADMSG: no encoded hash; -ENOMEM. encoded: the new
 * hash, of password_hash(); valid during the call. Runs once, never before the asking function
 * returns. */
typedef void password_check_cb(void *user, int status, const char *encoded);

/* Asks whether password (up to PASSWORD_TEXT - 1 octets) is that of the encoded hash. encoded NULL:
 * nobody's; it takes as long, and the answer is -EACCES. Everything is copied and wiped. *out stays
 * valid until the answer. Errors: -ENOBUFS: too many wait; -EINVAL: too long; -ENOMEM. */
int password_verify(struct password_check *check, const char *encoded, const char *password,
                    password_check_cb *done, void *user, struct password_job **out)
    __attribute__((warn_unused_result));

/* Asks for the hash of a new password. Errors: as above. */
int password_hash(struct password_check *check, const char *password, password_check_cb *done,
                  void *user, struct password_job **out) __attribute__((warn_unused_result));

/* The answer is not wanted any more. */
void password_job_forget(struct password_job *job);

#endif
