/* The registrar against a bare socket: signing in, bindings, refusals, calls both ways, a storm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/sip_test_device.h"

static void signs_in_with_both_algorithms(void **state)
{
    struct registrar *r = *state;
    struct sip_binding b;
    get_challenge(r, DIGEST_MD5);
    const char *sha = strstr(r->s.w.got, "SHA-256"), *md5 = strstr(r->s.w.got, "MD5");
    assert_true(sha && md5 && sha < md5);
    assert_int_equal(transactions(r), 0);
    assert_false(sip_binding_of(r->s.a.stack, "dev-copier", 0, &b));
    for (enum digest_algorithm a = DIGEST_MD5; a <= DIGEST_SHA256; a++) {
        get_challenge(r, a);
        assert_true(registers(r, "copier", "secret",
                              "Contact: <sip:copier@192.0.2.9:5070>;expires=120\r\n",
                              "SIP/2.0 200"));
        assert_string_equal(wire_header(&r->s.w, "Contact"),
                            "<sip:copier@192.0.2.9:5070>;expires=120");
    }
    assert_true(sip_binding_of(r->s.a.stack, "dev-copier", 0, &b));
    assert_int_equal(((struct sockaddr_in *)&b.source)->sin_port, htons(r->s.w.port));
    assert_true(b.reachable);
    assert_false(sip_binding_of(r->s.a.stack, "dev-copier", 1, &b));
    assert_string_equal(r->log, "new dev-copier sip:copier@192.0.2.9:5070;");
}

static void refuses_who_is_nobody(void **state)
{
    struct registrar *r = *state;
    struct sip_devices_counters c;
    char authorization[1100], all[2048];
    get_challenge(r, DIGEST_SHA256);
    assert_true(registers(r, "copier", "wrong", "", "SIP/2.0 401"));
    assert_null(strstr(r->s.w.got, "stale"));
    assert_true(registers(r, "printer", "secret", "", "SIP/2.0 401"));
    assert_string_equal(r->log, "refused REGISTER copier;refused REGISTER printer;");
    /* Signed for another request URI. */
    r->count++;
    authorize(r, "copier", "secret", "REGISTER", "sip:other.example", authorization);
    send_register(r, "copier", authorization);
    assert_true(wire_expect(&r->s.w, "SIP/2.0 401", LIMIT_MS));
    /* Its own secret, another one's address of record. */
    r->count++;
    authorize(r, "copier", "secret", "REGISTER", "sip:" REALM, authorization);
    snprintf(all, sizeof all, "%sContact: <sip:x@192.0.2.9>\r\n", authorization);
    send_register(r, "copier2", all);
    assert_true(wire_expect(&r->s.w, "SIP/2.0 403", LIMIT_MS));
    /* Neither a REGISTER nor a call: strangers get what they always got. */
    send_request(&r->s, "OPTIONS", "z9hG4bKopt", "", 1, "");
    assert_true(wire_expect(&r->s.w, "SIP/2.0 403", LIMIT_MS));
    sip_devices_read_counters(r->s.a.stack, &c);
    assert_int_equal(c.bindings, 0);
    assert_int_equal(transactions(r), 0);
}

static void nonces_are_used_once_and_not_for_long(void **state)
{
    struct registrar *r = *state;
    get_challenge(r, DIGEST_MD5);
    assert_true(registers(r, "copier", "secret", "", "SIP/2.0 200"));
    r->count--; /* the same count again, in another request */
    assert_true(registers(r, "copier", "secret", "", "SIP/2.0 401"));
    assert_non_null(strstr(r->s.w.got, "stale=true"));
    take_challenge(r, DIGEST_MD5);
    assert_true(registers(r, "copier", "secret", "", "SIP/2.0 200"));
    r->challenge.nonce[0] = r->challenge.nonce[0] == '0' ? '1' : '0'; /* not one of ours */
    assert_true(registers(r, "copier", "secret", "", "SIP/2.0 401"));
    assert_non_null(strstr(r->s.w.got, "stale=true"));
    assert_string_equal(r->log, "");
}

