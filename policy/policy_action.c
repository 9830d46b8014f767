#include "policy/policy_action.h"

#include <string.h>

#include "policy/policy_error.h"

#define BIT(action) POLICY_ACTION_BIT(POLICY_##action)

static const char *const action_texts[POLICY_ACTION_COUNT] = {
    [POLICY_SUBMIT] = "fax.submit",
    [POLICY_RECEIVE] = "fax.receive",
    [POLICY_BRIDGE] = "fax.bridge",
    [POLICY_LIST] = "fax.list",
    [POLICY_VIEW] = "fax.view",
    [POLICY_EXPORT] = "fax.export",
    [POLICY_TRACE] = "fax.trace",
    [POLICY_CANCEL] = "fax.cancel",
    [POLICY_DISPOSE] = "fax.dispose",
    [POLICY_ADMIN_USERS] = "admin.users",
    [POLICY_ADMIN_ROLES] = "admin.roles",
    [POLICY_ADMIN_GRANTS] = "admin.grants",
    [POLICY_ADMIN_NUMBERS] = "admin.numbers",
    [POLICY_ADMIN_MAILBOXES] = "admin.mailboxes",
    [POLICY_ADMIN_TRUNKS] = "admin.trunks",
    [POLICY_ADMIN_CONFIG] = "admin.config",
    [POLICY_AUDIT_READ] = "audit.read",
    [POLICY_AUDIT_VERIFY] = "audit.verify",
    [POLICY_KEY_READ] = "key.read",
    [POLICY_KEY_MANAGE] = "key.manage",
    [POLICY_STATUS] = "status.read",
};

static const struct policy_builtin_role builtin_roles[] = {
    {"administrator",
     BIT(ADMIN_USERS) | BIT(ADMIN_ROLES) | BIT(ADMIN_GRANTS) | BIT(ADMIN_NUMBERS) |
         BIT(ADMIN_MAILBOXES) | BIT(ADMIN_TRUNKS) | BIT(ADMIN_CONFIG) | BIT(KEY_READ) | BIT(STATUS),
     "Runs the gateway: users, roles, grants, numbers, mailboxes, trunks; sees no fax."},
    {"operator", BIT(LIST) | BIT(TRACE) | BIT(CANCEL) | BIT(STATUS),
     "Watches, traces and cancels transmissions; sees no page."},
    {"sender", BIT(SUBMIT) | BIT(LIST) | BIT(TRACE) | BIT(CANCEL),
     "Sends faxes and follows them; sees no page."},
    {"receiver", BIT(LIST) | BIT(VIEW) | BIT(EXPORT), "Reads and exports faxes of its mailboxes."},
    {"auditor", BIT(AUDIT_READ) | BIT(AUDIT_VERIFY) | BIT(KEY_READ) | BIT(STATUS),
     "Reads and verifies the log; changes nothing and sees no fax."},
    {"disposal-officer", BIT(LIST) | BIT(DISPOSE), "Disposes of faxes that are due; sees no page."},
    {"trunk", BIT(RECEIVE), "Brings faxes in for the numbers in its scope."},
    {"device", BIT(SUBMIT) | BIT(RECEIVE),
     "A fax machine: sends as its number, and is sent what comes for it."},
    {"bridge", BIT(BRIDGE),
     "Has calls taken through in real time: for numbers in its scope, or as a number of it."},
};

const char *policy_action_text(enum policy_action action)
{
    return (unsigned)action < POLICY_ACTION_COUNT ? action_texts[action] : NULL;
}

int policy_action_parse(const char *text, enum policy_action *action)
{
    for (unsigned i = 0; text && i < POLICY_ACTION_COUNT; i++)
        if (strcmp(text, action_texts[i]) == 0) {
            *action = (enum policy_action)i;
            return 0;
        }
    return FAX_EP_FORMAT;
}

const struct policy_builtin_role *policy_builtin_role_at(size_t position)
{
    return position < sizeof builtin_roles / sizeof *builtin_roles ? &builtin_roles[position]
                                                                   : NULL;
}
