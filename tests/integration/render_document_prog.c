/* Renders or exports one document in a real, sandboxed render process and says what came of it.
 * use: render_document_prog pages FILE [CONFIGURATION]    -> 'pages N' or 'failed PAGE REASON'
 *      render_document_prog wish NAME=VALUE... FILE...     the same; y_dpi, pages, rotate (none),
 * out (a TIFF of the pages); files are joined render_document_prog save FILE OUT pdf|tiff pages,
 * sealed as a fax, exported to OUT render_document_prog damaged FILE                  the same with
 * a bit of page 2 turned over
 */
#include "codecs/page_set.h"
#include "codecs/t4_decode.h"
#include "codecs/tiff_write.h"
#include "gateway/cli/cli_documents.h"
#include "gateway/process/messages.h"
#include "tests/doubles/render_driver.h"
#include "tests/doubles/vault_file.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void require(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "not so: %s\n", what);
    exit(3);
}

static void render(const char *path, const char *configuration, struct render_answer *answer)
{
    struct msg_render_document request = {
        .max_pages = 100, .x_dpi = 204, .y_dpi = 196, .width = 1728};
    int document = render_driver_document(path, &request.document_octets);

    render_driver_run(configuration, MSG_RENDER_DOCUMENT, &request, sizeof request, document,
                      answer);
    close(document);
}

static int say_failed(const struct render_answer *answer)
{
    if (answer->type == 0)
        printf("died %d\n", answer->wait_status);
    else
        printf("failed %u %s\n", answer->failed.page, answer->failed.reason);
    return 1;
}

static const uint8_t *map_answer(const struct render_answer *answer)
{
    const int all = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    struct stat status;
    void *map;

    require(answer->descriptor >= 0, "the answer has a descriptor");
    require(fcntl(answer->descriptor, F_GET_SEALS) == all, "it is sealed");
    require(fstat(answer->descriptor, &status) == 0 &&
                (uint64_t)status.st_size == answer->rendered.octets,
            "it is as long as it says");
    map = mmap(NULL, answer->rendered.octets, PROT_READ, MAP_SHARED, answer->descriptor, 0);
    require(map != MAP_FAILED, "it can be mapped");
    return map;
}

/* Every page decodes to the size and digest that stand beside it. */
static void check_entry(const struct page_set_entry *entry, struct raster *page)
{
    uint8_t digest[RASTER_DIGEST_OCTETS];

    require(entry->format.width == 1728 && entry->format.x_dpi == 204, "1728 wide at 204 dpi");
    require(t4_decode(entry->data, entry->length, &entry->format, &(struct t4_limits){0}, page,
                      NULL) == 0,
            "it decodes");
    require(page->height == entry->format.height, "to its height");
    require(raster_digest(page, digest) == 0 && memcmp(digest, entry->digest, sizeof digest) == 0,
            "to its digest");
}

static uint32_t seal_pages(const struct render_answer *answer, const struct vault_file_id *id,
                           int vault)
{
    struct page_set_reader reader;
    struct page_set_entry entry;
    uint32_t pages = 0;

    require(page_set_open(&reader, map_answer(answer), answer->rendered.octets, 0) == 0,
            "the page set is well formed");
    while (page_set_next(&reader, &entry) == 1) {
        struct raster page;

        check_entry(&entry, &page);
        pages++;
        if (vault >= 0)
            vault_file_add_page(vault, id, VAULT_STREAM_PAGES, 1, pages, &page);
        raster_free(&page);
    }
    require(pages == answer->rendered.pages, "as many pages as it says");
    return pages;
}

static int show_pages(const char *path, const char *configuration)
{
    struct render_answer answer;

    render(path, configuration, &answer);
    if (answer.type != MSG_RENDERED)
        return say_failed(&answer);
    require(answer.progress == answer.rendered.pages, "progress for each page");
    printf("pages %u\n", seal_pages(&answer, NULL, -1));
    return 0;
}

static void save(const struct render_answer *answer, const char *path)
{
    int out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    require(out >= 0 && write(out, map_answer(answer), answer->rendered.octets) ==
                            (ssize_t)answer->rendered.octets,
            "the document can be saved");
    close(out);
}

