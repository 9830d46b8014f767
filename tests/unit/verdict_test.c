/* verdict_test.c: every result has a sentence, and what people are told is what is done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/control/retry.h"
#include "gateway/trace/verdict.h"
#include "t38/spandsp_session.h"
#include "t38/t30_result.h"

static void assert_said(const struct verdict_entry *entry)
{
    assert_non_null(entry);
    size_t length = strlen(entry->sentence);
    assert_in_range(length, 10, TRACE_SENTENCE - 60);
    assert_int_equal(entry->sentence[length - 1], '.');
    assert_in_range(entry->side, VERDICT_NOBODY, VERDICT_NUMBER);
    assert_in_range(entry->cause, RETRY_NEVER, RETRY_TRAINING);
}

static void every_result_of_t30_has_one(void **state)
{
    (void)state;
    assert_null(verdict_of_t30(0));
    assert_null(verdict_of_t30(99));
    for (int code = 1; code <= T30_ERR_CSA_UNACCEPTABLE; code++)
        assert_said(verdict_of_t30(code));
    /* All that have a name, ours included, and no others. */
    for (int code = 1; code < 200; code++)
        assert_int_equal(verdict_of_t30(code) != NULL, t30_result_get(code)->code == code);
}

/* RFC 3261 §21, RFC 3262 to 8197: the registry of response codes. */
static void every_status_has_one(void **state)
{
    static const int registered[] = {
        300, 301, 302, 305, 380, 400, 401, 402, 403, 404, 405, 406, 407, 408, 410, 412, 413,
        414, 415, 416, 417, 420, 421, 422, 423, 424, 425, 428, 429, 430, 433, 436, 437, 438,
        439, 440, 469, 470, 480, 481, 482, 483, 484, 485, 486, 487, 488, 489, 491, 493, 494,
        500, 501, 502, 503, 504, 505, 513, 555, 580, 600, 603, 604, 606, 607, 608};
    (void)state;
    for (size_t i = 0; i < sizeof registered / sizeof *registered; i++) {
        const struct verdict_entry *entry = verdict_of_sip(registered[i]);
        assert_said(entry);
        assert_int_equal(entry->code, registered[i]);
    }
    for (int code = 300; code < 700; code++)
        assert_said(verdict_of_sip(code));
    assert_null(verdict_of_sip(0));
    assert_null(verdict_of_sip(200));
    assert_null(verdict_of_sip(299));
    assert_null(verdict_of_sip(700));
    for (unsigned i = 1; verdict_sip_at(i); i++)
        assert_true(verdict_sip_at(i - 1)->code < verdict_sip_at(i)->code);
}

/* ITU-T Q.850 table 1. */
static void every_cause_has_one(void **state)
{
    static const int causes[] = {1,  2,  3,  4,  5,   6,   7,   8,   9,   14,  16, 17, 18, 19, 20,
                                 21, 22, 23, 24, 25,  26,  27,  28,  29,  30,  31, 34, 38, 39, 40,
                                 41, 42, 43, 44, 46,  47,  49,  50,  53,  55,  57, 58, 62, 63, 65,
                                 66, 69, 70, 79, 81,  82,  83,  84,  85,  86,  87, 88, 90, 91, 95,
                                 96, 97, 98, 99, 100, 101, 102, 103, 110, 111, 127};
    (void)state;
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
        assert_said(verdict_of_q850(causes[i]));
    assert_null(verdict_of_q850(0));
    assert_null(verdict_of_q850(128));
    for (unsigned i = 1; verdict_q850_at(i); i++)
        assert_true(verdict_q850_at(i - 1)->code < verdict_q850_at(i)->code);
}

static const struct retry_limits limits = {.max_attempts = 9,
                                           .first_delay_ms = 1000,
                                           .busy_delay_ms = 1000,
                                           .max_delay_ms = 1000,
                                           .resume = true};

