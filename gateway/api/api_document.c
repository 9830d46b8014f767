#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/api/api_fax_key.h"
#include "gateway/api/api_handlers.h"
#include "gateway/api/api_request.h"
#include "gateway/control/fax_store.h"
#include "gateway/control/render_queue.h"
#include "policy/vault.h"

struct document_state {
    struct fax_id fax; /* that holds the pages */
    struct msg_export request;
    int vault;
};

static void state_free(void *state)
{
    struct document_state *s = state;
    if (s->vault >= 0)
        close(s->vault);
    OPENSSL_cleanse(s, sizeof *s);
    free(s);
}

static void on_exported(void *user, struct render_result *result)
{
    struct api_request *r = user;
    struct document_state *s = r->state;
    if (result->status == -EBADMSG) {
        api_note_damage(r, &s->fax, result->reason);
        api_answer_problem(r, 500, "damaged", "The sealed fax is damaged", result->reason);
        return;
    }
    if (result->status < 0) {
        api_answer_problem(r, 503, "unavailable", "The fax cannot be exported now", result->reason);
        return;
    }
    int fd = result->descriptor;
    result->descriptor = -1;
    http_respond_fd(r->http, 200,
                    s->request.format == EXPORT_PDF ? "application/pdf" : "image/tiff", fd,
                    result->octets);
    api_end(r);
}

static void key_recorded(struct api_request *r)
{
    struct document_state *s = r->state;
    const struct render_handlers handlers = {NULL, on_exported, r};
    struct render_task *task;
    int rc = render_export(r->control->renders, s->vault, &s->request, &handlers, &task);
    OPENSSL_cleanse(s->request.data_key, sizeof s->request.data_key);
    if (rc < 0)
        api_answer_error(r, rc, "too many documents are being made");
}

static void on_key(void *user, int status, const struct msg_key_result *result)
{
    struct api_request *r = user;
    struct document_state *s = r->state;
    api_take_key(r, &s->fax, status, result, "export", s->request.data_key, key_recorded);
}

static void export_recorded(struct api_request *r)
{
    struct document_state *s = r->state;
    int rc = fax_store_open(r->control->context->paths->vault, &s->fax, false, &s->vault);
    if (rc == -ENOENT) {
        api_note_damage(r, &s->fax, "the vault file is missing");
        api_answer_problem(r, 500, "damaged", "The vault file of the fax is missing", NULL);
        return;
    }
    if (rc == 0)
        rc = keeper_open_key(r->control->keeper, &s->fax, on_key, r);
    if (rc < 0)
        api_answer_error(r, rc, "the fax cannot be opened");
}

static void found_fax(struct api_request *r, const struct fax_id *fax, const struct fax_row *row,
                      const struct db_result *result)
{
    struct event e;
    struct document_state *s = r->state;
    bool outbound = strcmp(row->direction, "out") == 0;
    (void)result;
    if (row->disposed_ms) {
        api_answer_problem(r, 410, "disposed", "The fax has been disposed of", NULL);
        return;
    }
    if (row->pages == 0) {
        api_answer_problem(r, 409, "empty", "The fax has no pages", NULL);
        return;
    }
    s->fax = *fax;
    bool forwarded = row->source[0] && fax_id_parse(&s->fax, row->source) == 0;
    memcpy(s->request.fax_id, s->fax.octets, sizeof s->request.fax_id);
    s->request.stream = outbound && !forwarded ? VAULT_STREAM_RENDITION : VAULT_STREAM_PAGES;
    s->request.attempt = forwarded ? (uint16_t)row->source_attempt : outbound ? 0 : 1;
    s->request.pages = (uint32_t)row->pages;
    event_begin(&e, "fax.exported", r->principal, fax);
    event_text(&e, "format", s->request.format == EXPORT_PDF ? "pdf" : "tiff");
    event_integer(&e, "pages", row->pages);
    api_record(r, &e, export_recorded);
}

void api_get_document(struct http_request *http, void *user)
{
    static const char *const known[] = {"format", NULL};
    struct api_request *r = api_begin(http, user);
    if (!r)
        return;
    if (http_request_check_query(http, known) < 0) {
        api_end(r);
        return;
    }
    const char *format = http_request_query(http, "format");
    struct document_state *s = calloc(1, sizeof *s);
    if (!s) {
        api_answer_error(r, -ENOMEM, "the fax cannot be exported");
        return;
    }
    s->vault = -1;
    r->state = s;
    r->state_free = state_free;
    bool pdf = !format || strcmp(format, "pdf") == 0;
    if (!pdf && strcmp(format, "tiff") != 0) {
        api_answer_problem(r, 400, "request", "The format is not known",
                           "format must be 'pdf' or 'tiff'");
        return;
    }
    s->request.format = pdf ? EXPORT_PDF : EXPORT_TIFF;
    api_find_fax(r, POLICY_EXPORT, found_fax);
}
