/* decision.h: the one function that decides who may do what. Deny by default; every answer has its
 * reason, every permission its grant. Pure: rows in, answers out.
 *
 * The parts: principals act; roles are sets of actions; a grant gives a principal a role within a
 * scope and until a time. For each action some parts of the question must be in the scope:
 * SUBMIT: from number and to number; RECEIVE: to number; BRIDGE: to number, of a call that one of
 * our numbers makes from number and to number; LIST VIEW EXPORT CANCEL DISPOSE:
 * mailbox; the others: nothing. An empty list in a scope allows nothing; "*" allows all. */
#ifndef POLICY_DECISION_H
#define POLICY_DECISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy_action.h"

enum { POLICY_NAME_TEXT = 64, POLICY_REASON_TEXT = 200, POLICY_SCOPE_MAX = 256 };

enum policy_kind { POLICY_PERSON = 1, POLICY_SERVICE, POLICY_DEVICE, POLICY_TRUNK, POLICY_SYSTEM };

struct policy_principal {
    int64_t id;
    const char *name;
    enum policy_kind kind;
    bool disabled;
};

struct policy_role {
    const char *name;
    uint64_t actions; /* bits POLICY_ACTION_BIT(action) */
};

/* A list of texts; they are copied. */
struct policy_list {
    const char *const *items;
    size_t count;
};

struct policy_grant {
    int64_t id;
    int64_t principal_id;
    const char *role;
    struct policy_list from_numbers; /* patterns, number.h */
    struct policy_list to_numbers;   /* patterns */
    struct policy_list mailboxes;    /* names or "*" */
    int64_t expires_us;              /* 0: never */
};

struct policy_number {
    const char *number; /* plain form */
    const char *mailbox;
    /* What becomes of calls: NULL or "store": they are received; "bridge:TARGET": they are taken
     * through to a trunk, or "device:NAME". */
    const char *deliver;
};

struct policy_mailbox {
    const char *name;
    const char *class_name;
    uint32_t retention_days; /* 0: no disposal date */
    bool capture;            /* pages of bridged calls are sealed as well */
};

struct policy_trunk {
    const char *name;
    int64_t principal_id;
    bool disabled;
};

/* All rows of one moment; immutable once sealed, so that answers can be given from it without
 * locks until a newer one replaces it. */
struct policy_set;

/* Errors: FAX_EP_NOMEM. */
int policy_set_new(struct policy_set **set) __attribute__((warn_unused_result));
void policy_set_free(struct policy_set *set);

/* Add a row; everything is copied. Errors: FAX_EP_INVAL (sealed, bad name, number, pattern or
 * class), FAX_EP_LIMIT (a scope over POLICY_SCOPE_MAX), FAX_EP_NOMEM. */
int policy_add_principal(struct policy_set *set, const struct policy_principal *principal)
    __attribute__((warn_unused_result));
int policy_add_role(struct policy_set *set, const struct policy_role *role)
    __attribute__((warn_unused_result));
int policy_add_grant(struct policy_set *set, const struct policy_grant *grant)
    __attribute__((warn_unused_result));
int policy_add_number(struct policy_set *set, const struct policy_number *number)
    __attribute__((warn_unused_result));
int policy_add_mailbox(struct policy_set *set, const struct policy_mailbox *mailbox)
    __attribute__((warn_unused_result));
int policy_add_trunk(struct policy_set *set, const struct policy_trunk *trunk)
    __attribute__((warn_unused_result));

/* Sorts and checks that ids and names are unique and that grants, numbers and trunks point to rows
 * that exist. The set is then immutable. Errors: FAX_EP_MISMATCH; it stays unsealed and reason says
 * which row. */
int policy_set_seal(struct policy_set *set, char reason[POLICY_REASON_TEXT])
    __attribute__((warn_unused_result));

/* Rows of a sealed set by key; NULL if there is none. They live as long as the set. */
const struct policy_principal *policy_find_principal(const struct policy_set *set, int64_t id);
const struct policy_principal *policy_find_principal_named(const struct policy_set *set,
                                                           const char *name);
const struct policy_mailbox *policy_find_mailbox(const struct policy_set *set, const char *name);
const struct policy_number *policy_find_number(const struct policy_set *set, const char *number);
const struct policy_trunk *policy_find_trunk(const struct policy_set *set, const char *name);

/* Where calls for a number of ours are taken through to: name of a trunk, or "device:NAME". NULL:
 * they are received here. number: any form number_normalise reads. */
const char *policy_bridge_target(const struct policy_set *set, const char *number);

/* The mailboxes, sorted by name; NULL past the end. To list what a principal may see, ask for each.
 */
const struct policy_mailbox *policy_mailbox_at(const struct policy_set *set, size_t position);

/* The numbers likewise. */
const struct policy_number *policy_number_at(const struct policy_set *set, size_t position);

struct policy_question {
    int64_t principal_id;
    enum policy_action action;
    /* SUBMIT; BRIDGE: the number of ours that calls, NULL when one of ours is called; any form
     * number_normalise reads */
    const char *from_number;
    const char *to_number; /* SUBMIT, RECEIVE, BRIDGE */
    const char *mailbox;   /* LIST VIEW EXPORT CANCEL DISPOSE; ignored for SUBMIT and RECEIVE */
    /* SUBMIT: the class that the fax is to have; NULL or "": that of its mailbox. For another one
     * the grant must be for a mailbox of that class as well. */
    const char *class_name;
    int64_t now_us;
};

struct policy_answer {
    bool allowed;
    const char *reason_code;         /* static: "granted", "no_grant", …, see README */
    char reason[POLICY_REASON_TEXT]; /* English; holds no telephone numbers */
    int64_t grant_id;                /* the grant that allows; 0 if denied */
    /* The fax's: by the from number when that is to be one of ours (SUBMIT, BRIDGE), by the to
     * number of RECEIVE and other BRIDGE, otherwise as asked; NULL if unknown. */
    const struct policy_mailbox *mailbox;
};

/* Decides. Always fills answer; an unsealed set or a bad question is denied. */
void policy_decide(const struct policy_set *set, const struct policy_question *question,
                   struct policy_answer *answer);

/* Decides about an inbound call on the trunk called trunk_name to to_number: the trunk must exist
 * and be enabled, the number known, and the trunk's principal may RECEIVE for it. */
void policy_decide_inbound(const struct policy_set *set, const char *trunk_name,
                           const char *to_number, int64_t now_us, struct policy_answer *answer);

#endif
