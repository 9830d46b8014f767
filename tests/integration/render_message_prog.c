/* Lets a real, sandboxed render process read, check or render one message, and says what came of
 * it. use: render_message_prog inspect FILE [TRUSTED-HOST [DOMAINS]]   -> the facts, one a line
 *      render_message_prog verify FILE DOMAIN SELECTOR RECORD      -> 'good' or 'bad REASON'
 *      render_message_prog pages NAME=VALUE... FILE    -> 'pages N', or 'failed PAGE REASON'; text
 *          (page, cover, ignored), cover, template (a file), parts_max, depth_max, refused,
 *          subject, to, from, out (a TIFF of the pages)
 */
#include "codecs/page_set.h"
#include "codecs/t4_decode.h"
#include "codecs/tiff_write.h"
#include "gateway/mail/mail_identity.h"
#include "gateway/mail/message_request.h"
#include "tests/doubles/render_driver.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void require(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "not so: %s\n", what);
    exit(3);
}

static int say_failed(const struct render_answer *answer)
{
    if (answer->type == 0)
        printf("died %d\n", answer->wait_status);
    else
        printf("failed %u %s\n", answer->failed.page, answer->failed.reason);
    return 1;
}

static void say_options(const struct mail_fax_options *options)
{
    printf("options class=%s from=%s y_dpi=%u cover=%u priority=%u not_before=%lld\n",
           options->class_name, options->from, options->y_dpi, options->cover, options->priority,
           (long long)options->not_before);
}

static void say_addressed(const struct message_facts *facts, int list)
{
    struct mail_addressed addressed;

    require(mail_addressed_read(list, facts->addressed_count, &addressed) == 0, "the numbers");
    require(addressed.count ==
                (facts->addressed_count > MESSAGE_ADDRESSED_MAX ? 0 : facts->addressed_count),
            "as many numbers as are counted");
    printf("addressed %u", facts->addressed_count);
    for (size_t i = 0; i < addressed.count; i++)
        printf(" %s", addressed.numbers[i]);
    printf("\n");
    mail_addressed_free(&addressed);
    if (list >= 0)
        close(list);
}

static int inspect(const char *path, const char *host, const char *domains)
{
    struct msg_inspect request = {0};
    struct message_facts facts;
    struct render_answer answer;
    int message = render_driver_document(path, &request.octets);

    snprintf(request.trusted_host, sizeof request.trusted_host, "%s", host);
    snprintf(request.domains, sizeof request.domains, "%s", domains);
    render_driver_run("", MSG_INSPECT, &request, sizeof request, message, &answer);
    close(message);
    if (answer.type != MSG_INSPECTED)
        return say_failed(&answer);
    require(answer.told_length == sizeof facts, "the facts are whole");
    memcpy(&facts, answer.told, sizeof facts);
    printf("from %s (%s)\nsubject %s\nmessage_id %s\n", facts.from, facts.from_name, facts.subject,
           facts.message_id);
    say_options(&facts.options);
    printf("problem %s\nreceived %u automatic %u authenticated %u\n", facts.problem, facts.received,
           facts.automatic, facts.authenticated);
    for (uint32_t i = 0; i < facts.signature_count; i++)
        printf("signature %s %s signs_to=%u expires=%lld\n", facts.signatures[i].domain,
               facts.signatures[i].selector, facts.signatures[i].signs_to,
               (long long)facts.signatures[i].expires);
    say_addressed(&facts, answer.descriptor);
    return 0;
}

static int verify(const char *path, const char *domain, const char *selector, const char *record)
{
    static struct msg_verify request;
    struct msg_verified verified;
    struct render_answer answer;
    int message = render_driver_document(path, &request.octets);

    request.count = 1;
    snprintf(request.keys[0].domain, sizeof request.keys[0].domain, "%s", domain);
    snprintf(request.keys[0].selector, sizeof request.keys[0].selector, "%s", selector);
    snprintf(request.keys[0].record, sizeof request.keys[0].record, "%s", record);
    render_driver_run("", MSG_VERIFY, &request, sizeof request, message, &answer);
    close(message);
    if (answer.type != MSG_VERIFIED)
        return say_failed(&answer);
    require(answer.told_length == sizeof verified, "the verdict is whole");
    memcpy(&verified, answer.told, sizeof verified);
    if (verified.good == 1)
        printf("good\n");
    else
        printf("bad %s\n", verified.reason[0]);
    return verified.good != 1;
}

