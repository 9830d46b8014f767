#include "gateway/render/message_head.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway/render/message_results.h"
#include "gateway/render/message_signatures.h"
#include "gateway/smtp/fax_address.h"

enum { OPTIONS_TEXT = 256 };

static void problem(struct message_facts *facts, const char *text)
{
    if (facts->problem[0] == '\0')
        snprintf(facts->problem, sizeof facts->problem, "%.199s", text);
}

/* Exactly one address in exactly one From field: else nobody could say who the author is. */
static void read_author(const struct message_tree *tree, struct message_facts *facts)
{
    const struct message_library *l = &tree->library;
    InternetAddressList *list = l->g_mime_message_get_from(tree->message);
    InternetAddress *author;
    unsigned fields = 0;
    const char *address;

    (void)message_field(tree, (GMimeObject *)tree->message, "From", &fields);
    if (fields != 1 || list == NULL || l->internet_address_list_length(list) != 1)
        return;
    author = l->internet_address_list_get_address(list, 0);
    if (!message_is(tree, author, l->internet_address_mailbox_get_type()))
        return;
    address = l->internet_address_mailbox_get_addr((InternetAddressMailbox *)author);
    if (address == NULL || strlen(address) >= sizeof facts->from || strchr(address, '@') == NULL)
        return;
    for (const char *c = address; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7F || *c == '<' || *c == '>')
            return;
    message_copy_text(facts->from, sizeof facts->from, address);
    message_copy_text(facts->from_name, sizeof facts->from_name,
                      l->internet_address_get_name(author));
}

/* --- options: written as in an address, so read by the same function --- */

/* Adds 'fine', 'class=x' to the text, '/' between. */
static void add_option(char text[OPTIONS_TEXT], const char *key, const char *value, size_t length)
{
    size_t used = strlen(text);

    while (length > 0 && (*value == ' ' || *value == '\t')) {
        value++;
        length--;
    }
    while (length > 0 && (value[length - 1] == ' ' || value[length - 1] == '\t'))
        length--;
    if (length > 0 && used + strlen(key) + length + 3 < OPTIONS_TEXT)
        snprintf(text + used, OPTIONS_TEXT - used, "/%s%s%.*s", key, key[0] != '\0' ? "=" : "",
                 (int)length, value);
    else if (length > 0)
        snprintf(text, OPTIONS_TEXT, "/too-many-options");
}

/* A list with ',' or ' ' between. */
static void add_list(char text[OPTIONS_TEXT], const char *list, size_t length)
{
    const char *end = list + length;

    while (list < end) {
        size_t word = 0;
        while (list + word < end && list[word] != ',' && list[word] != ' ')
            word++;
        add_option(text, "", list, word);
        list += word + 1;
    }
}

static void read_options(const char *text, const char *where, struct message_facts *facts)
{
    char address[OPTIONS_TEXT + 8];
    struct mail_recipient recipient = {0};
    struct mail_verdict why = {0};
    struct mail_fax_options *to = &facts->options;

    if (text[0] == '\0')
        return;
    snprintf(address, sizeof address, "00%s@x", text);
    if (fax_address_read(address, "x", &recipient, &why) != 0) {
        char sentence[sizeof facts->problem + 64];
        snprintf(sentence, sizeof sentence, "the options in %s cannot be read: %s", where,
                 why.text);
        problem(facts, sentence);
        return;
    }
    /* What was read first is stronger. */
    if (to->class_name[0] == '\0')
        memcpy(to->class_name, recipient.options.class_name, sizeof to->class_name);
    if (to->from[0] == '\0')
        memcpy(to->from, recipient.options.from, sizeof to->from);
    if (to->y_dpi == 0)
        to->y_dpi = recipient.options.y_dpi;
    if (to->cover == MAIL_COVER_USUAL)
        to->cover = recipient.options.cover;
    if (to->priority == MAIL_PRIORITY_USUAL)
        to->priority = recipient.options.priority;
    if (to->not_before == 0)
        to->not_before = recipient.options.not_before;
}

static void read_fields(const struct message_tree *tree, struct message_facts *facts)
{
    static const struct {
        const char *field, *key;
    } values[] = {{"X-Fax-Class", "class"},
                  {"X-Fax-From", "from"},
                  {"X-Fax-At", "at"},
                  {"X-Fax-Resolution", ""},
                  {"X-Fax-Priority", ""}};
    GMimeObject *message = (GMimeObject *)tree->message;
    char text[OPTIONS_TEXT] = "";
    const char *value;

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        if ((value = message_field(tree, message, values[i].field, NULL)) != NULL)
            add_option(text, values[i].key, value, strlen(value));
    if ((value = message_field(tree, message, "X-Fax-Cover", NULL)) != NULL) {
        const char *word = strcasecmp(value, "yes") == 0  ? "cover"
                           : strcasecmp(value, "no") == 0 ? "nocover"
                                                          : value;
        add_option(text, "", word, strlen(word));
    }
    if ((value = message_field(tree, message, "X-Fax-Options", NULL)) != NULL)
        add_list(text, value, strlen(value));
    read_options(text, "the X-Fax fields", facts);
}

