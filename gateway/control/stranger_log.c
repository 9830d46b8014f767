#include "gateway/control/stranger_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/event.h"
#include "gateway/socket_address.h"

static const char others[] = "-1 too many accounts";

static void record_account(struct stranger_log *log, const char *source, uint64_t count)
{
    struct event e;
    char *reason;
    long long uid = strtoll(source, &reason, 10);
    event_begin(&e, "access.denied", "nobody", NULL);
    event_outcome(&e, "denied");
    event_text(&e, "action", "connect");
    event_text(&e, "reason", reason + (*reason == ' '));
    event_integer(&e, "local_uid", uid);
    event_integer(&e, "count", (int64_t)count);
    event_note(&e, log->audit);
}

static void record_connection(struct stranger_log *log, const char *source, const char *reason,
                              uint64_t count)
{
    struct event e;
    event_begin(&e, "connection.failed", "system", NULL);
    event_outcome(&e, "failed");
    event_text(&e, "direction", source[0] == '<' ? "in" : "out");
    event_personal(&e, "peer", source[0] == '<' || source[0] == '>' ? source + 2 : source);
    event_text(&e, "reason", reason);
    event_integer(&e, "count", (int64_t)count);
    event_note(&e, log->audit);
}

static void record_refused(struct stranger_log *log, const char *event, const char *source,
                           const char *reason, uint64_t count)
{
    struct event e;
    event_begin(&e, event, "nobody", NULL);
    event_outcome(&e, "denied");
    event_personal(&e, "peer", source);
    event_text(&e, "reason", reason);
    event_integer(&e, "count", (int64_t)count);
    event_note(&e, log->audit);
}

static void record_device(struct stranger_log *log, const char *source, const char *reason,
                          uint64_t count)
{
    record_refused(log, "device.refused", source, reason, count);
}

/* text is "TRUNK reason", the name may be empty. */
static void record_limit(struct stranger_log *log, const char *source, const char *text,
                         uint64_t count)
{
    struct event e;
    char trunk[STRANGER_TEXT];
    size_t length = strcspn(text, " ");
    snprintf(trunk, sizeof trunk, "%.*s", (int)length, text);
    event_begin(&e, "source.limited", "system", NULL);
    event_outcome(&e, "denied");
    event_text(&e, "trunk", trunk);
    event_personal(&e, "peer", source);
    event_text(&e, "limit", text[length] ? text + length + 1 : "");
    event_integer(&e, "count", (int64_t)count);
    event_note(&e, log->audit);
}

static void record_mail(struct stranger_log *log, const char *source, const char *reason,
                        uint64_t count)
{
    record_refused(log, "mail.client_refused", source, reason, count);
}

static void record_sign_in(struct stranger_log *log, const char *source, const char *text,
                           uint64_t count)
{
    struct event e;
    event_begin(&e, log->right ? "auth.succeeded" : "auth.failed",
                log->right && text[0] ? text : "nobody", NULL);
    if (!log->right)
        event_outcome(&e, "denied");
    event_personal(&e, "peer", source);
    event_text(&e, log->right ? "method" : "reason", log->right ? "password" : text);
    event_integer(&e, "count", (int64_t)count);
    event_note(&e, log->audit);
}

/* about: an identifier, or an address. */
static void record_again(struct stranger_log *log, const char *about, uint64_t count)
{
    struct event e;
    struct fax_id id;
    bool known = fax_id_parse(&id, about) == 0;
    event_begin(&e, log->again, "system", known ? &id : NULL);
    if (!known)
        event_personal(&e, "to", about);
    event_integer(&e, "count", (int64_t)count);
    event_note(&e, log->audit);
}

static void record(struct stranger_log *log, const char *address, const char *text, uint64_t count)
{
    struct event e;
    if (log->accounts) {
        record_account(log, address, count);
        return;
    }
    if (log->limits) {
        record_limit(log, address, text, count);
        return;
    }
    if (log->connections) {
        record_connection(log, address, text, count);
        return;
    }
    if (log->mail) {
        record_mail(log, address, text, count);
        return;
    }
    if (log->right || log->wrong) {
        record_sign_in(log, address, text, count);
        return;
    }
    if (log->again) {
        record_again(log, address, count);
        return;
    }
    if (log->devices) {
        record_device(log, address, text, count);
        return;
    }
    event_begin(&e, "call.refused", "nobody", NULL);
    event_outcome(&e, "denied");
    event_personal(&e, "peer", address);
    event_text(&e, "reason", "the address belongs to no trunk");
    event_integer(&e, "sip_code", 403);
    event_integer(&e, "count", (int64_t)count);
    event_note(&e, log->audit);
}