static void write_pages(const struct render_answer *answer, const char *path)
{
    void *map = mmap(NULL, answer->rendered.octets, PROT_READ, MAP_SHARED, answer->descriptor, 0);
    struct page_set_reader reader;
    struct page_set_entry entry;
    struct tiff_writer tiff = {0};
    uint8_t *data = NULL;
    size_t length = 0;

    require(map != MAP_FAILED, "the pages can be mapped");
    require(page_set_open(&reader, map, answer->rendered.octets, 0) == 0, "the page set is good");
    while (page_set_next(&reader, &entry) == 1) {
        struct raster page;
        require(t4_decode(entry.data, entry.length, &entry.format, &(struct t4_limits){0}, &page,
                          NULL) == 0,
                "a page decodes");
        require(tiff_write_page(&tiff, &page, entry.format.x_dpi, entry.format.y_dpi) == 0, "TIFF");
        raster_free(&page);
    }
    require(tiff_write_finish(&tiff, &data, &length) == 0, "TIFF");
    int out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    require(out >= 0 && write(out, data, length) == (ssize_t)length, "the pages can be saved");
    close(out);
    wiped_free(data, length);
}

struct wishes {
    struct msg_render_message request;
    const char *template_path, *out, *configuration;
};

static bool take_text(const char *wish, const char *name, char *to, size_t capacity)
{
    size_t length = strlen(name);
    if (strncmp(wish, name, length) != 0 || wish[length] != '=')
        return false;
    snprintf(to, capacity, "%s", wish + length + 1);
    return true;
}

static bool take_wish(const char *wish, struct wishes *w)
{
    struct msg_render_message *r = &w->request;
    if (strcmp(wish, "text=page") == 0)
        r->text = MESSAGE_TEXT_PAGE;
    else if (strcmp(wish, "text=cover") == 0)
        r->text = MESSAGE_TEXT_COVER;
    else if (strcmp(wish, "text=ignored") == 0)
        r->text = MESSAGE_TEXT_IGNORED;
    else if (strcmp(wish, "cover=yes") == 0)
        r->cover = 1;
    else if (strncmp(wish, "parts_max=", 10) == 0)
        r->parts_max = (uint32_t)atoi(wish + 10);
    else if (strncmp(wish, "depth_max=", 10) == 0)
        r->depth_max = (uint32_t)atoi(wish + 10);
    else if (strncmp(wish, "template=", 9) == 0)
        w->template_path = wish + 9;
    else if (strncmp(wish, "out=", 4) == 0)
        w->out = wish + 4;
    else if (strncmp(wish, "config=", 7) == 0)
        w->configuration = wish + 7;
    else
        return take_text(wish, "refused", r->refused, sizeof r->refused) ||
               take_text(wish, "subject", r->subject, sizeof r->subject) ||
               take_text(wish, "to", r->to_name, sizeof r->to_name) ||
               take_text(wish, "from", r->from_name, sizeof r->from_name);
    return true;
}

static int pages(int count, char **arguments)
{
    static struct wishes w = {
        .request = {.document = {.max_pages = 100, .x_dpi = 204, .y_dpi = 196, .width = 1728},
                    .parts_max = 200,
                    .depth_max = 20,
                    .to_number = "+498912345",
                    .from_number = "+493055501",
                    .date = "22 November 2026"},
        .configuration = ""};
    struct render_answer answer;
    int inputs[2] = {-1, -1};
    uint64_t template_octets;

    for (; count > 1 && take_wish(*arguments, &w); count--)
        arguments++;
    require(count == 1, "one message is given behind what is wanted");
    inputs[0] = render_driver_document(arguments[0], &w.request.document.document_octets);
    if (w.template_path != NULL)
        inputs[1] = render_driver_document(w.template_path, &template_octets);
    render_driver_ask(w.configuration, MSG_RENDER_MESSAGE, &w.request, sizeof w.request, inputs,
                      w.template_path != NULL ? 2 : 1, &answer);
    close(inputs[0]);
    if (answer.type != MSG_RENDERED)
        return say_failed(&answer);
    printf("pages %u\n", answer.rendered.pages);
    if (w.out != NULL)
        write_pages(&answer, w.out);
    return 0;
}

int main(int argc, char **argv)
{
    int status = render_driver_child(argc, argv);

    if (status >= 0)
        return status;
    if (argc >= 3 && argc <= 5 && strcmp(argv[1], "inspect") == 0)
        return inspect(argv[2], argc > 3 ? argv[3] : "", argc > 4 ? argv[4] : "");
    if (argc == 6 && strcmp(argv[1], "verify") == 0)
        return verify(argv[2], argv[3], argv[4], argv[5]);
    if (argc >= 3 && strcmp(argv[1], "pages") == 0)
        return pages(argc - 2, argv + 2);
    fprintf(stderr, "use: %s inspect|verify|pages …, see the source\n", argv[0]);
    return 2;
}
