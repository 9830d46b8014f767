/* A report whose every value comes from outside, NUL-separated: whatever they hold, the mail has
 * the fields of ours only, in lines that SMTP takes, and no more parts than were written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/mail/mail_compose.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(const uint8_t **data, size_t *size, char *out, size_t capacity)
{
    const uint8_t *end = *size > 0 ? memchr(*data, '\0', *size) : NULL;
    size_t length = end ? (size_t)(end - *data) : *size;
    snprintf(out, capacity, "%.*s", (int)length, (const char *)*data);
    *data += length + (end != NULL);
    *size -= length + (end != NULL);
}

static int is_field_of_ours(const char *line)
{
    static const char *const names[] = {"Date:",           "From:",       "To:",
                                        "Subject:",        "Message-ID:", "MIME-Version:",
                                        "In-Reply-To:",    "References:", "Content-Type:",
                                        "Auto-Submitted:", NULL};
    for (size_t i = 0; names[i]; i++)
        if (strncmp(line, names[i], strlen(names[i])) == 0)
            return 1;
    return line[0] == ' ';
}

static void check(const struct mail_text *text)
{
    int in_head = 1, boundaries = 0;
    for (const char *line = text->octets; *line;) {
        const char *end = strstr(line, "\r\n");
        if (!end || end - line > 998)
            abort();
        for (const char *c = line; c < end; c++)
            if (*c == '\r' || *c == '\n' || (*c & 0x80 && !in_head))
                abort();
        if (end == line)
            in_head = 0;
        else if (in_head && !is_field_of_ours(line))
            abort();
        boundaries += strncmp(line, "--=_", 4) == 0;
        line = end + 2;
    }
    if (in_head || boundaries != 4 || strlen(text->octets) != text->length)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mail_report report = {.action = MAIL_REPORT_FAILED, .arrived_ms = 1};
    struct mail_report_facts facts = {.origin = {.host = "gw.example.test",
                                                 .from = "fax@example.test",
                                                 .to = report.to,
                                                 .out = {{1, 2, 3}}},
                                      .report = &report,
                                      .diagnostic_type = "X-T30"};
    struct mail_text text = {0};
    take(&data, &size, report.to, sizeof report.to);
    take(&data, &size, report.address, sizeof report.address);
    take(&data, &size, report.orcpt, sizeof report.orcpt);
    take(&data, &size, report.envid, sizeof report.envid);
    take(&data, &size, report.status, sizeof report.status);
    take(&data, &size, report.verdict, sizeof report.verdict);
    take(&data, &size, report.head.subject, sizeof report.head.subject);
    take(&data, &size, report.head.message_id, sizeof report.head.message_id);
    take(&data, &size, facts.diagnostic, sizeof facts.diagnostic);
    facts.head = (const char *)data;
    facts.head_length = size;
    if (mail_compose_report(&facts, &text) == 0)
        check(&text);
    mail_text_clear(&text);
    return 0;
}
