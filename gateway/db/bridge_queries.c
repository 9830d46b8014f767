#include "gateway/db/bridge_queries.h"

#include <errno.h>
#include <stdio.h>

#include "gateway/db/row_reader.h"

#define COLUMNS                                                                                    \
    "bridge, state, caller, target, from_number, to_number, mailbox, reason, caller_media, "       \
    "called_media, milli_of(started_at), milli_of(ended_at), sip_code, pages, rate, ecm, seconds "

/* Identifiers are UUIDs of version 7: their order is that of time. */
static const struct db_statement list = {
    .name = "bridge_list",
    .sql = "SELECT " COLUMNS "FROM bridges ORDER BY bridge DESC LIMIT $1::bigint",
    .parameters = 1,
};
static const struct db_statement unended = {
    .name = "bridge_open",
    .sql = "SELECT " COLUMNS "FROM bridges WHERE ended_at IS NULL AND node = $1 ORDER BY bridge",
    .parameters = 1,
};

int bridge_query_list(struct db *db, unsigned limit, db_result_cb *cb, void *user)
{
    char text[16];
    if (limit > BRIDGE_LIST_MAX)
        return -EINVAL;
    snprintf(text, sizeof text, "%u", limit);
    const char *parameters[] = {text};
    return db_query(db, &list, parameters, cb, user);
}

int bridge_query_open(struct db *db, const char *node, db_result_cb *cb, void *user)
{
    const char *parameters[] = {node};
    return db_query(db, &unended, parameters, cb, user);
}

void bridge_row_read(const struct db_result *result, int row, struct bridge_row *out)
{
    struct row_reader reader = {.result = result, .row = row};
    out->bridge = row_text(&reader);
    out->state = row_text(&reader);
    out->caller = row_text(&reader);
    out->target = row_text(&reader);
    out->from_number = row_text(&reader);
    out->to_number = row_text(&reader);
    out->mailbox = row_text(&reader);
    out->reason = row_text(&reader);
    out->caller_media = row_text(&reader);
    out->called_media = row_text(&reader);
    out->started_ms = row_integer(&reader);
    out->ended_ms = row_integer(&reader);
    out->sip_code = row_integer(&reader);
    out->pages = row_integer(&reader);
    out->rate = row_integer(&reader);
    out->ecm = row_integer(&reader);
    out->seconds = row_integer(&reader);
}
