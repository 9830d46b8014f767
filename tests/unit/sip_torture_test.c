/* The messages of RFC 4475, octet for octet, and what becomes of each. A new call that the
 * application is shown is refused with 486. Silence is for responses, and for what the library
 * cannot read; a stack that answered all of that would serve those who look for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/sip_test_wire.h"

enum { SILENCE = 0, SHOWN = 486 };

struct torture {
    const char *name;
    int expected;
};

static size_t load(const char *name, char *text, size_t size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/data/torture/%s.sip", TESTS_DIR, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t n = fread(text, 1, size, file);
    fclose(file);
    return n;
}

/* Returns the status code of the answer, SILENCE for none. */
static int say(struct scene *s, const char *text, size_t length)
{
    agent_wait(&s->a, NULL, 1); /* what the message before has left to be told */
    wire_drop(&s->w);
    s->a.log[0] = '\0';
    wire_send_octets(&s->w, text, length);
    return wire_expect(&s->w, "SIP/2.0 ", QUIET_MS) ? atoi(s->w.got + 8) : SILENCE;
}

static void run(struct scene *s, const struct torture *rows, size_t count)
{
    static char text[65536];
    for (size_t i = 0; i < count; i++) {
        int code = say(s, text, load(rows[i].name, text, sizeof text));
        if (code != rows[i].expected)
            fail_msg("%s: %d in place of %d", rows[i].name, code, rows[i].expected);
        assert_int_equal(strstr(s->a.log, "incoming") != NULL, code == SHOWN);
    }
}

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* §3.1.1, valid ones. */
static void valid_messages(void **state)
{
    static const struct torture rows[] = {
        {"wsinv", 481},       /* folded, odd spaces; it has a To tag, so it is of no dialog */
        {"intmeth", SILENCE}, /* a method of 43 odd characters: the library reads none such */
        {"esc01", SHOWN},     /* escapes in URIs */
        {"escnull", 405},     /* %00 in them; REGISTER */
        {"esc02", 405},       /* a method named RE%47IST%45R is none of ours */
        {"lwsdisp", 200},     /* no space before < */
        {"longreq", SHOWN},   /* long values, 34 Vias */
        {"dblreq", 405},      /* octets after the body of a REGISTER are thrown away */
        {"semiuri", 200},     /* ; in the user part */
        {"transports", 200},  /* Vias of all kinds */
        {"mpart01", 405},     /* MESSAGE with a binary multipart body */
        {"unreason", SILENCE}, {"noreason", SILENCE},
    };
    run(*state, rows, COUNT(rows));
}

/* §3.1.2, invalid ones. */
static void invalid_messages(void **state)
{
    static const struct torture rows[] = {
        {"badinv01", SILENCE}, /* extra separators in headers */
        {"clerr", SILENCE},    /* Content-Length beyond the datagram */
        {"ncl", SILENCE},      /* a negative one */
        {"scalar02", 400},     /* CSeq, Max-Forwards, Contact expires out of range */
        {"scalarlg", SILENCE}, /* a response with such */
        {"quotbal", SILENCE},  /* a quote that does not end */
        {"ltgtruri", SILENCE}, /* <> around the request URI */
        {"lwsruri", SILENCE},  /* space inside it */
        {"lwsstart", SILENCE}, /* more than one in the request line */
        {"trws", SILENCE},     /* some at its end */
        {"escruri", SHOWN},    /* headers in the request URI: of no effect here */
        {"baddate", SHOWN},    /* the date in another zone: of no effect here */
        {"regbadct", 405},     /* Contact that needs <> */
        {"badaspec", SILENCE}, /* space inside < > */
        {"baddn", SILENCE},    /* display name that needs quotes */
        {"badvers", 505},      {"mismatch01", 400},  /* method and CSeq differ */
        {"mismatch02", 400},   {"bigcode", SILENCE}, /* a response with a status of ten digits */
    };
    run(*state, rows, COUNT(rows));
}

/* §3.2 to §3.4: transaction, application, and older layers. */
static void messages_beyond_syntax(void **state)
{
    static const struct torture rows[] = {
        {"badbranch", 200},   /* a branch of the cookie alone */
        {"insuf", SILENCE},   /* no Call-ID, From, To */
        {"unkscm", 416},      /* request URI nobodyKnowsThisScheme: */
        {"novelsc", SILENCE}, /* soap.beep: */
        {"unksm2", 405},      /* REGISTER with To and From of unknown schemes */
        {"bext01", 420},      /* Require and Proxy-Require of unknown extensions */
        {"invut", 415},       /* a body of an unknown type */
        {"regaut01", 405},    /* unknown authorization; REGISTER */
        {"multi01", SILENCE}, /* several of what may come once */
        {"mcl01", SILENCE},   /* among them Content-Length */
        {"bcast", SILENCE},   /* a response with a broadcast Via */
        {"zeromf", 483},      {"cparam01", 405}, /* Contact parameters in a REGISTER */
        {"cparam02", 405},    {"regescrt", 405},
        {"sdp01", 406},   /* takes only text/nobodyKnowsThis */
        {"inv2543", 400}, /* of RFC 2543: From has no tag */
    };
    run(*state, rows, COUNT(rows));
}

