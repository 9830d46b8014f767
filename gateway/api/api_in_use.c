#include "gateway/api/api_in_use.h"

#include <stdio.h>
#include <string.h>

#include "gateway/control/device_register.h"
#include "gateway/control/policy_cache.h"

enum { DETAIL_TEXT = 256 };

/* The number of ours whose calls are taken through there, or NULL. */
static const char *bridged_number(const struct api_request *r, const char *target)
{
    const struct policy_set *set = policy_cache_set(r->control->policy);
    const struct policy_number *number;
    for (size_t i = 0; (number = policy_number_at(set, i)) != NULL; i++) {
        const char *through = policy_bridge_target(set, number->number);
        if (through && strcmp(through, target) == 0)
            return number->number;
    }
    return NULL;
}

/* The device whose calls are taken through to that trunk, or NULL. */
static const struct device_info *calling_device(const struct api_request *r, const char *trunk)
{
    const struct device_info *device;
    for (size_t i = 0; (device = policy_cache_device_at(r->control->policy, i)) != NULL; i++) {
        const char *through = device_calls_trunk(device);
        if (through && strcmp(through, trunk) == 0)
            return device;
    }
    return NULL;
}

bool api_trunk_is_free(struct api_request *r, const char *trunk)
{
    size_t count;
    char detail[DETAIL_TEXT] = "";
    const struct device_info *device = calling_device(r, trunk);
    const struct route *routes = policy_cache_routes(r->control->policy, &count);
    const char *number = bridged_number(r, trunk);
    if (number)
        snprintf(detail, sizeof detail,
                 "calls for %s are taken through to it (sealfax number remove)", number);
    else if (device)
        snprintf(detail, sizeof detail,
                 "calls of the device '%s' are taken through to it (sealfax device change --calls)",
                 device->name);
    for (size_t i = 0; i < count && !detail[0]; i++)
        if (!routes[i].implicit && strcmp(routes[i].trunk, trunk) == 0)
            snprintf(detail, sizeof detail, "the route '%s' leads to it (sealfax route remove)",
                     routes[i].name);
    if (detail[0])
        api_answer_problem(r, 409, "in_use", "The trunk is in use", detail);
    return !detail[0];
}

bool api_device_is_free(struct api_request *r, const char *device)
{
    char target[POLICY_NAME_TEXT + 8], detail[DETAIL_TEXT] = "";
    const struct policy_cache *policy = r->control->policy;
    const char *mailbox;
    snprintf(target, sizeof target, DEVICE_PREFIX "%.50s", device);
    const char *number = bridged_number(r, target);
    if (number)
        snprintf(detail, sizeof detail,
                 "calls for %s are taken through to it (sealfax number remove)", number);
    for (size_t i = 0; !detail[0] && (mailbox = policy_cache_mailbox_at(policy, i)) != NULL; i++)
        if (strcmp(policy_cache_mailbox_device(policy, mailbox), device) == 0)
            snprintf(detail, sizeof detail,
                     "what the mailbox '%s' receives is delivered to it (sealfax mailbox change "
                     "--deliver-to)",
                     mailbox);
    if (detail[0])
        api_answer_problem(r, 409, "in_use", "The device is in use", detail);
    return !detail[0];
}

bool api_number_is_free(struct api_request *r, const char *number)
{
    char detail[DETAIL_TEXT];
    const struct device_info *device = policy_cache_device_of(r->control->policy, number);
    if (!device)
        return true;
    snprintf(detail, sizeof detail,
             "it is the extension of the device '%s' (sealfax device remove)", device->name);
    api_answer_problem(r, 409, "in_use", "The number is in use", detail);
    return false;
}
