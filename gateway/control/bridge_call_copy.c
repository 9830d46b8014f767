/* What is kept of a bridged call. A copy of its fax: key, record and file before the line gets the
 * call, a record for each page that the line has sealed, and how it ended. Without a copy its trace
 * alone: key, record and file when the call is over. Whatever fails here is told and changes
 * nothing of the call. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/bridge_call_private.h"
#include "gateway/control/fax_store.h"
#include "gateway/control/handover.h"
#include "gateway/control/key_drop.h"
#include "gateway/mail/mail_out.h"
#include "gateway/process/log.h"
#include "policy/retention.h"
#include "policy/text_code.h"

static void fail(struct bridge_call *call, const char *what, int status)
{
    struct bridge_copy *copy = &call->copy;
    copy->failed = true;
    if (!copy->why[0])
        snprintf(copy->why, sizeof copy->why, "%s: %.80s", what, strerror(-status));
}

/* --- key, record, file --- */

struct create_work {
    uv_work_t work;
    struct bridge_call *call;
    int status, descriptor;
};

static void create_file(uv_work_t *work)
{
    struct create_work *w = work->data;
    struct bridge_call *call = w->call;
    w->status = fax_store_create(call->control->context->paths->vault, &call->id, call->class_name,
                                 call->copy.kek_id, false, &w->descriptor);
}

static void on_file_created(uv_work_t *work, int cancelled)
{
    struct create_work *w = work->data;
    struct bridge_call *call = w->call;
    int status = cancelled < 0 ? cancelled : w->status;
    if (status < 0)
        fail(call, "the vault file cannot be made", status);
    else
        call->copy.vault_fd = w->descriptor;
    free(w);
    call->copy.then(call);
    bridge_call_release(call);
}

/* The copy is not in the log. */
static void drop_key(struct bridge_call *call, bool made)
{
    OPENSSL_cleanse(call->copy.data_key, sizeof call->copy.data_key);
    key_drop(call->control, &call->id, made, "a copy that was not begun");
}

static void on_offer_recorded(void *user, int status, uint64_t index)
{
    struct bridge_call *call = user;
    struct create_work *w = NULL;
    (void)index;
    if (status < 0) {
        drop_key(call, true);
        fail(call, "the copy could not be recorded", status);
    } else {
        call->copy.offered = true;
        w = calloc(1, sizeof *w);
        if (!w)
            fail(call, "the vault file cannot be made", -ENOMEM);
    }
    if (w) {
        w->call = call;
        w->work.data = w;
        call->pending++;
        uv_queue_work(&call->control->loop, &w->work, create_file, on_file_created);
    } else {
        call->copy.then(call);
    }
    bridge_call_release(call);
}

static int record_offer(struct bridge_call *call)
{
    struct event e;
    const struct bridge_side *caller = &call->side[BRIDGE_CALLER];
    event_begin(&e, "fax.offered", call->principal, &call->id);
    event_text(&e, "direction", "in");
    event_personal(&e, "from", call->from);
    event_personal(&e, "to", call->to);
    event_text(&e, "mailbox", call->mailbox);
    event_text(&e, "class", call->class_name);
    event_text(&e, "trunk", caller->target.name);
    event_text(&e, "call_id", caller->call_id);
    event_text(&e, "kek", call->copy.kek_id);
    event_integer(&e, "bridged", 1);
    int rc = event_append(&e, call->control->audit, on_offer_recorded, call);
    if (rc < 0 || call->copy.trace_only)
        return rc;
    event_begin(&e, "attempt.started", call->principal, &call->id);
    event_integer(&e, "attempt", BRIDGE_ATTEMPT);
    event_text(&e, "trunk", caller->target.name);
    event_text(&e, "call_id", caller->call_id);
    event_note(&e, call->control->audit);
    return 0;
}