static void assert_consistent(struct verdict_facts facts)
{
    struct verdict verdict;
    struct retry_plan plan;
    const struct retry_attempt attempt = {.attempt = 1,
                                          .state = facts.state,
                                          .sip_code = facts.sip_code,
                                          .q850 = facts.q850,
                                          .t30_result = facts.t30_result,
                                          .local_fault = facts.local_fault,
                                          .t38_was_mute = facts.t38_was_mute,
                                          .rate = 14400,
                                          .ecm = true};
    verdict_make(&facts, &verdict);
    retry_plan_make(&limits, &attempt, &plan);
    assert_int_equal(plan.again,
                     verdict.retry == TRACE_RETRY_NOW || verdict.retry == TRACE_RETRY_LATER);
    assert_int_equal(verdict.cause, retry_cause_of(&attempt));
}

static void what_is_told_is_what_is_done(void **state)
{
    static const char *const states[] = {"failed", "partial", "uncertain", "cancelled",
                                         "delivered"};
    (void)state;
    for (size_t s = 0; s < sizeof states / sizeof *states; s++) {
        struct verdict_facts facts = {.outbound = true, .state = states[s], .t30_result = -1};
        assert_consistent(facts);
        for (facts.sip_code = 300; facts.sip_code < 700; facts.sip_code++)
            for (facts.q850 = 0; facts.q850 < 128; facts.q850 += 1 + (facts.sip_code != 503) * 16)
                assert_consistent(facts);
        facts.sip_code = facts.q850 = 0;
        for (facts.t30_result = 1; facts.t30_result < 120; facts.t30_result++)
            for (int silent = 0; silent < 2; silent++) {
                facts.media = TRACE_MEDIA_T38;
                facts.silent = facts.t38_was_mute = silent;
                assert_consistent(facts);
            }
        facts.t30_result = -1;
        facts.t38_was_mute = false;
        facts.local_fault = true;
        assert_consistent(facts);
    }
}

static void assert_verdict(const struct verdict_facts *facts, const char *beginning,
                           enum verdict_side side, enum trace_retry retry)
{
    struct verdict verdict;
    verdict_make(facts, &verdict);
    assert_memory_equal(verdict.sentence, beginning, strlen(beginning));
    assert_int_equal(verdict.side, side);
    assert_int_equal(verdict.retry, retry);
}

static void the_traces_tell_more(void **state)
{
    (void)state;
    struct verdict_facts f = {.outbound = true,
                              .state = "failed",
                              .sip_code = 200,
                              .t30_result = T30_ERR_T1_EXPIRED,
                              .media = TRACE_MEDIA_T38,
                              .silent = true};
    assert_verdict(&f, "Not one T.38 packet", VERDICT_NETWORK, TRACE_RETRY_NOW);
    f.media = TRACE_MEDIA_AUDIO;
    assert_verdict(&f, "Not one audio packet", VERDICT_NETWORK, TRACE_RETRY_NOW);
    f.silent = false;
    assert_verdict(&f, "The peer's media has no fax signal", VERDICT_NUMBER, TRACE_RETRY_NOW);
    f.heard_t30 = true;
    f.retrains = 3;
    f.media = TRACE_MEDIA_T38;
    f.t30_result = T30_ERR_TX_PHBDEAD;
    assert_verdict(&f, "The peer never answered our DCS: likely no T.38 media path",
                   VERDICT_NETWORK, TRACE_RETRY_NOW);
    f.dcs_answered = true;
    f.packets = 900;
    f.lost = 100;
    struct verdict verdict;
    verdict_make(&f, &verdict);
    assert_non_null(strstr(verdict.sentence, " 100 of 1000 packets were lost on the way."));
    f = (struct verdict_facts){
        .state = "failed", .t30_result = T30_ERR_RX_T2EXP, .media = TRACE_MEDIA_T38};
    assert_verdict(&f, "The sender never answered our DIS", VERDICT_NETWORK, TRACE_RETRY_NOW);
    f = (struct verdict_facts){
        .outbound = true, .state = "failed", .sip_code = 503, .q850 = 17, .t30_result = -1};
    assert_verdict(&f, "The number is busy.", VERDICT_PEER, TRACE_RETRY_LATER);
    f.q850 = 16;
    assert_verdict(&f, "The trunk is out of service", VERDICT_NETWORK, TRACE_RETRY_NOW);
    f = (struct verdict_facts){.outbound = true,
                               .state = "uncertain",
                               .t30_result = T30_ERR_TX_PHDDEAD,
                               .page_pending = 2};
    assert_verdict(&f, "No answer came after page 2", VERDICT_NETWORK, TRACE_RETRY_NO);
    f = (struct verdict_facts){
        .outbound = true, .state = "failed", .sip_code = 200, .t30_result = -1};
    assert_verdict(&f, "", VERDICT_NOBODY, TRACE_RETRY_NO);
}

