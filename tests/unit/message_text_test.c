#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "codecs/fax_error.h"
#include "gateway/render/html_text.h"
#include "gateway/render/message_results.h"
#include "gateway/render/message_text.h"
#include "gateway/render/text_lines.h"

/* --- HTML --- */

struct html_case {
    const char *html, *text;
};

static const struct html_case html_cases[] = {
    {"", ""},
    {"plain", "plain"},
    {"a  b\n\tc", "a b c"},
    {"<p>a</p><p>b</p>", "a\n\nb\n\n"},
    {"a<br>b<br/><br>c", "a\nb\n\nc"},
    {"<div>a</div><div>b</div>", "a\nb\n"},
    {"a <b>b</b> <i>c</i>d", "a b cd"},
    {"<P ALIGN=center>x", "x"},
    {"1 &lt; 2 &amp;&amp; 3 &gt; 2", "1 < 2 && 3 > 2"},
    {"&euro;&#8364;&#x20AC;&auml;", "\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xC3\xA4"},
    {"&nope; &amp &#xD800; &#1; a&b", "&nope; &amp \xEF\xBF\xBD a&b"},
    {"<script>if (a < b) alert('</p>')</script>x", "x"},
    {"<style>p { x }</style><title>t</title>x", "x"},
    {"<header>x</header>", "x\n"},
    {"a<!-- <b> -- > -->b<!DOCTYPE x><?xml ?>c", "abc"},
    {"a<!-- never ends", "a"},
    {"a < b <", "a < b <"},
    {"<ul><li>a<li>b<ul><li>c</ul></ul>d",
     "\xE2\x80\xA2 a\n\xE2\x80\xA2 b\n   \xE2\x80\xA2 c\n\nd"},
    {"<ol><li>a</li><li>b</li></ol>", "1. a\n2. b\n\n"},
    {"<table><tr><td>a<td>b<tr><td>c</table>", "a  b\nc\n\n"},
    {"<pre> x\n  y</pre>z", " x\n  y\nz"},
    {"<a href=\"https://x.example/\">here</a>", "here <https://x.example/>"},
    {"<a href='mailto:a@b.example'>a@b.example</a>", "a@b.example"},
    {"<a href='#top'>up</a><a href=\"javascript:evil()\">x</a>", "upx"},
    {"<a title=\"> href='x'\" href=y.example>z</a>", "z <y.example>"},
    {"<img alt='x' src='y'>z", "z"},
    {"<hr>a", "----------\na"},
};

static void html_becomes_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof html_cases / sizeof html_cases[0]; i++) {
        char *text;
        size_t length;
        assert_int_equal(
            html_text_make(html_cases[i].html, strlen(html_cases[i].html), 1000, &text, &length),
            0);
        assert_string_equal(text, html_cases[i].text);
        assert_int_equal(length, strlen(text));
        free(text);
    }
}

static void html_has_a_limit(void **state)
{
    char *text;
    size_t length;
    (void)state;
    assert_int_equal(html_text_make("abcdef", 6, 7, &text, &length), 0);
    free(text);
    assert_int_equal(html_text_make("abcdef", 6, 6, &text, &length), FAX_ELIMIT);
    assert_int_equal(html_text_make("<br><br><br><br><br>", 20, 4, &text, &length), FAX_ELIMIT);
}

/* --- text --- */

static void expect_text(const struct message_text_form *form, const char *octets, size_t length,
                        const char *wanted)
{
    char reason[MESSAGE_TEXT_REASON_MAX], *text;
    size_t text_length;

    assert_int_equal(
        message_text_make(form, (const uint8_t *)octets, length, &text, &text_length, reason), 0);
    assert_int_equal(text_length, strlen(wanted));
    assert_memory_equal(text, wanted, text_length);
    free(text);
}

static void expect_error(const char *charset, const char *octets, int error, const char *wanted)
{
    const struct message_text_form form = {.charset = charset};
    char reason[MESSAGE_TEXT_REASON_MAX] = "", *text;
    size_t length;

    assert_int_equal(
        message_text_make(&form, (const uint8_t *)octets, strlen(octets), &text, &length, reason),
        error);
    assert_null(text);
    assert_string_equal(reason, wanted);
}

static void character_sets(void **state)
{
    (void)state;
    expect_text(&(struct message_text_form){.charset = "iso-8859-1"}, "\xFC", 1, "\xC3\xBC");
    expect_text(&(struct message_text_form){.charset = "windows-1252"}, "\x80", 1, "\xE2\x82\xAC");
    expect_text(&(struct message_text_form){.charset = "iso-2022-jp"}, "\x1B$B$\"\x1B(B", 8,
                "\xE3\x81\x82");
    expect_text(&(struct message_text_form){0}, "\xC3\xBC", 2, "\xC3\xBC");
    expect_text(&(struct message_text_form){.charset = "US-ASCII"}, "x", 1, "x");
    expect_error("none-such", "x", FAX_EUNSUPPORTED, "the character set 'none-such' is not known");
    expect_error("latin1//IGNORE", "x", FAX_EUNSUPPORTED, "the character set '?' is not known");
    expect_error("utf-8", "\xFF", FAX_EFORMAT, "the text is not valid utf-8");
    expect_error("", "\xFF", FAX_EFORMAT, "the text is not valid UTF-8");
    expect_error("shift_jis", "\x80\xFF", FAX_EFORMAT, "the text is not valid shift_jis");
}

