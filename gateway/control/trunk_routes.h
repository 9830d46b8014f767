/* trunk_routes.h: over which trunks a fax goes, in which order, and whether they have room. */
#ifndef GATEWAY_CONTROL_TRUNK_ROUTES_H
#define GATEWAY_CONTROL_TRUNK_ROUTES_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/control/policy_cache.h"

struct control;

enum { TRUNK_ROUTES_MAX = 8, TRUNK_ROUTES_TEXT = 160 };

struct trunk_routes {
    size_t count;
    char trunks[TRUNK_ROUTES_MAX][POLICY_NAME_TEXT]; /* each once */
};

enum trunk_routes_outcome {
    TRUNK_ROUTES_FOUND,
    TRUNK_ROUTES_NONE,   /* none leads to the number */
    TRUNK_ROUTES_DENIED, /* the number is denied, and no route names it */
    TRUNK_ROUTES_CLOSED, /* those that do are closed at this time */
};

/* Fills in the trunks for a fax to that number, of that class, at that time (wall clock); the one
 * named in avoid goes last ("" none). why gets a sentence for people unless they are found. */
enum trunk_routes_outcome trunk_routes_find(const struct control *control, const char *to_number,
                                            const char *class_name, const char *avoid,
                                            int64_t time_ms, struct trunk_routes *routes,
                                            char why[TRUNK_ROUTES_TEXT]);

/* Whether routes for faxes of some class lead to the number, now or at another time. */
bool trunk_routes_of_a_class(const struct control *control, const char *to_number, int64_t time_ms)
    __attribute__((warn_unused_result));

/* Prepares a question as trunk_routes_find() asks it, for route_judge(). */
void trunk_routes_question(const struct control *control, const char *to_number,
                           const char *class_name, const char *avoid, int64_t time_ms,
                           struct route_question *question);

/* Whether a number, in plain form, is denied over just this trunk: as it is or as the trunk would
 * dial it, and no route of the trunk names it. why then gets a sentence for people. */
bool trunk_routes_denied(const struct control *control, const struct trunk_info *trunk,
                         const char *to_number, char why[TRUNK_ROUTES_TEXT])
    __attribute__((warn_unused_result));

/* Calls under way over a trunk, both ways; each leg of a call that is taken through is one. */
size_t trunk_routes_calls(const struct control *control, const char *trunk);

/* Whether a trunk takes one more call of ours now. take: it is made, and counts against the calls a
 * second. */
bool trunk_routes_has_room(struct control *control, const struct trunk_info *trunk, bool take)
    __attribute__((warn_unused_result));

#endif