static void note(struct stranger_log *log, const char *text, const char *reason, uint64_t now_ms)
{
    struct stranger *free_place = NULL;
    for (size_t i = 0; i < STRANGERS_MAX; i++) {
        struct stranger *s = &log->strangers[i];
        /* Another reason than before is told at once: it may be what somebody is looking for. */
        if (strcmp(s->address, text) == 0 && strcmp(s->text, reason) == 0) {
            s->count++;
            return;
        }
        if (!s->address[0] && !free_place)
            free_place = s;
    }
    if (!free_place) {
        if (log->others++ == 0)
            log->others_since_ms = now_ms;
        return;
    }
    snprintf(free_place->address, sizeof free_place->address, "%s", text);
    snprintf(free_place->text, sizeof free_place->text, "%s", reason);
    free_place->since_ms = now_ms;
    free_place->count = 0;
    record(log, text, free_place->text, 1);
}

void stranger_log_note(struct stranger_log *log, const struct sockaddr *source, uint64_t now_ms)
{
    char text[SOCKET_ADDRESS_HOST];
    socket_address_host(source, text);
    note(log, text, "", now_ms);
}

void stranger_log_note_account(struct stranger_log *log, uid_t uid, const char *reason,
                               uint64_t now_ms)
{
    char text[STRANGER_TEXT];
    snprintf(text, sizeof text, "%u %s", (unsigned)uid, reason);
    note(log, text, "", now_ms);
}

void stranger_log_note_connection(struct stranger_log *log, const struct sockaddr *peer,
                                  bool incoming, const char *reason, uint64_t now_ms)
{
    char host[SOCKET_ADDRESS_HOST], text[STRANGER_TEXT];
    socket_address_host(peer, host);
    snprintf(text, sizeof text, "%c %s", incoming ? '<' : '>', host);
    note(log, text, reason, now_ms);
}

void stranger_log_note_device(struct stranger_log *log, const struct sockaddr *source,
                              const char *reason, uint64_t now_ms)
{
    char text[SOCKET_ADDRESS_HOST];
    socket_address_host(source, text);
    note(log, text, reason, now_ms);
}

void stranger_log_note_limit(struct stranger_log *log, const char *trunk,
                             const struct sockaddr *source, const char *reason, uint64_t now_ms)
{
    char host[SOCKET_ADDRESS_HOST], text[STRANGER_REASON];
    socket_address_host(source, host);
    snprintf(text, sizeof text, "%.60s %s", trunk, reason);
    note(log, host, text, now_ms);
}

void stranger_log_note_mail(struct stranger_log *log, const struct sockaddr *peer,
                            const char *reason, uint64_t now_ms)
{
    char text[SOCKET_ADDRESS_HOST] = "local";
    if (peer)
        socket_address_host(peer, text);
    note(log, text, reason, now_ms);
}

void stranger_log_note_sign_in(struct stranger_log *log, const char *host, const char *text,
                               uint64_t now_ms)
{
    note(log, host, text, now_ms);
}

void stranger_log_note_again(struct stranger_log *log, const char *about, uint64_t now_ms)
{
    char text[STRANGER_TEXT];
    snprintf(text, sizeof text, "%s", about);
    note(log, text, "", now_ms);
}

void stranger_log_flush(struct stranger_log *log, uint64_t now_ms)
{
    for (size_t i = 0; i < STRANGERS_MAX; i++) {
        struct stranger *s = &log->strangers[i];
        if (!s->address[0] || now_ms - s->since_ms < STRANGER_PERIOD_MS)
            continue;
        if (s->count > 0) {
            record(log, s->address, s->text, s->count);
            s->count = 0;
            s->since_ms = now_ms;
        } else {
            memset(s, 0, sizeof *s);
        }
    }
    if (log->others > 0 && now_ms - log->others_since_ms >= STRANGER_PERIOD_MS) {
        record(log, log->accounts ? others : "other addresses", "", log->others);
        log->others = 0;
    }
}
