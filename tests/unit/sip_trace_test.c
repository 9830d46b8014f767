/* sip_trace_test.c: what is read of a message for a trace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/sip/sip_trace.h"

static void messages_are_read(void **state)
{
    static const struct {
        const char *text, *call_id, *method;
        int status, q850, sip;
        uint32_t cseq;
        const char *body;
    } table[] = {
        {"INVITE sip:1@a SIP/2.0\r\nCall-ID: abc@x\r\nCSeq: 1 INVITE\r\n\r\nv=0", "abc@x", "INVITE",
         0, 0, 0, 1, "v=0"},
        {"SIP/2.0 486 Busy Here\r\ni:q\r\ncseq :  77  INVITE \r\n"
         "Reason: Q.850;cause=17;text=\"busy\", SIP ;cause=486\r\n\r\n",
         "q", "INVITE", 486, 17, 486, 77, ""},
        {"BYE sip:a SIP/2.0\nReason: Q.850 ; text=\"cause=3\";cause=16\nCall-ID:\t1 \nCSeq: "
         "4294967299 "
         "BYE\n\n",
         "1", "BYE", 0, 16, 0, UINT32_MAX, ""},
        {"SIP/2.0 200 OK\r\nCall-ID: one\r\nCall-ID: two\r\nReason: \r\nCSeq: 2 BYE\r\n", "one",
         "BYE", 200, 0, 0, 2, ""},
        {"OPTIONS sip:a SIP/2.0\r\nCSeq: 2 OPTIONS\r\n\r\n", NULL, NULL, 0, 0, 0, 0, NULL},
        {"SIP/2.0 999 Odd\r\nCall-ID: a\r\nCSeq: 2 BYE\r\n\r\n", NULL, NULL, 0, 0, 0, 0, NULL},
        {"INVITE sip:a SIP/2.0\r\n\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\n", NULL, NULL, 0, 0, 0, 0,
         NULL},
        {"", NULL, NULL, 0, 0, 0, 0, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct sip_trace_message m;
        const char *call_id;
        size_t length, body;
        bool read =
            sip_trace_read(table[i].text, strlen(table[i].text), &m, &call_id, &length, &body);
        assert_int_equal(read, table[i].call_id != NULL);
        if (!read)
            continue;
        assert_int_equal(length, strlen(table[i].call_id));
        assert_memory_equal(call_id, table[i].call_id, length);
        assert_int_equal(m.method_length, strlen(table[i].method));
        assert_memory_equal(m.method, table[i].method, m.method_length);
        assert_int_equal(m.status, table[i].status);
        assert_int_equal(m.q850_cause, table[i].q850);
        assert_int_equal(m.sip_cause, table[i].sip);
        assert_int_equal(m.cseq, table[i].cseq);
        assert_string_equal(table[i].text + body, table[i].body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(messages_are_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
