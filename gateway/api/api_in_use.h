/* api_in_use.h: what other registers refer to is not removed: a route without its trunk, or a
 * mailbox whose machine is gone, would send faxes nowhere without saying so. */
#ifndef GATEWAY_API_API_IN_USE_H
#define GATEWAY_API_API_IN_USE_H

#include <stdbool.h>

#include "gateway/api/api_request.h"

/* Each returns true when nothing refers to it; else it has answered 409 with what does, and r is
 * over. */
bool api_trunk_is_free(struct api_request *r, const char *trunk)
    __attribute__((warn_unused_result));
bool api_device_is_free(struct api_request *r, const char *device)
    __attribute__((warn_unused_result));
/* number: in plain form. */
bool api_number_is_free(struct api_request *r, const char *number)
    __attribute__((warn_unused_result));

#endif
