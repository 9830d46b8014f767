/* drain_project.h: what each event changes in the tables, as data: statements by event type.
 *
 * Every statement takes the same four parameters: node, index, the record as JSON, its personal
 * values as a JSON object. All are written so that applying them again changes nothing: rows are
 * made with ON CONFLICT DO NOTHING, and changed only where last_index is older. */
#ifndef GATEWAY_AUDIT_DRAIN_PROJECT_H
#define GATEWAY_AUDIT_DRAIN_PROJECT_H

#include "gateway/db/db.h"

enum { PROJECT_STATEMENTS_MAX = 3, PROJECT_PARAMETERS = 4 };

/* The statements of an event, at most PROJECT_STATEMENTS_MAX, in order; NULL for an event that
 * stands in the log only. The array ends with NULL. */
const struct db_statement *const *project_statements(const char *event);

#endif
