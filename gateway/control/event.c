#include "gateway/control/event.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gateway/process/log.h"

void event_begin(struct event *e, const char *type, const char *actor, const struct fax_id *fax)
{
    memset(e, 0, sizeof *e);
    e->audit.type = type;
    e->audit.actor = actor;
    e->audit.outcome = "ok";
    e->audit.fax = fax;
}

void event_outcome(struct event *e, const char *outcome)
{
    e->audit.outcome = outcome;
}

static struct audit_field *add(struct event *e, const char *key, enum audit_field_kind kind)
{
    assert(e->audit.count < AUDIT_FIELDS_MAX);
    struct audit_field *f = &e->fields[e->audit.count++];
    f->key = key;
    f->kind = kind;
    return f;
}

void event_text(struct event *e, const char *key, const char *text)
{
    add(e, key, AUDIT_TEXT)->text = text;
}

void event_integer(struct event *e, const char *key, int64_t value)
{
    add(e, key, AUDIT_INTEGER)->integer = value;
}

void event_personal(struct event *e, const char *key, const char *text)
{
    add(e, key, AUDIT_PERSONAL)->text = text;
}

int event_append(const struct event *e, struct audit *audit, audit_done_cb *done, void *user)
{
    struct audit_event audit_event = e->audit;
    if (!audit)
        return -ENOTCONN; /* fail closed */
    audit_event.fields = e->fields;
    return audit_append(audit, &audit_event, done, user);
}

void event_note(const struct event *e, struct audit *audit)
{
    int rc = event_append(e, audit, NULL, NULL);
    if (rc < 0 && audit)
        log_write(LOG_LEVEL_ERROR, "event %s could not be recorded: %s", e->audit.type,
                  strerror(-rc));
}
