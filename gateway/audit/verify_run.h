/* verify_run.h: the state of one verification, for the verification only. */
#ifndef GATEWAY_AUDIT_VERIFY_RUN_H
#define GATEWAY_AUDIT_VERIFY_RUN_H

#include "gateway/audit/audit_verify.h"
#include "gateway/audit/checkpoint_file.h"
#include "gateway/audit/journal_cursor.h"
#include "gateway/audit/verify_rows.h"
#include "policy/verifier.h"

struct verify_run {
    const struct audit_verify_config *config;
    struct audit_verify_result *result;
    struct verifier *verifier;
    struct checkpoint_list notes;  /* of file and table together */
    struct journal_cursor *cursor; /* NULL: no journal */
    struct verify_rows *rows;      /* NULL: no database */
    struct journal_entry entry;
    struct verify_row row;
    bool has_entry, has_row; /* entry and row hold what comes next */
    bool any_row;
    uint64_t journal_first, journal_end; /* end: after the last record seen */
    uint64_t next;                       /* index after the last one given to the verifier */
    struct record parsed;
};

/* Notes a finding; the one with the lowest index is kept. UINT64_MAX: of no record. */
__attribute__((format(printf, 4, 5))) void verify_find(struct verify_run *run,
                                                       enum audit_finding finding, uint64_t index,
                                                       const char *format, ...);

/* verify_record.c: what the verifier of policy does not look at. */
void verify_check_columns(struct verify_run *run);
void verify_check_sides(struct verify_run *run);
int verify_check_values(struct verify_run *run, uint64_t index, const uint8_t *bytes, size_t length)
    __attribute__((warn_unused_result));

#endif
