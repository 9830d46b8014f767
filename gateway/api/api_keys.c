#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/api/api_handlers.h"
#include "gateway/api/api_request.h"

static void on_keys(void *user, int status, const struct msg_key_listed *list)
{
    struct api_request *r = user;
    if (status < 0) {
        api_answer_error(r, status, "the keys could not be listed");
        return;
    }
    json_t *keys = json_object_get(r->body, "keys");
    for (uint32_t i = 0; i < list->count && i < sizeof list->keys / sizeof list->keys[0]; i++)
        json_array_append_new(keys, json_pack("{s:s,s:o,s:I}", "kek_id", list->keys[i].kek_id,
                                              "created", api_time(list->keys[i].created_ms),
                                              "data_keys", (json_int_t)list->keys[i].data_keys));
    if (list->next != 0) {
        int rc = keeper_list_keys(r->control->keeper, list->next, on_keys, r);
        if (rc < 0)
            api_answer_error(r, rc, "the keys could not be listed");
        return;
    }
    json_t *body = r->body;
    r->body = NULL;
    api_answer_json(r, 200, body);
}

void api_get_keys(struct http_request *http, void *user)
{
    struct api_request *r = api_begin(http, user);
    if (!r || !api_allow(r, POLICY_KEY_READ, NULL))
        return;
    r->body = json_pack("{s:s,s:[]}", "master_key_id", r->control->master_key_id, "keys");
    int rc = keeper_list_keys(r->control->keeper, 0, on_keys, r);
    if (rc < 0)
        api_answer_error(r, rc, "the keys could not be listed");
}
