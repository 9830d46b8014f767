/* retry.h: whether and how a fax is tried again after an attempt that did not deliver it. Pure. */
#ifndef GATEWAY_CONTROL_RETRY_H
#define GATEWAY_CONTROL_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/config/config.h"
#include "gateway/trace/verdict.h"

struct retry_limits {
    uint32_t max_attempts;   /* in all; 1: never again */
    uint64_t first_delay_ms; /* doubled with each attempt */
    uint64_t busy_delay_ms;  /* not doubled: the line will be free some time */
    uint64_t max_delay_ms;
    bool resume; /* a partial fax goes on at its next page */
};

struct retry_attempt {
    uint32_t attempt;        /* its number, from 1 */
    const char *state;       /* "failed", "partial", "uncertain", "delivered", "cancelled" */
    int sip_code;            /* of the refusal; 0 or 200: none */
    int q850;                /* cause that came with it, 0: none */
    int t30_result;          /* t38/t30_result.h; negative: T.30 did not run */
    bool local_fault;        /* of ours, before media: line or keeper lost, gateway stopped */
    uint32_t rate;           /* offered at most in this attempt, bit/s */
    bool ecm;                /* offered in this attempt */
    uint64_t retry_after_ms; /* not before that (RFC 3261 §20.33); 0: nothing was asked */
    bool t38_was_mute; /* agreed, but not one packet came; the next attempt does not ask for it */
};

struct retry_plan {
    bool again;
    uint64_t delay_ms;
    uint32_t max_rate; /* for the next attempt */
    bool ecm;
    bool other_route; /* this one goes last next time */
    const char *why;  /* "busy", "no answer", "network", "training", "" */
};

struct retry_limits retry_limits_of(const struct config *config);

/* As verdict_cause(): what people are told and what is done come from the same tables. */
enum retry_cause retry_cause_of(const struct retry_attempt *attempt);

/* Never again after "uncertain", "delivered" and "cancelled", nor when the limits are reached. */
void retry_plan_make(const struct retry_limits *limits, const struct retry_attempt *attempt,
                     struct retry_plan *plan);

#endif
