/* api_trunk_accounts.h: what the list of trunks says of credentials and registrations. */
#ifndef GATEWAY_API_API_TRUNK_ACCOUNTS_H
#define GATEWAY_API_API_TRUNK_ACCOUNTS_H

#include "gateway/api/api_request.h"

/* Our registration with a trunk and how it stands; JSON null when there is none. */
json_t *api_trunk_registration_json(const struct control *control, const char *trunk);

/* The realms that have a credential, without the secrets. */
json_t *api_trunk_credentials_json(const struct control *control, const char *trunk);

#endif