static void a_retransmission_gets_the_same_answer(void **state)
{
    struct registrar *r = *state;
    char authorization[1100], all[2048], first[65536];
    get_challenge(r, DIGEST_SHA256);
    r->count++;
    authorize(r, "copier", "secret", "REGISTER", "sip:" REALM, authorization);
    snprintf(all, sizeof all, "%sContact: <sip:c@192.0.2.9>\r\n", authorization);
    send_register(r, "copier", all);
    assert_true(wire_expect(&r->s.w, "SIP/2.0 200", LIMIT_MS));
    snprintf(first, sizeof first, "%s", r->s.w.got);
    r->cseq--;
    send_register(r, "copier", all);
    assert_true(wire_expect(&r->s.w, "SIP/2.0 200", LIMIT_MS));
    assert_string_equal(r->s.w.got, first);
    assert_string_equal(r->log, "new dev-copier sip:c@192.0.2.9;");
}

static void expiry_has_limits(void **state)
{
    struct registrar *r = *state;
    static const struct {
        const char *headers, *expected, *contact;
    } rows[] = {
        {"Contact: <sip:c@h>;expires=59\r\n", "SIP/2.0 423", NULL},
        {"Contact: <sip:c@h>\r\nExpires: 1\r\n", "SIP/2.0 423", NULL},
        {"Contact: <sip:c@h>;expires=60\r\n", "SIP/2.0 200", "<sip:c@h>;expires=60"},
        {"Contact: <sip:c@h>;expires=7000\r\n", "SIP/2.0 200", "<sip:c@h>;expires=600"},
        {"Contact: <sip:c@h>;expires=soon\r\nExpires: 90\r\n", "SIP/2.0 200",
         "<sip:c@h>;expires=90"},
        {"Contact: <sip:c@h>;expires=99999999999\r\n", "SIP/2.0 200", "<sip:c@h>;expires=600"},
        {"Contact: <sip:c@h>\r\n", "SIP/2.0 200", "<sip:c@h>;expires=600"},
        {"Contact: <sip:c@h>;expires=0\r\n", "SIP/2.0 200", ""},
        {"Contact: <sip:gone@h>;expires=0\r\n", "SIP/2.0 200", ""},
    };
    get_challenge(r, DIGEST_SHA256);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!registers(r, "copier", "secret", rows[i].headers, rows[i].expected))
            fail_msg("%s: %s", rows[i].headers, r->s.w.got);
        if (rows[i].contact)
            assert_string_equal(wire_header(&r->s.w, "Contact"), rows[i].contact);
        else
            assert_string_equal(wire_header(&r->s.w, "Min-Expires"), "60");
    }
    assert_string_equal(r->log, "new dev-copier sip:c@h;removed dev-copier sip:c@h;");
}

static void star_removes_all_and_stands_alone(void **state)
{
    struct registrar *r = *state;
    struct sip_binding b;
    get_challenge(r, DIGEST_SHA256);
    assert_true(
        registers(r, "copier", "secret", "Contact: <sip:a@h>, <sip:b@h>;q=0.5\r\n", "SIP/2.0 200"));
    assert_true(sip_binding_of(r->s.a.stack, "dev-copier", 1, &b));
    assert_true(registers(r, "copier", "secret", "Contact: *\r\n", "SIP/2.0 400"));
    assert_true(registers(r, "copier", "secret", "Contact: *\r\nExpires: 10\r\n", "SIP/2.0 400"));
    assert_true(
        registers(r, "copier", "secret", "Contact: *, <sip:c@h>\r\nExpires: 0\r\n", "SIP/2.0 400"));
    assert_true(sip_binding_of(r->s.a.stack, "dev-copier", 1, &b));
    assert_true(registers(r, "copier", "secret", "Contact: *\r\nExpires: 0\r\n", "SIP/2.0 200"));
    assert_false(sip_binding_of(r->s.a.stack, "dev-copier", 0, &b));
    assert_true(registers(r, "copier", "secret", "Contact: <tel:+4930>\r\n", "SIP/2.0 400"));
    assert_true(registers(r, "copier", "secret", "Require: path\r\n", "SIP/2.0 420"));
    assert_string_equal(wire_header(&r->s.w, "Unsupported"), "path");
}