static void on_key_made(void *user, int status, const struct msg_key_result *result)
{
    struct bridge_call *call = user;
    struct event e;
    if (status < 0) {
        if (status == -ECONNRESET) /* there may be one */
            drop_key(call, false);
        fail(call, "the keeper gave no key", status);
        call->copy.then(call);
        bridge_call_release(call);
        return;
    }
    snprintf(call->copy.kek_id, sizeof call->copy.kek_id, "%s", result->kek_id);
    event_begin(&e, "key.created", "system", &call->id);
    event_text(&e, "kek", call->copy.kek_id);
    event_note(&e, call->control->audit);
    if (call->ending && !call->copy.trace_only) { /* the caller did not wait */
        drop_key(call, true);
        bridge_call_release(call);
        return;
    }
    memcpy(call->copy.data_key, result->data_key, sizeof call->copy.data_key);
    int rc = record_offer(call);
    if (rc < 0)
        on_offer_recorded(call, rc, 0);
}

static void prepare(struct bridge_call *call, void (*then)(struct bridge_call *call))
{
    char month[KEK_MONTH_TEXT];
    int64_t disposal_us;
    call->copy.then = then;
    int rc = retention_disposal_time(control_now_ms() * 1000, call->retention_days, &disposal_us);
    if (rc == 0)
        rc = kek_month_for(disposal_us, month);
    if (rc == 0) {
        call->pending++;
        rc = keeper_create_key(call->control->keeper, &call->id, call->class_name, month,
                               on_key_made, call);
        call->pending -= rc < 0;
    }
    if (rc < 0) {
        fail(call, "no key can be asked for", rc);
        then(call);
    }
}

void bridge_copy_prepare(struct bridge_call *call)
{
    if (call->copy.wanted)
        prepare(call, bridge_call_go_on);
    else
        bridge_call_go_on(call);
}

bool bridge_copy_is_impossible(const struct bridge_call *call)
{
    for (unsigned i = 0; i < BRIDGE_LEGS; i++)
        if (!call->side[i].t38_refused && !call->side[i].local.no_t38)
            return false;
    return call->copy.wanted;
}

/* --- pages --- */

static void on_page_recorded(void *user, int status, uint64_t index)
{
    struct bridge_call *call = user;
    (void)index;
    if (status < 0)
        fail(call, "a page could not be recorded", status);
    else
        call->copy.pages++;
    bridge_call_release(call);
}

void bridge_copy_page(struct bridge_call *call, const struct msg_page_sealed *m)
{
    char digest[65];
    struct event e;
    if (!call->copy.offered || m->status < 0)
        return;
    hex_encode(m->digest, 32, digest);
    event_begin(&e, "page.received", call->principal, &call->id);
    event_integer(&e, "attempt", BRIDGE_ATTEMPT);
    event_integer(&e, "page", m->page);
    event_integer(&e, "width", m->width);
    event_integer(&e, "rows", m->rows);
    event_integer(&e, "x_dpi", m->x_dpi);
    event_integer(&e, "y_dpi", m->y_dpi);
    event_integer(&e, "coding", m->coding);
    event_integer(&e, "octets", m->octets);
    event_integer(&e, "offset", (int64_t)m->offset);
    event_integer(&e, "length", m->length);
    event_text(&e, "digest", digest);
    call->pending++;
    int rc = event_append(&e, call->control->audit, on_page_recorded, call);
    if (rc < 0)
        on_page_recorded(call, rc, 0);
}

/* --- the end --- */

static int64_t disposal_s(const struct bridge_call *call)
{
    int64_t disposal_us;
    if (retention_disposal_time(control_now_ms() * 1000, call->retention_days, &disposal_us) < 0 ||
        disposal_us == RETENTION_NEVER)
        return 0;
    return disposal_us / 1000000;
}

