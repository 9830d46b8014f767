/* drain_project.h: what each event changes in the tables, as data: statements by event type.
 *
 * Every statement takes the same two parameters: the node, and a JSON array of events of this type,
 * [{"i": index, "r": record, "p": {personal values}}, …], of which no two may change the same row,
 * since the order within a statement is not defined. All are written so that applying them again
 * changes nothing: rows are made with ON CONFLICT DO NOTHING, and changed only where last_index is
 * older. */
#ifndef GATEWAY_AUDIT_DRAIN_PROJECT_H
#define GATEWAY_AUDIT_DRAIN_PROJECT_H

#include <stdbool.h>

#include "gateway/db/db.h"

enum { PROJECT_STATEMENTS_MAX = 4, PROJECT_PARAMETERS = 2 };

enum projection_order {
    ONE_OF_A_FAX,  /* of the events of one fax, each stands in an array of its own */
    MANY_OF_A_FAX, /* several may stand in one array: each only makes a row of its own */
    BETWEEN_FAXES, /* it reads or changes rows of another fax: all before it comes before it, all
                      after it after it */
};

struct projection {
    const char *event;
    const struct db_statement
        *statements[PROJECT_STATEMENTS_MAX + 1]; /* in order; ends with NULL */
    enum projection_order order;
};

/* What an event changes; NULL for one that stands in the log only. */
const struct projection *projection_find(const char *event);

#endif
