/* mail_schedule.h: which mail is tried when. Pure: the time goes in. */
#ifndef GATEWAY_MAIL_MAIL_SCHEDULE_H
#define GATEWAY_MAIL_MAIL_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/fax_id.h"
#include "gateway/mail/mail_relay.h"

/* A mail that waits. Times are of the wall clock. */
struct mail_entry {
    struct fax_id out, about;
    int64_t next_ms;
    int64_t expires_ms; /* it is given up then; 0: its row says when */
    uint32_t tries;     /* that ended */
};

/* Mails that wait, the earliest first. */
struct mail_heap {
    struct mail_entry *entries;
    size_t count, capacity;
};

struct mail_schedule {
    struct mail_heap waiting;
    int64_t first_ms, most_ms; /* of the back-off: mail.out_retry_first_ms, _most_ms */
    /* The relay could not be reached: one mail at a time tries it, not before hold_until_ms. */
    bool down;
    int64_t hold_ms, hold_until_ms;
};

/* Returns 0 or -ENOMEM. */
int mail_schedule_put(struct mail_schedule *schedule, const struct mail_entry *entry)
    __attribute__((warn_unused_result));

/* Takes the mail that is to be tried now; while the relay is away also one whose time is over, so
 * that it gets its end. under_way: how many are being tried; most: of those, while the relay is
 * there. False: none; *next_ms is when to come again, 0: when one ends or comes. */
bool mail_schedule_take(struct mail_schedule *schedule, size_t under_way, size_t most,
                        int64_t now_ms, struct mail_entry *out, int64_t *next_ms)
    __attribute__((warn_unused_result));

/* What a try says of the relay: the mails that wait keep their count while it is away. Returns
 * whether that is new. */
bool mail_schedule_note(struct mail_schedule *schedule, bool reached, int64_t now_ms);

/* When a mail of so many tries that ended thus is tried again; 0: never, it has ended. */
int64_t mail_schedule_next(const struct mail_schedule *schedule, enum mail_outcome outcome,
                           uint32_t tries, int64_t now_ms, int64_t expires_ms)
    __attribute__((warn_unused_result));

/* Takes one out by its name. Says whether it was there. */
bool mail_schedule_remove(struct mail_schedule *schedule, const struct fax_id *out);

/* Drops all that wait. */
void mail_schedule_clear(struct mail_schedule *schedule);

#endif