static void lines_and_marks(void **state)
{
    const struct message_text_form plain = {0};
    (void)state;
    expect_text(&plain, "a\r\nb\rc\nd", 8, "a\nb\nc\nd");
    expect_text(&plain,
                "\xEF\xBB\xBF"
                "a\xE2\x80\x8B"
                "b\xC2\xA0"
                "c\xC2\xAD",
                13, "ab c");
    expect_text(&(struct message_text_form){.html = true}, "<p>x&nbsp;y</p>", 15, "x y\n\n");
}

static void flowed_lines_are_joined(void **state)
{
    static const struct html_case cases[] = {
        {"one \ntwo\nthree", "one two\nthree"},
        {"one \n>two", "one \n> two"},
        {"> one \n> two\nthree", "> one two\nthree"},
        {">> a \n> b \nc", ">> a \n> b \nc"},
        {"-- \nAlice", "-- \nAlice"},
        {"text \n-- \nAlice", "text \n-- \nAlice"},
        {" >not quoted\n  two", ">not quoted\n two"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_text(&(struct message_text_form){.flowed = true}, cases[i].html,
                    strlen(cases[i].html), cases[i].text);
    expect_text(&(struct message_text_form){.flowed = true, .delsp = true}, "on \ne", 5, "one");
}

static void blank_text(void **state)
{
    (void)state;
    assert_true(message_text_is_blank("", 0));
    assert_true(message_text_is_blank(" \t\n\f", 4));
    assert_false(message_text_is_blank(" .", 2));
}

static void unknown_characters_are_spelled(void **state)
{
    char *text;
    size_t length;
    (void)state;
    assert_int_equal(text_lines_spell("a\xF0\x9F\x98\x80"
                                      "b\xF0\x9F\x98\x80",
                                      10, 0x1F600, &text, &length),
                     0);
    assert_int_equal(length, 20);
    assert_memory_equal(text, "a[U+1F600]b[U+1F600]", 20);
    free(text);
    assert_int_equal(text_lines_spell("abc", 3, 0x1F600, &text, &length), FAX_EFORMAT);
}

/* --- Authentication-Results --- */

static void alignment(void **state)
{
    (void)state;
    assert_true(message_domain_aligned("example.com", "example.com"));
    assert_true(message_domain_aligned("Example.COM", "mail.example.com"));
    assert_false(message_domain_aligned("mail.example.com", "example.com"));
    assert_false(message_domain_aligned("ample.com", "example.com"));
    assert_false(message_domain_aligned("com", "example.com"));
    assert_true(message_domain_aligned("localhost", "localhost"));
    assert_false(message_domain_aligned("", "example.com"));
}

static void results(void **state)
{
    static const struct {
        const char *field;
        bool pass;
    } cases[] = {
        {"mx; dkim=pass header.d=example.com", true},
        {"mx 1; dkim=pass header.d=example.com", true},
        {"mx 2; dkim=pass header.d=example.com", false},
        {"MX ; spf=fail smtp.mailfrom=x; DKIM=Pass (2048-bit key) header.i=@example.com", true},
        {"mx; dkim=pass header.i=alice@example.com", true},
        {"mx; dkim = pass header.d = example.com", true},
        {"mx; dmarc=pass header.from=sub.example.com", true},
        {"mx; dmarc=pass header.from=example.com", false},
        {"mx; dkim=fail header.d=example.com", false},
        {"mx; dkim=pass", false},
        {"mx; dkim=pass header.d=evil.example", false},
        {"other; dkim=pass header.d=example.com", false},
        {"mx.evil; dkim=pass header.d=example.com", false},
        {"mx; dkim=fail (dkim=pass) header.d=example.com", false},
        {"mx; spf=pass reason=\"; dkim=pass header.d=example.com\"", false},
        {"mx; dkim=pass header.d=evil.example; spf=pass header.d=example.com", false},
        {"mx (; dkim=pass header.d=example.com", false},
        {"mx; dkim=pass header.d=example.com reason=\"never ends", false},
        {"mx; none", false},
        {"mx", false},
        {"", false},
        {";", false},
        {"(mx) mx; dkim=pass header.d=\"example.com\"", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (message_results_pass(cases[i].field, "mx", "sub.example.com") != cases[i].pass)
            fail_msg("'%s' should%s pass", cases[i].field, cases[i].pass ? "" : " not");
    assert_false(message_results_pass("; dkim=pass header.d=example.com", "", "example.com"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(html_becomes_text),
        cmocka_unit_test(html_has_a_limit),
        cmocka_unit_test(character_sets),
        cmocka_unit_test(lines_and_marks),
        cmocka_unit_test(flowed_lines_are_joined),
        cmocka_unit_test(blank_text),
        cmocka_unit_test(unknown_characters_are_spelled),
        cmocka_unit_test(alignment),
        cmocka_unit_test(results),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
