#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/api/api_handlers.h"
#include "gateway/api/api_request.h"
#include "gateway/api/openapi_document.h"
#include "gateway/control/bridge_call.h"
#include "gateway/control/fax_call.h"
#include "gateway/control/fax_queue.h"

static json_t *lines_json(const struct control *c)
{
    json_t *lines = json_array();
    for (size_t i = 0; i < line_pool_count(c->lines); i++) {
        int pid;
        uint32_t calls;
        line_pool_describe(c->lines, i, &pid, &calls);
        json_array_append_new(lines, json_pack("{s:i,s:i}", "pid", pid, "calls", (int)calls));
    }
    return lines;
}

/* Open to everybody who can connect: it says nothing of faxes or numbers. */
void api_get_status(struct http_request *http, void *user)
{
    struct control *c = user;
    struct audit_state audit;
    audit_state_get(c->audit, &audit);
    const struct policy_principal *p = policy_cache_account(c->policy, http_request_peer_uid(http));
    json_t *body = json_pack(
        "{s:s,s:s,s:b,s:I,s:{s:b,s:I},s:{s:I,s:I,s:I,s:b,s:s,s:s},s:o,s:{s:b,s:s,s:s},s:{s:s},s:I,"
        "s:I,"
        "s:s?}",
        "version", SEALFAX_VERSION, "node", c->config->node, "ready", c->ready && !c->stopping,
        "uptime_s", (json_int_t)((uint64_t)control_now_ms() - c->started_ms) / 1000, "database",
        "up", db_is_up(c->db), "lag", (json_int_t)audit.lag, "audit", "index",
        (json_int_t)audit.size, "applied", (json_int_t)audit.applied, "checkpoint_size",
        (json_int_t)audit.checkpoint_size, "failed", audit.failed != 0, "refused",
        audit.refused_reason, "damage", audit.damage, "lines", lines_json(c), "keeper", "up",
        keeper_client_ready(c->keeper), "master_key_id", c->master_key_id, "verifier_key",
        c->verifier_key, "sip", "listen", c->sip_address, "queued",
        (json_int_t)fax_queue_length(c->queue), "calls",
        (json_int_t)fax_calls_count(c) + (json_int_t)bridge_calls_count(c), "principal",
        p ? p->name : NULL);
    http_respond_json(http, 200, body);
}

void api_get_health(struct http_request *http, void *user)
{
    (void)user;
    http_respond_json(http, 200, json_pack("{s:s}", "status", "ok"));
}

void api_get_ready(struct http_request *http, void *user)
{
    struct control *c = user;
    struct audit_state audit;
    audit_state_get(c->audit, &audit);
    const char *missing = !c->ready || c->stopping          ? "not serving"
                          : audit.failed                    ? "the journal cannot be written"
                          : !keeper_client_ready(c->keeper) ? "no keeper"
                          : line_pool_room(c->lines) == 0   ? "no line has room"
                                                            : NULL;
    if (missing)
        http_respond_problem(http, 503, "unavailable", "The gateway is not ready", missing);
    else
        http_respond_json(http, 200, json_pack("{s:s}", "status", "ready"));
}

void api_get_openapi(struct http_request *http, void *user)
{
    (void)user;
    http_respond_bytes(http, 200, "application/json", openapi_document,
                       openapi_document_length_bytes, NULL, NULL);
}
