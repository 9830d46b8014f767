/* api_body.h: the JSON bodies of requests, and the members that they may have. */
#ifndef GATEWAY_API_API_BODY_H
#define GATEWAY_API_API_BODY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "gateway/api/api_request.h"

enum { API_BODY_MEMBERS = 24 };

struct api_body_schema {
    const char *name; /* in openapi.json */
    const char *members[API_BODY_MEMBERS];
};

/* The schemas of all bodies; NULL past the end. */
const struct api_body_schema *api_body_schema_at(size_t position);

/* The body of a request, an object with no other members than those of that schema; the caller
 * frees it. NULL after having answered 415 or 400, which names the member; then the request is
 * gone. A member that is misspelt must not be taken as one that is left out: a limit, an expiry or
 * a demand for protection would silently not hold. */
json_t *api_body(struct api_request *r, const char *schema) __attribute__((warn_unused_result));

/* Overwrites the texts of a body in memory: it may hold a secret. NULL is allowed. */
void api_body_wipe(json_t *body);

#endif
