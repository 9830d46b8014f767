/* How much a source may ask for: what datagrams use up, whoever sent them, is not missing to
 * connections of the same address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "gateway/control/control.h"
#include "gateway/control/sip_admission.h"

static void forged_datagrams_take_nothing_from_connections(void **state)
{
    enum { RATE = 3 };
    static struct config config;
    struct control *c = calloc(1, sizeof *c);
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    const struct sockaddr *sources[] = {(const struct sockaddr *)&v4, (const struct sockaddr *)&v6};
    (void)state;
    assert_non_null(c);
    assert_int_equal(uv_loop_init(&c->loop), 0);
    config.sip.source_requests_per_s = RATE;
    c->config = &config;
    assert_int_equal(policy_cache_new(NULL, &c->policy), 0);
    assert_int_equal(rate_limit_new(64, &c->rates), 0);
    for (size_t i = 0; i < 2; i++) {
        for (unsigned sent = 0; sent < RATE; sent++)
            assert_int_equal(sip_admission(c, sources[i], SIP_UDP, SIP_STAGE_REQUEST),
                             SIP_ADMITTED);
        assert_int_equal(sip_admission(c, sources[i], SIP_UDP, SIP_STAGE_REQUEST), SIP_DROPPED);
        for (unsigned sent = 0; sent < RATE; sent++)
            assert_int_equal(
                sip_admission(c, sources[i], sent & 1 ? SIP_TCP : SIP_TLS, SIP_STAGE_REQUEST),
                SIP_ADMITTED);
        assert_int_equal(sip_admission(c, sources[i], SIP_TCP, SIP_STAGE_REQUEST), SIP_DROPPED);
    }
    rate_limit_free(c->rates);
    policy_cache_free(c->policy);
    assert_int_equal(uv_loop_close(&c->loop), 0);
    free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forged_datagrams_take_nothing_from_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