static void facts_come_from_both_traces(void **state)
{
    static struct call_trace own, line;
    static const uint8_t dcs[] = {0xFF, 0x03, 0x83, 0, 0x20, 0}, ftt[] = {0xFF, 0x13, 0x44};
    struct verdict_facts facts = {.state = "failed"};
    (void)state;
    memset(&own, 0, sizeof own);
    memset(&line, 0, sizeof line);
    struct trace_entry e = {.kind = TRACE_SIP_REASON, .direction = TRACE_RECEIVED, .code = 34};
    call_trace_note(&own, &e);
    e.direction = TRACE_SENT;
    e.code = 16;
    call_trace_note(&own, &e);
    verdict_facts_trace(&facts, &own, NULL);
    assert_int_equal(facts.q850, 34);
    /* Audio was heard, then T.38 began, and nothing came of that. */
    e = (struct trace_entry){.kind = TRACE_MEDIA_BEGIN, .code = TRACE_MEDIA_AUDIO};
    call_trace_note(&line, &e);
    e = (struct trace_entry){.kind = TRACE_MEDIA_FIRST, .direction = TRACE_RECEIVED};
    call_trace_note(&line, &e);
    verdict_facts_trace(&facts, &own, &line);
    assert_false(facts.silent);
    e = (struct trace_entry){.kind = TRACE_MEDIA_BEGIN, .code = TRACE_MEDIA_T38};
    call_trace_note(&line, &e);
    e = (struct trace_entry){.kind = TRACE_MEDIA_FIRST, .direction = TRACE_SENT};
    call_trace_note(&line, &e);
    facts.silent = false;
    verdict_facts_trace(&facts, &own, &line);
    assert_true(facts.silent);
    facts.retrains = 0;
    call_trace_note_frame(&line, 1, TRACE_SENT, dcs, sizeof dcs);
    verdict_facts_trace(&facts, &own, &line);
    assert_int_equal(facts.retrains, 1);
    assert_false(facts.heard_t30 || facts.dcs_answered);
    call_trace_note_frame(&line, 2, TRACE_RECEIVED, ftt, sizeof ftt);
    verdict_facts_trace(&facts, &own, &line);
    assert_true(facts.heard_t30 && facts.dcs_answered);
}

static void assert_bridge(const struct verdict_bridge_facts *facts, const char *begins,
                          enum verdict_side side, enum trace_retry retry)
{
    struct verdict verdict;
    verdict_make_bridge(facts, &verdict);
    if (strncmp(verdict.sentence, begins, strlen(begins)) != 0)
        fail_msg("'%s' does not begin with '%s'", verdict.sentence, begins);
    assert_int_equal(verdict.side, side);
    assert_int_equal(verdict.retry, retry);
}