static void note_attempt(struct bridge_call *call, bool whole, const char *why)
{
    const struct msg_bridge_done *done = &call->done;
    struct event e;
    event_begin(&e, "attempt.ended", call->principal, &call->id);
    event_outcome(&e, whole ? "ok" : "failed");
    event_integer(&e, "attempt", BRIDGE_ATTEMPT);
    event_integer(&e, "sip_code", call->side[BRIDGE_CALLER].answered ? 200 : call->sip_code);
    event_integer(&e, "t30_result", call->line_done ? done->result : -1);
    event_text(&e, "text", whole ? "bridged" : why);
    event_integer(&e, "rate", done->rate);
    event_text(&e, "media", bridge_media_name(call->side[BRIDGE_CALLER].recorded));
    event_text(&e, "signalling", call->side[BRIDGE_CALLER].signalling);
    event_text(&e, "protection", done->legs[BRIDGE_CALLER].protection);
    event_integer(&e, "ecm", done->ecm != 0);
    event_integer(&e, "retransmissions", done->retransmissions);
    event_personal(&e, "peer_ident", done->legs[BRIDGE_CALLER].ident);
    event_integer(&e, "pages", call->copy.pages);
    event_integer(&e, "seconds", (control_now_ms() - call->started_ms + 500) / 1000);
    event_note(&e, call->control->audit);
}

/* To a mailbox that mails what it receives, the copy is what came. */
static const char *plan_mail(const struct bridge_call *call, const char *state)
{
    const struct fax_end end = {
        .fax = call->id,
        .trunk = call->side[BRIDGE_CALLER].target.name,
        .mailbox = call->mailbox,
        .state = state,
        .pages = call->copy.pages,
    };
    return mail_out_plan(call->control, &end);
}

static void note_completed(struct bridge_call *call, bool good, const char *state,
                           const char *reason)
{
    struct event e;
    event_begin(&e, "fax.completed", call->principal, &call->id);
    event_outcome(&e, good ? "ok" : "failed");
    event_text(&e, "state", state);
    event_integer(&e, "pages", call->copy.pages);
    event_text(&e, "reason", reason);
    event_integer(&e, "disposal", disposal_s(call));
    if (call->copy.mail_due)
        event_text(&e, "mail_due", call->copy.mail_due);
    event_note(&e, call->control->audit);
}

void bridge_copy_end(struct bridge_call *call)
{
    struct bridge_copy *copy = &call->copy;
    const struct msg_bridge_done *done = &call->done;
    struct event e;
    if (!copy->wanted || call->record_failed) /* then it was said before */
        return;
    bool whole = !copy->failed && done->capture_missed == 0 && copy->pages > 0 &&
                 copy->pages == done->pages && strcmp(bridge_call_state(call), "completed") == 0;
    const char *why = copy->why[0]            ? copy->why
                      : done->capture_text[0] ? done->capture_text
                                              : call->outcome;
    event_begin(&e, "bridge.captured", call->principal, &call->id);
    event_outcome(&e, whole ? "ok" : "failed");
    event_integer(&e, "pages", copy->pages);
    event_integer(&e, "passed", done->pages);
    event_integer(&e, "missed", done->pages > copy->pages ? done->pages - copy->pages : 0);
    event_text(&e, "reason", whole ? "OK" : why);
    event_note(&e, call->control->audit);
    if (!copy->offered)
        return;
    note_attempt(call, whole, why);
    const char *state = whole ? "received" : copy->pages > 0 ? "partial" : "failed";
    copy->mail_due = plan_mail(call, state);
    note_completed(call, whole, state, whole ? "" : why);
}

/* --- the trace alone --- */

static void on_kept(struct bridge_call *call)
{
    struct bridge_copy *copy = &call->copy;
    const char *state = bridge_call_state(call);
    bool good = strcmp(state, "completed") == 0 || strcmp(state, "unobserved") == 0;
    if (copy->offered)
        note_completed(call, good, "bridged", good ? call->verdict.sentence : call->outcome);
    if (copy->vault_fd >= 0)
        call_recorder_key(call->recorder, copy->data_key, &call->id, BRIDGE_ATTEMPT);
    else
        log_write(LOG_LEVEL_WARNING, "the trace of a bridged call is lost: %s", copy->why);
    OPENSSL_cleanse(copy->data_key, sizeof copy->data_key);
    bridge_trace_seal(call);
    bridge_call_discard(call);
}

void bridge_copy_keep_trace(struct bridge_call *call)
{
    call->copy.trace_only = true;
    call->copy.why[0] = '\0';
    prepare(call, on_kept);
}
