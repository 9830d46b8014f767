/* event.h: puts an audit event together and hands it to the log. */
#ifndef GATEWAY_CONTROL_EVENT_H
#define GATEWAY_CONTROL_EVENT_H

#include "gateway/audit/audit.h"

struct event {
    struct audit_event audit;
    struct audit_field fields[AUDIT_FIELDS_MAX];
};

/* All texts must live until event_append(). fax may be NULL. */
void event_begin(struct event *e, const char *type, const char *actor, const struct fax_id *fax);
void event_outcome(struct event *e, const char *outcome);

/* Adds a field. More than AUDIT_FIELDS_MAX is a mistake of ours. NULL text counts as "". */
void event_text(struct event *e, const char *key, const char *text);
void event_integer(struct event *e, const char *key, int64_t value);

/* A text that identifies a person: in the record only as a commitment. */
void event_personal(struct event *e, const char *key, const char *text);

/* As audit_append(). */
int event_append(const struct event *e, struct audit *audit, audit_done_cb *done, void *user)
    __attribute__((warn_unused_result));

/* For what has happened already and cannot be taken back: a failure is logged. */
void event_note(const struct event *e, struct audit *audit);

#endif
