/* AUTH PLAIN (RFC 4616) and LOGIN (draft-murchison-sasl-login), with initial response (RFC 4954).
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway/smtp/smtp_machine_private.h"

enum { BASE64_MAX = 1100, DECODED_MAX = 3 * BASE64_MAX / 4 + 4 };

/* Strict: length of four, padding only at the end. Returns the octets, zero-terminated, or -1. */
static int decode(const char *text, char out[DECODED_MAX])
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t length = strlen(text), padding = 0;
    out[0] = '\0';
    if (length == 0)
        return 0;
    while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
        padding++;
    if (length > BASE64_MAX || length % 4 != 0 || strspn(text, alphabet) != length - padding)
        return -1;
    int octets = EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)text, (int)length);
    if (octets < (int)padding)
        return -1;
    octets -= (int)padding;
    out[octets] = '\0';
    return octets;
}

static void refuse_response(struct smtp_machine *m)
{
    m->phase = SMTP_COMMANDS;
    smtp_complain(m, 501, "5.5.2", "That response cannot be understood");
}

static void sign_in(struct smtp_machine *m, const char *name, const char *password)
{
    if (!name[0] || strlen(name) > SMTP_PASSWORD_MAX || strlen(password) > SMTP_PASSWORD_MAX) {
        refuse_response(m);
        return;
    }
    smtp_wait(m, SMTP_AWAITS_SIGN_IN);
    m->handlers->sign_in(m->handlers->user, name, password);
}

/* [authzid] NUL authcid NUL password; nobody acts for somebody else. */
static void take_plain(struct smtp_machine *m, const char *text)
{
    char decoded[DECODED_MAX];
    int length = decode(text, decoded);
    const char *end = decoded + (length > 0 ? length : 0);
    const char *name = length > 0 ? memchr(decoded, '\0', (size_t)length) : NULL;
    const char *password = name ? memchr(name + 1, '\0', (size_t)(end - name - 1)) : NULL;
    if (!password || strlen(password + 1) != (size_t)(end - password - 1))
        refuse_response(m);
    else if (decoded[0] && strcmp(decoded, name + 1) != 0)
        smtp_complain(m, 535, "5.7.8", "Nobody can sign in for somebody else");
    else
        sign_in(m, name + 1, password + 1);
    OPENSSL_cleanse(decoded, sizeof decoded);
}

static void take_login_name(struct smtp_machine *m, const char *text)
{
    char decoded[DECODED_MAX];
    int length = decode(text, decoded);
    if (length <= 0 || length > SMTP_PASSWORD_MAX || strlen(decoded) != (size_t)length) {
        refuse_response(m);
    } else {
        memcpy(m->name, decoded, (size_t)length + 1);
        smtp_say(m, 334, "", "UGFzc3dvcmQ6"); /* "Password:" */
    }
}

static void take_login_password(struct smtp_machine *m, const char *text)
{
    char decoded[DECODED_MAX];
    int length = decode(text, decoded);
    if (length < 0 || strlen(decoded) != (size_t)length)
        refuse_response(m);
    else
        sign_in(m, m->name, decoded);
    OPENSSL_cleanse(decoded, sizeof decoded);
}

void smtp_auth_response(struct smtp_machine *m, const char *line)
{
    if (strcmp(line, "*") == 0) {
        m->phase = SMTP_COMMANDS;
        smtp_say(m, 501, "5.7.0", "Given up, as you wish");
        return;
    }
    m->phase = SMTP_SIGN_IN_RESPONSE;
    if (!m->login)
        m->phase = SMTP_COMMANDS;
    if (!m->login)
        take_plain(m, line);
    else if (!m->name[0])
        take_login_name(m, line);
    else {
        m->phase = SMTP_COMMANDS;
        take_login_password(m, line);
    }
}

void smtp_auth_begin(struct smtp_machine *m, const char *arguments)
{
    size_t length = strcspn(arguments, " ");
    const char *initial = arguments + length + strspn(arguments + length, " ");
    bool plain = length == 5 && strncasecmp(arguments, "PLAIN", 5) == 0;
    m->login = length == 5 && strncasecmp(arguments, "LOGIN", 5) == 0;
    m->name[0] = '\0';
    if (!plain && !m->login) {
        smtp_complain(m, 504, "5.5.4", "PLAIN and LOGIN are known");
        return;
    }
    if (initial[0]) { /* "=" is an empty one (RFC 4954 §4) */
        smtp_auth_response(m, strcmp(initial, "=") == 0 ? "" : initial);
        return;
    }
    m->phase = SMTP_SIGN_IN_RESPONSE;
    smtp_say(m, 334, "", "%s", m->login ? "VXNlcm5hbWU6" : ""); /* "Username:" */
}