static void older_requests_change_nothing(void **state)
{
    struct registrar *r = *state;
    get_challenge(r, DIGEST_SHA256);
    r->cseq = 100;
    assert_true(registers(r, "copier", "secret", "Contact: <sip:c@h>\r\n", "SIP/2.0 200"));
    r->cseq = 50;
    assert_true(
        registers(r, "copier", "secret", "Contact: <sip:c@h>;expires=0\r\n", "SIP/2.0 500"));
    assert_true(registers(r, "copier", "secret", "Contact: *\r\nExpires: 0\r\n", "SIP/2.0 500"));
    snprintf(r->call_id, sizeof r->call_id, "reg-2"); /* after a restart of the device */
    assert_true(registers(r, "copier", "secret", "", "SIP/2.0 200"));
    assert_non_null(strstr(wire_header(&r->s.w, "Contact"), "sip:c@h"));
    assert_true(
        registers(r, "copier", "secret", "Contact: <sip:c@h>;expires=0\r\n", "SIP/2.0 200"));
    assert_string_equal(wire_header(&r->s.w, "Contact"), "");
}

static void contacts_are_limited(void **state)
{
    struct registrar *r = *state;
    struct sip_binding b;
    get_challenge(r, DIGEST_SHA256);
    assert_true(registers(r, "copier", "secret",
                          "Contact: <sip:1@h>, <sip:2@h>, <sip:3@h>, <sip:4@h>\r\n",
                          "SIP/2.0 403"));
    assert_string_equal(r->log, "");
    assert_true(registers(r, "copier", "secret", "Contact: <sip:1@h>, <sip:2@h>, <sip:3@h>\r\n",
                          "SIP/2.0 200"));
    r->log[0] = '\0';
    assert_true(registers(r, "copier", "secret", "Contact: <sip:4@h>\r\n", "SIP/2.0 200"));
    assert_string_equal(r->log, "removed dev-copier sip:1@h;new dev-copier sip:4@h;");
    assert_true(sip_binding_of(r->s.a.stack, "dev-copier", 0, &b));
    assert_string_equal(b.contact, "sip:4@h");
}

static void a_new_address_is_told(void **state)
{
    struct registrar *r = *state;
    struct sip_binding b;
    struct wire first;
    get_challenge(r, DIGEST_SHA256);
    assert_true(registers(r, "copier", "secret", "Contact: <sip:c@h>\r\n", "SIP/2.0 200"));
    first = r->s.w;
    wire_open(&r->s.w, &r->s.loop, first.to_port);
    assert_true(registers(r, "copier", "secret", "Contact: <sip:c@h>\r\n", "SIP/2.0 200"));
    wire_close(&first);
    assert_string_equal(r->log, "new dev-copier sip:c@h;moved dev-copier sip:c@h;");
    assert_true(sip_binding_of(r->s.a.stack, "dev-copier", 0, &b));
    assert_int_equal(((struct sockaddr_in *)&b.source)->sin_port, htons(r->s.w.port));
}

static void what_cannot_be_recorded_is_not_bound(void **state)
{
    struct registrar *r = *state;
    struct sip_binding b;
    get_challenge(r, DIGEST_SHA256);
    r->record_status = -ENOSPC;
    assert_true(registers(r, "copier", "secret", "Contact: <sip:c@h>\r\n", "SIP/2.0 503"));
    assert_false(sip_binding_of(r->s.a.stack, "dev-copier", 0, &b));
    r->record_status = 0;
    r->records_later = true;
    r->log[0] = '\0';
    assert_false(registers(r, "copier", "secret", "Contact: <sip:c@h>\r\n", "SIP/2.0 200"));
    assert_string_equal(r->log, "new dev-copier sip:c@h;");
    sip_registration_finish(r->s.a.stack, r->registration, 0);
    assert_true(wire_expect(&r->s.w, "SIP/2.0 200", LIMIT_MS));
    sip_registration_finish(r->s.a.stack, r->registration, 0); /* gone: nothing happens */
    r->withheld = true;
    assert_true(registers(r, "copier", "secret", "", "SIP/2.0 503"));
    assert_string_equal(wire_header(&r->s.w, "Retry-After"), "2");
}

