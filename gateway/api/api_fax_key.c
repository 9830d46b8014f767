#include "gateway/api/api_fax_key.h"

#include <errno.h>
#include <string.h>

void api_note_damage(struct api_request *r, const struct fax_id *fax, const char *reason)
{
    struct event e;
    event_begin(&e, "vault.damaged", "system", fax);
    event_outcome(&e, "failed");
    event_text(&e, "reason", reason);
    event_note(&e, r->control->audit);
}

void api_take_key(struct api_request *r, const struct fax_id *fax, int status,
                  const struct msg_key_result *result, const char *purpose,
                  uint8_t key[MSG_KEY_OCTETS], void (*next)(struct api_request *r))
{
    struct event e;
    if (status == -ENOENT) {
        api_answer_problem(r, 410, "disposed", "The fax has been disposed of",
                           "its key is destroyed");
        return;
    }
    if (status == -EBADMSG) {
        api_note_damage(r, fax, "the record of its key does not authenticate");
        api_answer_problem(r, 500, "damaged", "The key of the fax is damaged", NULL);
        return;
    }
    if (status < 0) {
        api_answer_error(r, status, "the key cannot be had");
        return;
    }
    memcpy(key, result->data_key, MSG_KEY_OCTETS);
    event_begin(&e, "key.used", r->principal, fax);
    event_text(&e, "kek", result->kek_id);
    event_text(&e, "purpose", purpose);
    api_record(r, &e, next);
}
