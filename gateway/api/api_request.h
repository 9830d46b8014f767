/* api_request.h: what all handlers of the API share. For the files of gateway/api alone. */
#ifndef GATEWAY_API_API_REQUEST_H
#define GATEWAY_API_API_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/control/control.h"
#include "gateway/control/event.h"
#include "gateway/db/fax_queries.h"
#include "gateway/http/http_server.h"
#include "policy/policy_action.h"

/* A request that waits for the log or the database. Made by api_begin(), freed by the function that
 * answers (api_end() or any api_answer_*). */
struct api_request {
    struct control *control;
    struct http_request *http;
    char principal[POLICY_NAME_TEXT];
    json_t *body; /* answer that is being put together, or the request's */
    void *state;  /* of the handler */
    void (*state_free)(void *state);
    void (*next)(struct api_request *r); /* after api_record() */
    int http_status;                     /* for api_change() */
    bool changes;                        /* from api_begin_change() */
    struct api_revocation *revocation;   /* api_revoke.h */
};

/* Finds the caller. Answers 503 while the gateway is not ready, 403 (recorded) for a user id that
 * is no principal or a disabled one; then returns NULL and the request is gone. */
struct api_request *api_begin(struct http_request *http, void *control);

/* The same for a change of the registers: one at a time, because each is judged by the registers as
 * they are before it. While another one is under way, the handler is called again after it and NULL
 * is returned. */
struct api_request *api_begin_change(struct http_request *http, void *control,
                                     http_handler_cb *handler);

/* Frees what does not belong to the answer; the HTTP request has been answered. */
void api_end(struct api_request *r);

/* Answer and free. */
void api_answer_json(struct api_request *r, int status, json_t *body);
void api_answer_problem(struct api_request *r, int status, const char *slug, const char *title,
                        const char *detail);
void api_answer_error(struct api_request *r, int error, const char *what); /* 503 */

/* Decides. When denied: records access.denied, then answers 403 with the reason and returns false.
 */
bool api_allow(struct api_request *r, enum policy_action action, const char *mailbox)
    __attribute__((warn_unused_result));
/* The part of it for a decision that is made already. fax may be NULL. */
void api_deny(struct api_request *r, enum policy_action action, const char *reason,
              const struct fax_id *fax);

/* Records the event, then goes on with next; answers 503 when it cannot be recorded. */
void api_record(struct api_request *r, const struct event *e, void (*next)(struct api_request *r));

/* Records a change of the registers, waits until it is applied and the policy is read again, then
 * answers with status and body (NULL: no body). */
void api_change(struct api_request *r, const struct event *e, int status, json_t *body);

/* A query whose rows make the answer: on failure answers 503, and returns false. */
bool api_rows(struct api_request *r, int status, const char *what)
    __attribute__((warn_unused_result));

/* Reads the id in the path, then the fax, then decides `action` on its mailbox. found is called
 * with the row; otherwise it answers 404, 403 or 503. */
typedef void api_fax_cb(struct api_request *r, const struct fax_id *fax, const struct fax_row *row,
                        const struct db_result *result);
void api_find_fax(struct api_request *r, enum policy_action action, api_fax_cb *found);

/* Text of a JSON member: fallback when absent; NULL after having answered 400 for another type,
 * control characters or more than max octets; then the request is gone. */
const char *api_text(struct api_request *r, json_t *object, const char *key, const char *fallback,
                     size_t max);

/* ISO 8601 in UTC, JSON null for 0. */
json_t *api_time(int64_t ms);

/* The names of principals, roles, mailboxes, trunks. */
bool api_name_valid(const char *name);

/* Actors in the log that are no principals. */
bool api_name_reserved(const char *name);

/* The mailboxes that the caller may list; names borrowed from the policy, the array is free()d by
 * the caller. */
const char **api_visible_mailboxes(struct api_request *r, size_t *count);

/* enum fax_priority as normal, low, high; reading gives -1 for anything else. */
const char *api_priority_text(int64_t priority);
int api_priority_parse(const char *text);

/* A fax as the API shows it. */
json_t *api_fax_json(const struct fax_row *row);

/* A comma-separated text as an array. */
json_t *api_list_json(const char *text);

#endif