static int export_pages(const char *path, const char *out, const char *format, bool damage)
{
    struct msg_export request = {.stream = VAULT_STREAM_PAGES, .attempt = 1};
    struct render_answer answer;
    struct vault_file_id id;
    struct stat status;
    int vault;

    render(path, "", &answer);
    if (answer.type != MSG_RENDERED)
        return say_failed(&answer);
    vault_file_id_new(&id);
    vault = vault_file_new(NULL, &id);
    request.pages = seal_pages(&answer, &id, vault);
    request.format = strcmp(format, "pdf") == 0 ? EXPORT_PDF : EXPORT_TIFF;
    memcpy(request.fax_id, id.fax_id, sizeof request.fax_id);
    memcpy(request.data_key, id.data_key, sizeof request.data_key);
    if (damage) {
        require(fstat(vault, &status) == 0, "fstat");
        vault_file_flip_bit(vault, (uint64_t)status.st_size - 100);
    }
    render_driver_run("", MSG_EXPORT, &request, sizeof request, vault, &answer);
    close(vault);
    if (answer.type != MSG_EXPORTED)
        return say_failed(&answer);
    save(&answer, out);
    printf("exported %u\n", answer.rendered.pages);
    return 0;
}

/* Returns 1 when the argument was a wish. */
static int take_wish(const char *wish, struct msg_render_document *request, const char **out)
{
    if (strncmp(wish, "y_dpi=", 6) == 0)
        request->y_dpi = (uint16_t)atoi(wish + 6);
    else if (strncmp(wish, "pages=", 6) == 0)
        snprintf(request->pages, sizeof request->pages, "%s", wish + 6);
    else if (strncmp(wish, "type=", 5) == 0)
        snprintf(request->content_type, sizeof request->content_type, "%s", wish + 5);
    else if (strcmp(wish, "rotate=none") == 0)
        request->rotate = RENDER_ROTATE_NONE;
    else if (strncmp(wish, "out=", 4) == 0)
        *out = wish + 4;
    else
        return 0;
    return 1;
}

/* A TIFF of the pages as they are, and their sizes on standard output. */
static void write_pages(const struct render_answer *answer, const char *path)
{
    struct page_set_reader reader;
    struct page_set_entry entry;
    struct tiff_writer tiff = {0};
    uint8_t *data = NULL;
    size_t length = 0;
    int out;

    require(page_set_open(&reader, map_answer(answer), answer->rendered.octets, 0) == 0, "a set");
    while (page_set_next(&reader, &entry) == 1) {
        struct raster page;

        check_entry(&entry, &page);
        printf("  %u x %u, %u dpi\n", page.width, page.height, entry.format.y_dpi);
        require(tiff_write_page(&tiff, &page, entry.format.x_dpi, entry.format.y_dpi) == 0, "TIFF");
        raster_free(&page);
    }
    require(tiff_write_finish(&tiff, &data, &length) == 0, "TIFF");
    out = path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    require(path == NULL || write(out, data, length) == (ssize_t)length, "written");
    if (out >= 0)
        close(out);
    wiped_free(data, length);
}

static int show_wishes(int count, char **arguments)
{
    struct msg_render_document request = {
        .max_pages = 1000, .x_dpi = 204, .y_dpi = 196, .width = 1728};
    char type[CLI_DOCUMENTS_TYPE_TEXT];
    struct render_answer answer;
    const char *out = NULL;
    struct stat status;
    int document;

    for (; count > 0 && take_wish(*arguments, &request, &out); count--)
        arguments++;
    require(count > 0, "files are given");
    if (count == 1) {
        document = render_driver_document(arguments[0], &request.document_octets);
    } else {
        document = cli_documents_join((const char *const *)arguments, (size_t)count, type);
        require(document >= 0 && fstat(document, &status) == 0, "joined");
        request.document_octets = (uint64_t)status.st_size;
        snprintf(request.content_type, sizeof request.content_type, "%s", type);
    }
    render_driver_run("render: {max_pages: 1000}", MSG_RENDER_DOCUMENT, &request, sizeof request,
                      document, &answer);
    close(document);
    if (answer.type != MSG_RENDERED)
        return say_failed(&answer);
    printf("pages %u\n", answer.rendered.pages);
    write_pages(&answer, out);
    return 0;
}

int main(int argc, char **argv)
{
    int status = render_driver_child(argc, argv);

    if (status >= 0)
        return status;
    if (argc >= 3 && strcmp(argv[1], "pages") == 0)
        return show_pages(argv[2], argc > 3 ? argv[3] : "");
    if (argc >= 3 && strcmp(argv[1], "wish") == 0)
        return show_wishes(argc - 2, argv + 2);
    if (argc == 5 && strcmp(argv[1], "save") == 0)
        return export_pages(argv[2], argv[3], argv[4], false);
    if (argc == 3 && strcmp(argv[1], "damaged") == 0)
        return export_pages(argv[2], "/dev/null", "pdf", true);
    fprintf(stderr, "use: %s pages FILE [CONFIGURATION] | save FILE OUT pdf|tiff | damaged FILE\n",
            argv[0]);
    return 2;
}