static void without_devices_nobody_registers(void **state)
{
    struct registrar *r = *state;
    sip_devices_enable(r->s.a.stack, false);
    send_register(r, "copier", "");
    assert_true(wire_expect(&r->s.w, "SIP/2.0 403", LIMIT_MS));
    send_invite(&r->s, "z9hG4bKi1", "", "1 INVITE", "", audio_sdp);
    assert_true(wire_expect(&r->s.w, "SIP/2.0 403", LIMIT_MS));
    assert_string_equal(r->log, "");
}

static void a_call_of_a_device_is_signed_in(void **state)
{
    struct registrar *r = *state;
    char authorization[1100], tag[64];
    send_invite(&r->s, "z9hG4bKi1", "", "1 INVITE", "", audio_sdp);
    assert_true(wire_expect(&r->s.w, "SIP/2.0 401", LIMIT_MS));
    take_challenge(r, DIGEST_SHA256);
    send_request(&r->s, "ACK", "z9hG4bKi1", to_tag(&r->s), 1, "");
    assert_int_equal(transactions(r), 0);
    r->count++;
    authorize(r, "copier", "secret", "INVITE", "sip:200@127.0.0.1", authorization);
    /* Behind an address translation: what it says of itself leads nowhere. */
    char headers[2048];
    snprintf(headers, sizeof headers,
             "%sContact: <sip:300@127.0.0.1:9>\r\nContent-Type: application/sdp\r\n",
             authorization);
    send_sdp(&r->s, "INVITE sip:200@127.0.0.1", "z9hG4bKi2", "", "2 INVITE", headers, audio_sdp);
    assert_true(wire_expect(&r->s.w, "SIP/2.0 200", LIMIT_MS));
    snprintf(tag, sizeof tag, "%s", to_tag(&r->s));
    send_request(&r->s, "ACK", "z9hG4bKa2", tag, 2, "");
    assert_true(agent_wait(&r->s.a, "confirmed", LIMIT_MS));
    sip_session_hangup(r->s.a.session, 0, NULL);
    assert_true(wire_expect(&r->s.w, "BYE", LIMIT_MS));
    send_reply(&r->s, "200 OK", "", "", "");
    assert_true(agent_wait(&r->s.a, "ended", LIMIT_MS));
}

static void a_call_to_a_device_goes_to_its_source(void **state)
{
    struct registrar *r = *state;
    struct sip_binding b;
    struct sdp_session offer = agent_audio();
    get_challenge(r, DIGEST_SHA256);
    assert_true(registers(r, "copier", "secret", "Contact: <sip:copier@192.0.2.9:5070;x=1>\r\n",
                          "SIP/2.0 200"));
    assert_true(sip_binding_of(r->s.a.stack, "dev-copier", 0, &b));
    const struct sip_call call = {.target = b.source,
                                  .protocol = b.protocol,
                                  .connection = b.connection,
                                  .to_device = true,
                                  .request_uri = b.contact,
                                  .from_uri = "sip:100@127.0.0.1",
                                  .to_uri = "sip:201@" REALM,
                                  .offer = &offer};
    assert_int_equal(
        sip_session_call(r->s.a.stack, &call, agent_on_event, &r->s.a, &r->s.a.session), 0);
    assert_true(wire_expect(&r->s.w, "INVITE sip:copier@192.0.2.9:5070;x=1 SIP/2.0", LIMIT_MS));
    char headers[128];
    snprintf(headers, sizeof headers, "Contact: <sip:c@127.0.0.1:9>\r\n");
    char via[512], from[512], call_id[128];
    snprintf(via, sizeof via, "%s", wire_header(&r->s.w, "Via"));
    snprintf(from, sizeof from, "%s", wire_header(&r->s.w, "From"));
    snprintf(call_id, sizeof call_id, "%s", wire_header(&r->s.w, "Call-ID"));
    wire_send(&r->s.w,
              "SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: <sip:201@" REALM ">;tag=p\r\n"
              "Call-ID: %s\r\nCSeq: 1 INVITE\r\n%sContent-Type: application/sdp\r\n"
              "Content-Length: %zu\r\n\r\n%s",
              via, from, call_id, headers, strlen(audio_sdp), audio_sdp);
    assert_true(wire_expect(&r->s.w, "ACK sip:c@127.0.0.1:9", LIMIT_MS));
}

