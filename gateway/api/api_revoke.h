/* api_revoke.h: what becomes of grants when the one who has them goes. */
#ifndef GATEWAY_API_API_REVOKE_H
#define GATEWAY_API_API_REVOKE_H

#include "gateway/api/api_request.h"

/* Revokes all grants of a principal, each with its event, and then goes on with next. Answers 503
 * when they cannot be read or an event cannot be recorded; those that were revoked until then stay
 * so. For principals whose name somebody else may get later: trunks and devices. */
void api_revoke_grants(struct api_request *r, const char *principal,
                       void (*next)(struct api_request *r));

struct api_revocation;
void api_revocation_free(struct api_revocation *revocation); /* NULL is allowed */

#endif
