/* policy_action.h: the actions that are decided about, and the built-in roles, as data. */
#ifndef POLICY_POLICY_ACTION_H
#define POLICY_POLICY_ACTION_H

#include <stddef.h>
#include <stdint.h>

/* The texts ("fax.submit"), not the numbers, stand in the database. */
enum policy_action {
    POLICY_SUBMIT = 0,      /* fax.submit: send a fax as a number to a number */
    POLICY_RECEIVE,         /* fax.receive: bring a fax in for a number (trunks, devices) */
    POLICY_BRIDGE,          /* fax.bridge: a call for a number goes out again, in real time */
    POLICY_LIST,            /* fax.list: see that faxes of a mailbox exist, their state */
    POLICY_VIEW,            /* fax.view: see pages */
    POLICY_EXPORT,          /* fax.export: take pages out */
    POLICY_TRACE,           /* fax.trace: see how its calls went; no page, numbers masked */
    POLICY_CANCEL,          /* fax.cancel: cancel what was submitted */
    POLICY_DISPOSE,         /* fax.dispose: dispose of faxes that are due */
    POLICY_ADMIN_USERS,     /* admin.users: principals */
    POLICY_ADMIN_ROLES,     /* admin.roles: what roles may do */
    POLICY_ADMIN_GRANTS,    /* admin.grants: who has which role where */
    POLICY_ADMIN_NUMBERS,   /* admin.numbers: numbers */
    POLICY_ADMIN_MAILBOXES, /* admin.mailboxes: mailboxes, their class and retention */
    POLICY_ADMIN_TRUNKS,    /* admin.trunks: trunks and devices */
    POLICY_ADMIN_CONFIG,    /* admin.config: see and change the configuration */
    POLICY_AUDIT_READ,      /* audit.read: list the log */
    POLICY_AUDIT_VERIFY,    /* audit.verify */
    POLICY_KEY_READ,        /* key.read: list keys, never material */
    POLICY_KEY_MANAGE,      /* key.manage: rotate, destroy */
    POLICY_STATUS,          /* status.read: lines, calls, queue */
    POLICY_ACTION_COUNT
};

#define POLICY_ACTION_BIT(action) (UINT64_C(1) << (unsigned)(action))

/* "fax.submit", …; NULL for a number out of range. */
const char *policy_action_text(enum policy_action action);

/* Reads such a text. Errors: FAX_EP_FORMAT. */
int policy_action_parse(const char *text, enum policy_action *action)
    __attribute__((warn_unused_result));

struct policy_builtin_role {
    const char *name;
    uint64_t actions;
    const char *meaning;
};

/* The roles every installation starts with; NULL past the end. Duties are apart: an administrator
 * sees no fax and disposes of none, an auditor changes nothing, who disposes sees no page. */
const struct policy_builtin_role *policy_builtin_role_at(size_t position);

#endif
