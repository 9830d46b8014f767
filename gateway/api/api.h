/* api.h: the handlers of the REST API (openapi.json). Each one: who is it (SO_PEERCRED), is it
 * allowed (policy), is it valid, then the event, then the effect, then the answer. */
#ifndef GATEWAY_API_API_H
#define GATEWAY_API_API_H

#include "gateway/http/http_server.h"

/* The table for http_server_open(); the server's user is the struct control. */
const struct http_route *api_routes(void);

/* http_admit_cb of the server: a local account that is no principal sends nothing (recorded). */
int api_admit_body(void *control, uid_t uid, const char **why);

#endif
