/* target_failover_test.c: which ends of a call that nobody answered lead to another address, and
 * which to another trunk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/control/target_failover.h"

static void every_end_leads_where_it_should(void **state)
{
    static const struct {
        enum sip_party who;
        int code;
        bool heard, dead, of_trunk;
    } rows[] = {
        {SIP_PARTY_TRANSPORT, 503, false, true, true}, /* nobody listens */
        {SIP_PARTY_TRANSPORT, 503, true, true, true},
        {SIP_PARTY_TIMEOUT, 408, false, true, true}, /* mute */
        {SIP_PARTY_TIMEOUT, 408, true, false,
         false},                                  /* it is there, and the number rings in vain */
        {SIP_PARTY_PEER, 408, true, false, true}, /* it says that what is behind it is mute */
        {SIP_PARTY_PEER, 503, true, true, true},
        {SIP_PARTY_PEER, 401, true, false, true},
        {SIP_PARTY_PEER, 407, true, false, true},
        {SIP_PARTY_PEER, 500, true, false, true},
        {SIP_PARTY_PEER, 502, true, false, true},
        {SIP_PARTY_PEER, 504, true, false, true},
        {SIP_PARTY_PEER, 300, true, false, true}, /* redirections are not followed */
        {SIP_PARTY_PEER, 302, true, false, true},
        {SIP_PARTY_PEER, 305, true, false, true},
        {SIP_PARTY_LOCAL, 503, false, false, false}, /* ours, and so of every trunk */
    };
    /* What the number says, or what is wrong with the request: so would all others. */
    static const int final[] = {400, 403, 404, 410, 413, 415, 420, 480, 482, 483, 484,
                                486, 487, 488, 491, 501, 505, 513, 600, 603, 604, 606};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct sip_event event = {
            .kind = SIP_EVENT_ENDED, .who = rows[i].who, .code = rows[i].code};
        assert_int_equal(target_failover_is_dead(&event, rows[i].heard), rows[i].dead);
        assert_int_equal(target_failover_is_of_trunk(&event, rows[i].heard), rows[i].of_trunk);
    }
    for (size_t i = 0; i < sizeof final / sizeof *final; i++) {
        const struct sip_event event = {
            .kind = SIP_EVENT_ENDED, .who = SIP_PARTY_PEER, .code = final[i]};
        assert_false(target_failover_is_dead(&event, true));
        assert_false(target_failover_is_of_trunk(&event, true));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_end_leads_where_it_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