/* What RFC 4475 has none of. */
static void bodies_that_are_too_much(void **state)
{
    struct scene *s = *state;
    static char body[60000];
    struct sip_stack_counters c;
    static const char sdp[] = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n"
                              "t=0 0\r\nm=audio 30000 RTP/AVP 8\r\n";
    /* 1,000 attributes; unterminated quotes; NUL; a description longer than any is. */
    size_t n = (size_t)snprintf(body, sizeof body, "%s", sdp);
    for (int i = 0; i < 1000; i++)
        n += (size_t)snprintf(body + n, sizeof body - n, "a=x:%d\r\n", i);
    send_invite(s, "z9hG4bKm1", "", "1 INVITE", "", body);
    assert_true(wire_expect(&s->w, "SIP/2.0 488", LIMIT_MS));
    snprintf(body, sizeof body, "%sa=fmtp:8 \"unterminated\r\ni=\"also\r\n", sdp);
    send_invite(s, "z9hG4bKm2", "", "1 INVITE", "", body);
    assert_true(wire_expect(&s->w, "SIP/2.0 486", LIMIT_MS));
    n = (size_t)snprintf(body, sizeof body, "%sa=x:", sdp);
    memset(body + n, 'y', 20000);
    body[n + 20000] = '\0';
    send_invite(s, "z9hG4bKm3", "", "1 INVITE", "", body);
    assert_true(wire_expect(&s->w, "SIP/2.0 488", LIMIT_MS));
    n = (size_t)snprintf(body, sizeof body,
                         "INVITE sip:200@127.0.0.1 SIP/2.0\r\n"
                         "Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKm4\r\n"
                         "From: <sip:300@127.0.0.1>;tag=1\r\nTo: <sip:200@127.0.0.1>\r\n"
                         "Call-ID: nul\r\nCSeq: 1 INVITE\r\nContact: <sip:300@127.0.0.1>\r\n"
                         "Content-Type: application/sdp\r\n\r\n%s",
                         sdp);
    body[n] = 'a', body[n + 1] = '=', body[n + 2] = '\0', body[n + 3] = '\n';
    wire_send_octets(&s->w, body, n + 4);
    if (!wire_expect(&s->w, "SIP/2.0 488", 300))
        fail_msg("%s", s->w.got);
    /* Multipart within multipart within ...: only the outermost is looked into. */
    n = 0;
    for (int i = 0; i < 500; i++)
        n += (size_t)snprintf(body + n, sizeof body - n,
                              "--b%d\r\nContent-Type: multipart/mixed;boundary=b%d\r\n\r\n", i,
                              i + 1);
    n += (size_t)snprintf(body + n, sizeof body - n,
                          "--b500\r\nContent-Type: application/sdp\r\n\r\n%s\r\n--b500--\r\n", sdp);
    char headers[256];
    snprintf(headers, sizeof headers,
             "Contact: <sip:300@127.0.0.1:%u>\r\nContent-Type: multipart/mixed;boundary=b0\r\n",
             s->w.port);
    send_sdp(s, "INVITE sip:200@127.0.0.1", "z9hG4bKm5", "", "1 INVITE", headers, body);
    assert_true(wire_expect(&s->w, "SIP/2.0 415", LIMIT_MS));
    sip_stack_read_counters(s->a.stack, &c);
    assert_int_equal(c.sessions, 0);
}

/* 486 must not come again where an answer to the next message is awaited. */
static int open_slow(void **state)
{
    struct sip_config config = {.t1_ms = 5000, .t2_ms = 20};
    int error = open_scene_with(state, &config);
    ((struct scene *)*state)->a.on_call = AGENT_BUSY;
    return error;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(valid_messages, open_slow, close_scene),
        cmocka_unit_test_setup_teardown(invalid_messages, open_slow, close_scene),
        cmocka_unit_test_setup_teardown(messages_beyond_syntax, open_slow, close_scene),
        cmocka_unit_test_setup_teardown(bodies_that_are_too_much, open_slow, close_scene),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
