#include "gateway/keeper/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gateway/keeper/key_store.h"
#include "gateway/process/ipc.h"
#include "gateway/process/log.h"
#include "gateway/process/messages.h"
#include "gateway/wall_clock.h"
#include "policy/key_master.h"
#include "policy/policy_error.h"
#include "policy/secret.h"

enum {
    REASON_MAX = 300,
    LIST_COUNT =
        sizeof((struct msg_key_listed *)0)->keys / sizeof((struct msg_key_listed *)0)->keys[0]
};

_Static_assert((int)MSG_KEY_OCTETS == (int)KEY_OCTETS, "keys of one length");
_Static_assert((int)MSG_KEYS_MAX == (int)KEY_STORE_BATCH_MAX, "one size of a batch");
_Static_assert((int)MSG_KEY_ID_MAX >= (int)KEK_ID_TEXT, "KEK ids fit");
_Static_assert((int)MSG_NOTE_MAX >= (int)CHECKPOINT_TEXT, "notes fit");
_Static_assert((int)MSG_SECRET_MAX >= (int)SECRET_RECORD_MAX, "sealed secrets fit");
_Static_assert((int)MSG_SECRET_TEXT_MAX == (int)SECRET_OWNER_TEXT, "owners fit");
_Static_assert(sizeof((struct msg_keeper_hello *)0)->verifier_key >= CHECKPOINT_KEY_TEXT,
               "verifier keys fit");

