/* fax_watchers.h: who follows a fax live (GET /v1/faxes/{id}/watch), and what they are told. */
#ifndef GATEWAY_CONTROL_FAX_WATCHERS_H
#define GATEWAY_CONTROL_FAX_WATCHERS_H

#include <jansson.h>
#include <stdbool.h>

#include "gateway/fax_id.h"
#include "gateway/http/http_server.h"

struct fax_watchers;

/* Makes an empty list of watchers, the caller's. Returns 0 or -ENOMEM. */
int fax_watchers_new(struct fax_watchers **out) __attribute__((warn_unused_result));
/* Ends all streams. */
void fax_watchers_free(struct fax_watchers *watchers);

/* Adds a stream that has begun (http_stream_begin); it ends with the fax or when the client goes.
 * Returns 0 or -ENOMEM, -EUSERS when too many watch; then the stream is still the caller's. */
int fax_watchers_add(struct fax_watchers *watchers, const struct fax_id *fax,
                     struct http_request *stream) __attribute__((warn_unused_result));

/* Tells all who follow the fax. Takes the reference. The line gets "time", "kind" (one of those
 * in openapi.json) and "state", that of the fax. With last set their streams end. */
void fax_watchers_tell(struct fax_watchers *watchers, const struct fax_id *fax, const char *kind,
                       const char *state, json_t *line, bool last);

/* As above with a sentence only; "": none. */
void fax_watchers_say(struct fax_watchers *watchers, const struct fax_id *fax, const char *kind,
                      const char *state, const char *text);

#endif
