#include "gateway/db/fax_queries.h"
#include "gateway/db/row_reader.h"

void fax_row_read(const struct db_result *result, int row, struct fax_row *out)
{
    struct row_reader reader = {.result = result, .row = row};
    out->fax = row_text(&reader);
    out->direction = row_text(&reader);
    out->state = row_text(&reader);
    out->from_number = row_text(&reader);
    out->to_number = row_text(&reader);
    out->mailbox = row_text(&reader);
    out->class_name = row_text(&reader);
    out->trunk = row_text(&reader);
    out->call_id = row_text(&reader);
    out->principal = row_text(&reader);
    out->idempotency_key = row_text(&reader);
    out->kek = row_text(&reader);
    out->document = row_text(&reader);
    out->reason = row_text(&reader);
    out->pages = row_integer(&reader);
    out->pages_confirmed = row_integer(&reader);
    out->attempts = row_integer(&reader);
    out->created_ms = row_integer(&reader);
    out->completed_ms = row_integer(&reader);
    out->disposal_ms = row_integer(&reader);
    out->disposed_ms = row_integer(&reader);
    out->next_attempt_ms = row_integer(&reader);
    out->next_max_rate = row_integer(&reader);
    out->next_ecm = row_integer(&reader);
    out->source = row_text(&reader);
    out->source_attempt = row_integer(&reader);
    out->forward = row_text(&reader);
    out->mail = row_text(&reader);
    out->mail_recipient = row_integer(&reader);
    out->priority = row_integer(&reader);
}

void fax_page_row_read(const struct db_result *result, int row, struct fax_page_row *out)
{
    struct row_reader reader = {.result = result, .row = row};
    out->stream = row_text(&reader);
    out->attempt = row_integer(&reader);
    out->page = row_integer(&reader);
    out->width = row_integer(&reader);
    out->rows = row_integer(&reader);
    out->x_dpi = row_integer(&reader);
    out->y_dpi = row_integer(&reader);
    out->coding = row_integer(&reader);
    out->octets = row_integer(&reader);
    out->offset = row_integer(&reader);
    out->length = row_integer(&reader);
    out->digest = row_text(&reader);
    out->confirmed_ms = row_integer(&reader);
}

void fax_attempt_row_read(const struct db_result *result, int row, struct fax_attempt_row *out)
{
    struct row_reader reader = {.result = result, .row = row};
    out->fax = row_text(&reader);
    out->trunk = row_text(&reader);
    out->call_id = row_text(&reader);
    out->outcome = row_text(&reader);
    out->text = row_text(&reader);
    out->modem = row_text(&reader);
    out->media = row_text(&reader);
    out->peer_ident = row_text(&reader);
    out->attempt = row_integer(&reader);
    out->started_ms = row_integer(&reader);
    out->media_started_ms = row_integer(&reader);
    out->ended_ms = row_integer(&reader);
    out->sip_code = row_integer(&reader);
    out->t30_result = row_integer(&reader);
    out->rate = row_integer(&reader);
    out->ecm = row_integer(&reader);
    out->retransmissions = row_integer(&reader);
    out->pages = row_integer(&reader);
    out->seconds = row_integer(&reader);
    out->signalling = row_text(&reader);
    out->protection = row_text(&reader);
    out->express = row_integer(&reader);
}

void fax_key_row_read(const struct db_result *result, int row, struct fax_key_row *out)
{
    struct row_reader reader = {.result = result, .row = row};
    out->kek = row_text(&reader);
    out->faxes = row_integer(&reader);
    out->first_ms = row_integer(&reader);
    out->last_ms = row_integer(&reader);
}