/* Texts of a message must end within their array. */
static bool is_text(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

static int answer_result(int fd, uint64_t tag, int status, struct key_store_key *key)
{
    struct msg_key_result result = {.status = status, .kek_created = key->kek_created};
    memcpy(result.data_key, key->data_key, sizeof result.data_key);
    memcpy(result.kek_id, key->kek_id, sizeof key->kek_id);
    int sent = ipc_send(fd, MSG_KEY_RESULT, tag, &result, sizeof result, NULL, 0);
    secret_wipe(&result, sizeof result);
    secret_wipe(key, sizeof *key);
    return sent;
}

static int serve_create(struct key_store *store, int fd, uint64_t tag,
                        const struct msg_key_create *body)
{
    struct key_store_key key = {0};
    int status = -EINVAL;
    if (is_text(body->class_name, sizeof body->class_name) &&
        is_text(body->disposal_month, sizeof body->disposal_month))
        status = key_store_create(store, body->fax_id, body->class_name, body->disposal_month,
                                  wall_clock_us(), &key);
    return answer_result(fd, tag, status, &key);
}

static int serve_open(struct key_store *store, int fd, uint64_t tag,
                      const struct msg_key_open *body)
{
    struct key_store_key key;
    int status = key_store_read(store, body->fax_id, &key);
    return answer_result(fd, tag, status, &key);
}

static int serve_destroy(struct key_store *store, int fd, uint64_t tag,
                         const struct msg_key_open *body)
{
    struct key_store_key key = {0};
    int status = key_store_destroy(store, body->fax_id, key.kek_id);
    return answer_result(fd, tag, status, &key);
}

static int serve_create_all(struct key_store *store, int fd, uint64_t tag,
                            const struct msg_keys_create *body)
{
    struct msg_keys_result answer = {.status = -EINVAL};
    char kek_id[KEK_ID_TEXT] = "";
    bool kek_created = false;
    if (body->count > 0 && body->count <= MSG_KEYS_MAX &&
        is_text(body->class_name, sizeof body->class_name) &&
        is_text(body->disposal_month, sizeof body->disposal_month)) {
        const struct key_store_kek_wanted wanted = {body->class_name, body->disposal_month,
                                                    wall_clock_us()};
        answer.status = key_store_create_all(store, body->ids, body->count, &wanted,
                                             answer.data_keys, kek_id, &kek_created);
    }
    answer.kek_created = kek_created;
    memcpy(answer.kek_id, kek_id, sizeof kek_id);
    int sent = ipc_send(fd, MSG_KEYS_RESULT, tag, &answer, sizeof answer, NULL, 0);
    secret_wipe(&answer, sizeof answer);
    return sent;
}

static int serve_sign(struct key_store *store, int fd, uint64_t tag,
                      const struct msg_sign_checkpoint *body)
{
    struct checkpoint checkpoint = {.size = body->size};
    struct msg_signed answer = {.status = -EINVAL};
    if (is_text(body->origin, sizeof body->origin) &&
        strlen(body->origin) < sizeof checkpoint.origin && body->time_ms > 0 &&
        body->time_ms <= INT64_MAX / 1000) {
        memcpy(checkpoint.origin, body->origin, strlen(body->origin) + 1);
        memcpy(&checkpoint.root, body->root, sizeof checkpoint.root);
        checkpoint.time_us = body->time_ms * 1000;
        answer.status = key_store_sign(store, &checkpoint, answer.note);
    }
    answer.length = answer.status == 0 ? (uint32_t)strlen(answer.note) : 0;
    return ipc_send(fd, MSG_SIGNED, tag, &answer, sizeof answer, NULL, 0);
}

static bool is_owner(const struct msg_secret *body)
{
    return is_text(body->principal, sizeof body->principal) &&
           is_text(body->realm, sizeof body->realm) && is_text(body->user, sizeof body->user) &&
           body->length <= sizeof body->octets;
}

static int serve_secret(struct key_store *store, int fd, uint64_t tag, bool seal,
                        const struct msg_secret *body)
{
    struct key_store_secret made = {.length = 0};
    struct msg_secret_result answer = {.status = -EINVAL};
    if (is_owner(body)) {
        const struct secret_owner owner = {body->principal, body->realm, body->user};
        answer.status =
            seal ? key_store_seal_secret(store, &owner, body->octets, body->length, wall_clock_us(),
                                         &made)
                 : key_store_open_secret(store, &owner, body->octets, body->length, &made);
    }
    answer.kek_created = made.kek_created;
    answer.length = (uint32_t)made.length;
    memcpy(answer.octets, made.octets, made.length);
    memcpy(answer.kek_id, made.kek_id, sizeof made.kek_id);
    int sent = ipc_send(fd, MSG_SECRET_RESULT, tag, &answer, sizeof answer, NULL, 0);
    secret_wipe(&answer, sizeof answer);
    secret_wipe(&made, sizeof made);
    return sent;
}

static int serve_list(struct key_store *store, int fd, uint64_t tag,
                      const struct msg_key_list *body)
{
    struct key_store_kek keks[LIST_COUNT];
    struct msg_key_listed answer = {0};
    size_t total = 0;
    int count = key_store_list(store, body->cursor, keks, LIST_COUNT, &total);
    answer.status = count < 0 ? count : 0;
    for (int i = 0; i < count; i++) {
        memcpy(answer.keys[i].kek_id, keks[i].kek_id, KEK_ID_TEXT);
        answer.keys[i].created_ms = keks[i].created_us / 1000;
        answer.keys[i].data_keys = keks[i].data_keys;
        answer.count++;
    }
    if (count > 0 && body->cursor + answer.count < total)
        answer.next = body->cursor + answer.count;
    return ipc_send(fd, MSG_KEY_LISTED, tag, &answer, sizeof answer, NULL, 0);
}

static int serve_message(struct key_store *store, int fd, const struct ipc_message *message)
{
    const void *body;
    uint64_t tag = message->header.tag;
    if ((body = ipc_message_body(message, MSG_KEY_CREATE, sizeof(struct msg_key_create))))
        return serve_create(store, fd, tag, body);
    if ((body = ipc_message_body(message, MSG_KEYS_CREATE, sizeof(struct msg_keys_create))))
        return serve_create_all(store, fd, tag, body);
    if ((body = ipc_message_body(message, MSG_KEY_OPEN, sizeof(struct msg_key_open))))
        return serve_open(store, fd, tag, body);
    if ((body = ipc_message_body(message, MSG_KEY_DESTROY, sizeof(struct msg_key_open))))
        return serve_destroy(store, fd, tag, body);
    if ((body = ipc_message_body(message, MSG_SIGN_CHECKPOINT, sizeof(struct msg_sign_checkpoint))))
        return serve_sign(store, fd, tag, body);
    if ((body = ipc_message_body(message, MSG_KEY_LIST, sizeof(struct msg_key_list))))
        return serve_list(store, fd, tag, body);
    if ((body = ipc_message_body(message, MSG_SECRET_SEAL, sizeof(struct msg_secret))))
        return serve_secret(store, fd, tag, true, body);
    if ((body = ipc_message_body(message, MSG_SECRET_OPEN, sizeof(struct msg_secret))))
        return serve_secret(store, fd, tag, false, body);
    return -EPROTO;
}

static int send_hello(struct key_store *store, int fd)
{
    struct msg_keeper_hello hello = {0};
    char text[CHECKPOINT_KEY_TEXT] = "";
    key_store_master_id(store, hello.master_key_id);
    if (checkpoint_key_write(key_store_verifier(store), text) < 0)
        return -EIO;
    memcpy(hello.verifier_key, text, sizeof text);
    return ipc_send(fd, MSG_KEEPER_HELLO, 0, &hello, sizeof hello, NULL, 0);
}

static int serve_channel(struct key_store *store, int fd)
{
    static struct ipc_message message;
    int status = send_hello(store, fd);
    while (status == 0) {
        int received = ipc_receive(fd, &message);
        if (received <= 0) {
            status = received;
            break;
        }
        status = serve_message(store, fd, &message);
        ipc_message_drop(&message);
    }
    if (status == 0 || status == -EPIPE || status == -ECONNRESET)
        return ROLE_EXIT_OK; /* control has gone */
    log_write(LOG_LEVEL_ERROR, "channel: %s", strerror(-status));
    return ROLE_EXIT_FAILED;
}

static int read_master_key(const char *path, uint8_t master[KEY_OCTETS])
{
    char text[4 * KEY_MASTER_TEXT], reason[KEY_MASTER_REASON] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text);
    if (length < 0) {
        log_write(LOG_LEVEL_ERROR, "master key %s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -EIO;
    }
    close(fd);
    int status = key_master_parse(text, (size_t)length, master, reason);
    secret_wipe(text, sizeof text);
    if (status < 0)
        log_write(LOG_LEVEL_ERROR, "master key %s: %s", path, reason);
    return status;
}

int keeper_main(int fd, const struct role_context *context)
{
    uint8_t master[KEY_OCTETS];
    char reason[REASON_MAX] = "";
    struct key_store *store = NULL;
    /* Not MCL_FUTURE: with a small limit every later allocation would fail. */
    if (mlockall(MCL_CURRENT | MCL_ONFAULT) < 0)
        log_write(LOG_LEVEL_DEBUG, "memory is not locked: %s", strerror(errno));
    int status = read_master_key(context->paths->master_key, master);
    if (status < 0)
        return ROLE_EXIT_PERMANENT;
    status = role_enter_sandbox(context, ROLE_SANDBOX_ALL);
    if (status == 0) {
        status = key_store_open(context->paths->keeper, context->config->node, master, &store,
                                reason, sizeof reason);
        if (status < 0)
            log_write(LOG_LEVEL_ERROR, "key store %s: %s", context->paths->keeper, reason);
    }
    secret_wipe(master, sizeof master);
    if (status == -EKEYREJECTED)
        return ROLE_EXIT_WRONG_KEY;
    if (status < 0)
        return ROLE_EXIT_PERMANENT;
    int exit_status = serve_channel(store, fd);
    key_store_close(store);
    return exit_status;
}

static int write_master_key(int fd, uid_t uid, gid_t gid)
{
    uint8_t master[KEY_OCTETS];
    char text[KEY_MASTER_TEXT];
    int status = secret_random(master, sizeof master) < 0 ? -EIO : 0;
    if (status == 0 && key_master_write(master, text) < 0)
        status = -EIO;
    if (status == 0 && write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        status = -EIO;
    if (status == 0 && uid != (uid_t)-1 && fchown(fd, uid, gid) < 0)
        status = -errno;
    if (status == 0 && fsync(fd) < 0)
        status = -errno;
    secret_wipe(master, sizeof master);
    secret_wipe(text, sizeof text);
    return status;
}

int keeper_make_master_key(const char *path, uid_t uid, gid_t gid, bool *made)
{
    char temporary[PATH_MAX];
    *made = false;
    if (access(path, F_OK) == 0)
        return 0;
    if (errno != ENOENT)
        return -errno;
    if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary)
        return -ENAMETOOLONG;
    unlink(temporary);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int status = write_master_key(fd, uid, gid);
    close(fd);
    if (status == 0 && renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) < 0)
        status = -errno;
    if (status < 0)
        unlink(temporary);
    *made = status == 0;
    return status;
}