static void bindings_are_restored_and_forgotten(void **state)
{
    struct registrar *r = *state;
    struct sip_binding b = {.device = "dev-copier", .contact = "sip:c@h", .expires_s = 100};
    struct sockaddr_in source = agent_loopback(5070);
    memcpy(&b.source, &source, sizeof source);
    assert_int_equal(sip_binding_restore(r->s.a.stack, &b), 0);
    assert_int_equal(sip_binding_restore(r->s.a.stack, &b), -EEXIST);
    b.contact = "sip:c h";
    assert_int_equal(sip_binding_restore(r->s.a.stack, &b), -EINVAL);
    assert_true(sip_binding_of(r->s.a.stack, "dev-copier", 0, &b));
    assert_int_equal(b.expires_s, 100);
    sip_bindings_forget(r->s.a.stack, "dev-copier");
    sip_bindings_forget(r->s.a.stack, "dev-copier");
    assert_false(sip_binding_of(r->s.a.stack, "dev-copier", 0, &b));
    assert_string_equal(r->log, "");
}

static void a_storm_leaves_bindings_and_nothing_else(void **state)
{
    enum { DEVICES = 300 };
    struct registrar *r = *state;
    struct sip_devices_counters c;
    char user[32], contact[64];
    get_challenge(r, DIGEST_MD5);
    for (int i = 0; i < DEVICES; i++) {
        snprintf(user, sizeof user, "copier%d", i);
        snprintf(contact, sizeof contact, "Contact: <sip:%s@192.0.2.9>\r\n", user);
        if (!registers(r, user, "secret", contact, "SIP/2.0 200")) {
            assert_non_null(strstr(r->s.w.got, "stale=true"));
            take_challenge(r, DIGEST_MD5);
            assert_true(registers(r, user, "secret", contact, "SIP/2.0 200"));
        }
    }
    sip_devices_read_counters(r->s.a.stack, &c);
    assert_int_equal(c.bindings, DEVICES);
    assert_in_range(c.octets / DEVICES, 100, 1000);
    for (int i = 0; i < DEVICES; i++) {
        snprintf(user, sizeof user, "dev-copier%d", i);
        sip_bindings_forget(r->s.a.stack, user);
    }
    sip_devices_read_counters(r->s.a.stack, &c);
    assert_int_equal(c.bindings, 0);
    assert_int_equal(c.octets, 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_registrar, close_registrar)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(signs_in_with_both_algorithms),
        CASE(refuses_who_is_nobody),
        CASE(nonces_are_used_once_and_not_for_long),
        CASE(a_retransmission_gets_the_same_answer),
        CASE(expiry_has_limits),
        CASE(star_removes_all_and_stands_alone),
        CASE(older_requests_change_nothing),
        CASE(contacts_are_limited),
        CASE(a_new_address_is_told),
        CASE(what_cannot_be_recorded_is_not_bound),
        CASE(without_devices_nobody_registers),
        CASE(a_call_of_a_device_is_signed_in),
        CASE(a_call_to_a_device_goes_to_its_source),
        CASE(bindings_are_restored_and_forgotten),
        CASE(a_storm_leaves_bindings_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