/* '[fax: fine, cover]' anywhere in the subject; it does not stay in it. */
static void read_subject(const struct message_tree *tree, struct message_facts *facts)
{
    char text[OPTIONS_TEXT] = "", *begin, *end;

    message_copy_text(facts->subject, sizeof facts->subject,
                      tree->library.g_mime_message_get_subject(tree->message));
    begin = strcasestr(facts->subject, "[fax:");
    end = begin != NULL ? strchr(begin, ']') : NULL;
    if (end == NULL)
        return;
    add_list(text, begin + 5, (size_t)(end - begin) - 5);
    end++;
    while (*end == ' ')
        end++;
    memmove(begin, end, strlen(end) + 1);
    read_options(text, "the subject", facts);
}

/* --- where it came from --- */

static void read_way(const struct message_tree *tree, const struct msg_inspect *request,
                     struct message_facts *facts)
{
    GMimeObject *message = (GMimeObject *)tree->message;
    const char *name, *value, *author = strrchr(facts->from, '@');
    bool judged = false;

    for (int i = 0; message_field_at(tree, message, i, &name, &value); i++) {
        if (name == NULL || value == NULL)
            continue;
        if (strcasecmp(name, "Received") == 0) {
            facts->received++;
        } else if (strcasecmp(name, "Auto-Submitted") == 0) {
            facts->automatic |= strncasecmp(value, "no", 2) != 0;
        } else if (strcasecmp(name, "Precedence") == 0) {
            facts->automatic |= strcasecmp(value, "bulk") == 0 || strcasecmp(value, "junk") == 0 ||
                                strcasecmp(value, "list") == 0;
        } else if (strcasecmp(name, "Authentication-Results") == 0 && !judged) {
            /* The topmost one, written by the host that gave us the message or by one it asked:
             * above the second Received field. */
            judged = true;
            facts->authenticated = author != NULL && facts->received < 2 &&
                                   message_results_pass(value, request->trusted_host, author + 1);
        }
    }
}

static void add_addressed(const struct message_tree *tree, const struct msg_inspect *request,
                          GMimeAddressType type, struct message_facts *facts,
                          char (*numbers)[NUMBER_TEXT])
{
    const struct message_library *l = &tree->library;
    InternetAddressList *list = l->g_mime_message_get_addresses(tree->message, type);
    int count = list != NULL ? l->internet_address_list_length(list) : 0;

    for (int i = 0; i < count; i++) {
        InternetAddress *address = l->internet_address_list_get_address(list, i);
        struct mail_recipient recipient = {0};
        struct mail_verdict why;
        const char *text;

        if (!message_is(tree, address, l->internet_address_mailbox_get_type()))
            continue;
        text = l->internet_address_mailbox_get_addr((InternetAddressMailbox *)address);
        if (text == NULL || fax_address_read(text, request->domains, &recipient, &why) != 0)
            continue;
        if (facts->addressed_count < MESSAGE_ADDRESSED_MAX)
            memcpy(numbers[facts->addressed_count], recipient.number, sizeof recipient.number);
        facts->addressed_count++;
    }
}

int message_head_read(const struct message_tree *tree, const struct msg_inspect *request,
                      struct message_facts *facts, char (*numbers)[NUMBER_TEXT])
{
    GMimeObject *message = (GMimeObject *)tree->message;

    memset(facts, 0, sizeof *facts);
    read_author(tree, facts);
    message_copy_text(facts->message_id, sizeof facts->message_id,
                      message_field(tree, message, "Message-ID", NULL));
    message_copy_text(facts->date, sizeof facts->date, message_field(tree, message, "Date", NULL));
    read_fields(tree, facts);
    read_subject(tree, facts);
    read_way(tree, request, facts);
    if (numbers != NULL) {
        add_addressed(tree, request, GMIME_ADDRESS_TYPE_TO, facts, numbers);
        add_addressed(tree, request, GMIME_ADDRESS_TYPE_CC, facts, numbers);
    }
    if (facts->from[0] == '\0' || message_field(tree, message, "DKIM-Signature", NULL) == NULL)
        return 0;
    return message_signatures_list(tree, facts);
}
