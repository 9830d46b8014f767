#include "gateway/api/api.h"

#include <stddef.h>

#include "gateway/api/api_handlers.h"

enum { JSON_MAX = 64 * 1024, DOCUMENT_MAX = 256 * 1024 * 1024 };

static const struct http_route routes[] = {
    {"GET", "/v1/status", api_get_status, NULL, 0, 0},
    {"GET", "/v1/faxes", api_get_faxes, NULL, 0, 0},
    {"POST", "/v1/faxes", api_post_fax, NULL, HTTP_ROUTE_BODY_MEMFD, DOCUMENT_MAX},
    {"GET", "/v1/faxes/{id}", api_get_fax, NULL, 0, 0},
    {"GET", "/v1/faxes/{id}/watch", api_watch_fax, NULL, 0, 0},
    {"POST", "/v1/faxes/{id}/cancel", api_cancel_fax, NULL, 0, 0},
    {"GET", "/v1/faxes/{id}/document", api_get_document, NULL, 0, 0},
    {"GET", "/v1/faxes/{id}/trace", api_get_trace, NULL, 0, 0},
    {"GET", "/v1/principals", api_get_principals, NULL, 0, 0},
    {"POST", "/v1/principals", api_post_principal, NULL, 0, JSON_MAX},
    {"POST", "/v1/principals/{name}/disable", api_disable_principal, NULL, 0, 0},
    {"POST", "/v1/principals/{name}/enable", api_enable_principal, NULL, 0, 0},
    {"GET", "/v1/roles", api_get_roles, NULL, 0, 0},
    {"POST", "/v1/roles", api_post_role, NULL, 0, JSON_MAX},
    {"DELETE", "/v1/roles/{name}", api_delete_role, NULL, 0, 0},
    {"GET", "/v1/grants", api_get_grants, NULL, 0, 0},
    {"POST", "/v1/grants", api_post_grant, NULL, 0, JSON_MAX},
    {"DELETE", "/v1/grants/{id}", api_delete_grant, NULL, 0, 0},
    {"GET", "/v1/mailboxes", api_get_mailboxes, NULL, 0, 0},
    {"POST", "/v1/mailboxes", api_post_mailbox, NULL, 0, JSON_MAX},
    {"PATCH", "/v1/mailboxes/{name}", api_patch_mailbox, NULL, 0, JSON_MAX},
    {"GET", "/v1/numbers", api_get_numbers, NULL, 0, 0},
    {"POST", "/v1/numbers", api_post_number, NULL, 0, JSON_MAX},
    {"DELETE", "/v1/numbers/{number}", api_delete_number, NULL, 0, 0},
    {"GET", "/v1/trunks", api_get_trunks, NULL, 0, 0},
    {"POST", "/v1/trunks", api_post_trunk, NULL, 0, JSON_MAX},
    {"PATCH", "/v1/trunks/{name}", api_patch_trunk, NULL, 0, JSON_MAX},
    {"DELETE", "/v1/trunks/{name}", api_delete_trunk, NULL, 0, 0},
    {"GET", "/v1/devices", api_get_devices, NULL, 0, 0},
    {"POST", "/v1/devices", api_post_device, NULL, 0, JSON_MAX},
    {"GET", "/v1/devices/{name}", api_get_device, NULL, 0, 0},
    {"PATCH", "/v1/devices/{name}", api_patch_device, NULL, 0, JSON_MAX},
    {"DELETE", "/v1/devices/{name}", api_delete_device, NULL, 0, 0},
    {"POST", "/v1/devices/{name}/disable", api_disable_device, NULL, 0, 0},
    {"POST", "/v1/devices/{name}/enable", api_enable_device, NULL, 0, 0},
    {"PUT", "/v1/devices/{name}/credential", api_put_device_credential, NULL, 0, JSON_MAX},
    {"GET", "/v1/routes", api_get_routes, NULL, 0, 0},
    {"POST", "/v1/routes", api_post_route, NULL, 0, JSON_MAX},
    {"DELETE", "/v1/routes/{name}", api_delete_route, NULL, 0, 0},
    {"GET", "/v1/route-test", api_get_route_test, NULL, 0, 0},
    {"PUT", "/v1/trunks/{name}/credential", api_put_trunk_credential, NULL, 0, JSON_MAX},
    {"DELETE", "/v1/trunks/{name}/credential", api_delete_trunk_credential, NULL, 0, 0},
    {"PUT", "/v1/trunks/{name}/registration", api_put_trunk_registration, NULL, 0, JSON_MAX},
    {"DELETE", "/v1/trunks/{name}/registration", api_delete_trunk_registration, NULL, 0, 0},
    {"DELETE", "/v1/trunks/{name}/t38-refusals", api_delete_t38_refusals, NULL, 0, 0},
    {"GET", "/v1/keys", api_get_keys, NULL, 0, 0},
    {"GET", "/v1/audit/records", api_get_records, NULL, 0, 0},
    {"POST", "/v1/audit/verify", api_post_verify, NULL, 0, 0},
    {"GET", "/v1/audit/checkpoint", api_get_checkpoint, NULL, 0, 0},
    {"POST", "/v1/dispose", api_post_dispose, NULL, 0, 0},
    {"GET", "/v1/openapi.json", api_get_openapi, NULL, 0, 0},
    {"GET", "/healthz", api_get_health, NULL, 0, 0},
    {"GET", "/readyz", api_get_ready, NULL, 0, 0},
    {NULL, NULL, NULL, NULL, 0, 0},
};

const struct http_route *api_routes(void)
{
    return routes;
}
