#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/api/api_fax_key.h"
#include "gateway/api/api_handlers.h"
#include "gateway/api/api_request.h"
#include "gateway/control/trace_store.h"
#include "gateway/trace/call_trace.h"
#include "gateway/trace/verdict.h"

struct trace_state {
    struct api_request *request;
    struct fax_id fax;
    uint16_t attempt; /* 0: the latest */
    uint8_t data_key[VAULT_KEY_OCTETS];
    const char *vault;
    uv_work_t work;
    int status;
    size_t length;
    uint8_t octets[TRACE_OCTETS_MAX];
};

static void state_free(void *state)
{
    struct trace_state *s = state;
    OPENSSL_cleanse(s, sizeof *s);
    free(s);
}

static json_t *entry_json(const struct trace_entry *entry)
{
    static const char *const directions[] = {"here", "sent", "received", "here"};
    char label[TRACE_LABEL];
    call_trace_label(entry, label);
    json_t *out = json_pack("{s:I,s:s,s:s,s:s}", "ms", (json_int_t)entry->at_ms, "kind",
                            call_trace_group(entry), "direction", directions[entry->direction & 3],
                            "text", label);
    if (out && call_trace_leg(entry)[0])
        json_object_set_new(out, "leg", json_string(call_trace_leg(entry)));
    return out;
}

static void answer(struct api_request *r, const struct trace_state *s)
{
    static const char *const retries[] = {"no", "now", "later", "done"};
    struct trace_head head;
    uint32_t count;
    size_t offset;
    char id[FAX_ID_TEXT];
    if (call_trace_decode(s->octets, s->length, &head, &count, &offset) < 0) {
        api_answer_problem(r, 500, "damaged", "The trace cannot be read", NULL);
        return;
    }
    json_t *entries = json_array();
    for (uint32_t i = 0; i < count; i++) {
        struct trace_entry entry;
        call_trace_decode_entry(s->octets, offset, i, &entry);
        json_array_append_new(entries, entry_json(&entry));
    }
    fax_id_text(&s->fax, id);
    api_answer_json(r, 200,
                    json_pack("{s:s,s:i,s:s,s:o,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:o}", "fax", id,
                              "attempt", (int)head.attempt, "direction",
                              head.outbound ? "out" : "in", "begun",
                              api_time((int64_t)head.begun_ms), "from", head.from, "to", head.to,
                              "trunk", head.trunk, "state", head.state, "verdict", head.verdict,
                              "look_at", verdict_side_text((enum verdict_side)head.side), "retry",
                              retries[head.retry < 4 ? head.retry : 0], "left_out",
                              (json_int_t)head.left_out, "entries", entries));
}

static void read_work(uv_work_t *work)
{
    struct trace_state *s = work->data;
    s->status = trace_store_read(s->vault, &s->fax, s->data_key, &s->attempt, s->octets,
                                 sizeof s->octets, &s->length);
    OPENSSL_cleanse(s->data_key, sizeof s->data_key);
}

static void on_read(uv_work_t *work, int cancelled)
{
    struct trace_state *s = work->data;
    struct api_request *r = s->request;
    int rc = cancelled < 0 ? cancelled : s->status;
    if (rc == 0) {
        answer(r, s);
    } else if (rc == -ENODATA) {
        api_answer_problem(r, 404, "unknown", "There is no trace of this attempt",
                           "a trace is kept when the attempt is over");
    } else if (rc == -EBADMSG || rc == -ENOENT) {
        api_note_damage(r, &s->fax,
                        rc == -ENOENT ? "the vault file is missing" : "the trace is damaged");
        api_answer_problem(r, 500, "damaged", "The trace is damaged", NULL);
    } else {
        api_answer_error(r, rc, "the trace cannot be read");
    }
}

static void key_recorded(struct api_request *r)
{
    struct trace_state *s = r->state;
    s->work.data = s;
    int rc = uv_queue_work(&r->control->loop, &s->work, read_work, on_read);
    if (rc < 0)
        api_answer_error(r, rc, "the trace cannot be read");
}

static void on_key(void *user, int status, const struct msg_key_result *result)
{
    struct api_request *r = user;
    struct trace_state *s = r->state;
    api_take_key(r, &s->fax, status, result, "trace", s->data_key, key_recorded);
}

static void view_recorded(struct api_request *r)
{
    struct trace_state *s = r->state;
    int rc = keeper_open_key(r->control->keeper, &s->fax, on_key, r);
    if (rc < 0)
        api_answer_error(r, rc, "the fax cannot be opened");
}

static void found_fax(struct api_request *r, const struct fax_id *fax, const struct fax_row *row,
                      const struct db_result *result)
{
    struct event e;
    struct trace_state *s = r->state;
    (void)result;
    if (row->disposed_ms) {
        api_answer_problem(r, 410, "disposed", "The fax has been disposed of", NULL);
        return;
    }
    s->fax = *fax;
    event_begin(&e, "fax.viewed", r->principal, fax);
    event_text(&e, "kind", "trace");
    event_integer(&e, "attempt", s->attempt);
    api_record(r, &e, view_recorded);
}

void api_get_trace(struct http_request *http, void *user)
{
    static const char *const known[] = {"attempt", NULL};
    int64_t attempt;
    struct api_request *r = api_begin(http, user);
    if (!r)
        return;
    if (http_request_check_query(http, known) < 0 ||
        http_request_query_number(http, "attempt", 1, UINT16_MAX, 0, &attempt) < 0) {
        api_end(r);
        return;
    }
    struct trace_state *s = calloc(1, sizeof *s);
    if (!s) {
        api_answer_error(r, -ENOMEM, "the trace cannot be read");
        return;
    }
    s->request = r;
    s->attempt = (uint16_t)attempt;
    s->vault = r->control->context->paths->vault;
    r->state = s;
    r->state_free = state_free;
    api_find_fax(r, POLICY_TRACE, found_fax);
}