static void bridged_calls_have_one(void **state)
{
    struct verdict_bridge_facts f = {.state = "completed", .pages = 1};
    (void)state;
    assert_bridge(&f, "1 page passed and was confirmed.", VERDICT_NOBODY, TRACE_RETRY_DONE);
    f.pages = 2;
    assert_bridge(&f, "2 pages passed and were confirmed.", VERDICT_NOBODY, TRACE_RETRY_DONE);
    f = (struct verdict_bridge_facts){.state = "refused", .sip_code = 486, .t30_result = -1};
    assert_bridge(&f, "The number is busy.", VERDICT_PEER, TRACE_RETRY_LATER);
    f.sip_code = 503;
    f.q850 = 17;
    assert_bridge(&f, "The number is busy.", VERDICT_PEER, TRACE_RETRY_LATER);
    f.sip_code = f.q850 = 0;
    assert_bridge(&f, "This gateway did not take", VERDICT_GATEWAY, TRACE_RETRY_NO);
    f.state = "cancelled";
    assert_bridge(&f, "The caller hung up before", VERDICT_PEER, TRACE_RETRY_NO);
    f.state = "uncertain";
    assert_bridge(&f, "Pages may have passed", VERDICT_GATEWAY, TRACE_RETRY_NO);
    f.state = "unobserved";
    assert_bridge(&f, "The call passed as audio", VERDICT_NOBODY, TRACE_RETRY_NO);
    f = (struct verdict_bridge_facts){.state = "failed", .t30_result = T30_RESULT_HANGUP};
    assert_bridge(&f, "The call ended before any media", VERDICT_GATEWAY, TRACE_RETRY_NO);
    f.leg[0].media = TRACE_MEDIA_T38;
    f.leg[1].media = TRACE_MEDIA_AUDIO;
    f.leg[1].packets = 500;
    assert_bridge(&f, "Not one T.38 packet of the caller came", VERDICT_NETWORK, TRACE_RETRY_NOW);
    f.leg[0].packets = 500;
    f.leg[1].packets = 0;
    assert_bridge(&f, "Not one audio packet of the called side", VERDICT_NETWORK, TRACE_RETRY_NOW);
    f.leg[1].packets = 500;
    assert_bridge(&f, "The called side's media has no fax", VERDICT_NUMBER, TRACE_RETRY_NOW);
    f.leg[1].frames = 3;
    assert_bridge(&f, "The caller never answered the DIS", VERDICT_NETWORK, TRACE_RETRY_NOW);
    f.leg[0].frames = 5;
    assert_bridge(&f, "The machines did not agree on a modem", VERDICT_NETWORK, TRACE_RETRY_NOW);
    f.trained = true;
    assert_bridge(&f, "The call was hung up before", VERDICT_PEER, TRACE_RETRY_NOW);
    f.rejected = 1;
    assert_bridge(&f, "The receiving machine rejected", VERDICT_NETWORK, TRACE_RETRY_NOW);
    f.rejected = 0;
    f.state = "partial";
    f.pages = 3;
    f.leg[0].lost = 100;
    assert_bridge(&f,
                  "3 pages passed and were confirmed, then the call broke off: The call was hung "
                  "up before the fax ended. 100 of 600 packets of the caller were lost.",
                  VERDICT_PEER, TRACE_RETRY_NOW);
}

static void sides_have_names(void **state)
{
    (void)state;
    assert_string_equal(verdict_side_text(VERDICT_PEER), "peer");
    assert_string_equal(verdict_side_text(VERDICT_NUMBER), "number");
    assert_string_equal(verdict_side_text((enum verdict_side)77), "nobody");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_result_of_t30_has_one),
        cmocka_unit_test(every_status_has_one),
        cmocka_unit_test(every_cause_has_one),
        cmocka_unit_test(what_is_told_is_what_is_done),
        cmocka_unit_test(the_traces_tell_more),
        cmocka_unit_test(facts_come_from_both_traces),
        cmocka_unit_test(bridged_calls_have_one),
        cmocka_unit_test(sides_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
