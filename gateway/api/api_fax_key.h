/* api_fax_key.h: the key of a sealed fax for a request that is to read it. */
#ifndef GATEWAY_API_API_FAX_KEY_H
#define GATEWAY_API_API_FAX_KEY_H

#include "gateway/api/api_request.h"
#include "gateway/process/messages.h"

/* Records that what is sealed of a fax is damaged (event vault.damaged). */
void api_note_damage(struct api_request *r, const struct fax_id *fax, const char *reason);

/* For the callback of keeper_open_key(). status 0: copies the key to `key`, which is the caller's
 * to wipe, records its use for that purpose and goes on with next. Else answers why there is none.
 */
void api_take_key(struct api_request *r, const struct fax_id *fax, int status,
                  const struct msg_key_result *result, const char *purpose,
                  uint8_t key[MSG_KEY_OCTETS], void (*next)(struct api_request *r));

#endif
