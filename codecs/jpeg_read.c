#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h> /* jpeglib.h needs it */
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>
#include <openssl/crypto.h>

#include "codecs/fax_error.h"
#include "codecs/image_header.h"

/* Each scan of a progressive image goes over all of its pixels; real ones have about ten. */
enum { SCANS_MAX = 100, EXIF_MARKER = JPEG_APP0 + 1, EXIF_PREFIX = 6, REDUCE_MAX = 8 };

struct decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf failed;
    int error;
    char *detail;
    struct image *out;
    uint8_t *inks; /* a row of CMYK */
};

static _Noreturn void stop(struct decoder *decoder, int error)
{
    decoder->error = error;
    longjmp(decoder->failed, 1);
}

static _Noreturn void fail_with_message(j_common_ptr jpeg)
{
    struct decoder *decoder = jpeg->client_data;
    char message[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, message);
    if (jpeg->err->msg_code == JERR_OUT_OF_MEMORY)
        stop(decoder, image_complain(decoder->detail, FAX_ENOMEM, "no memory for the image"));
    stop(decoder, image_complain_of(decoder->detail, FAX_EFORMAT, message));
}

/* libjpeg would make up what is missing; what is merely odd harms nothing. */
static void judge_warning(j_common_ptr jpeg, int level)
{
    struct decoder *decoder = jpeg->client_data;
    if (level >= 0)
        return;
    switch (jpeg->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
        stop(decoder, image_complain(decoder->detail, FAX_ETRUNCATED,
                                     "the image is damaged: it ends too early"));
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
    case JWRN_TOO_MUCH_DATA:
        break;
    default:
        fail_with_message(jpeg);
    }
}

static void print_nothing(j_common_ptr jpeg)
{
    (void)jpeg;
}

static void count_scans(j_common_ptr jpeg)
{
    struct decoder *decoder = jpeg->client_data;
    if (jpeg->is_decompressor && decoder->jpeg.input_scan_number > SCANS_MAX)
        stop(decoder, image_complain(decoder->detail, FAX_ELIMIT,
                                     "the image has more than %d scans", SCANS_MAX));
}

static void read_markers(struct decoder *decoder)
{
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
    decoder->out->orientation = 1;
    decoder->out->aspect =
        jpeg->saw_JFIF_marker ? image_aspect(jpeg->X_density, jpeg->Y_density) : 1;
    for (const struct jpeg_marker_struct *m = jpeg->marker_list; m; m = m->next)
        if (m->marker == EXIF_MARKER && m->data_length > EXIF_PREFIX &&
            memcmp(m->data, "Exif\0", EXIF_PREFIX) == 0) {
            decoder->out->orientation =
                image_exif_orientation(m->data + EXIF_PREFIX, m->data_length - EXIF_PREFIX);
            return;
        }
}

static void choose_output(struct decoder *decoder, const struct image_limits *limits)
{
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
    uint32_t shorter =
        jpeg->image_width < jpeg->image_height ? jpeg->image_width : jpeg->image_height;
    bool inks = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
    jpeg->out_color_space = inks ? JCS_CMYK : JCS_GRAYSCALE;
    jpeg->scale_num = 1;
    jpeg->scale_denom = 1;
    while (jpeg->scale_denom < REDUCE_MAX && shorter / (jpeg->scale_denom * 2) >= limits->enough)
        jpeg->scale_denom *= 2;
}

/* Adobe's programs store the inks the other way round. */
static void mix_inks(const struct decoder *decoder, uint8_t *row)
{
    bool inverted = decoder->jpeg.saw_Adobe_marker;
    for (uint32_t x = 0; x < decoder->jpeg.output_width; x++) {
        unsigned light[4];
        const uint8_t *inks = decoder->inks + (size_t)4 * x;
        for (size_t i = 0; i < 4; i++)
            light[i] = inverted ? inks[i] : 255u - inks[i];
        unsigned luminance = (299 * light[0] + 587 * light[1] + 114 * light[2]) / 1000;
        row[x] = (uint8_t)(luminance * light[3] / 255);
    }
}

static void read_rows(struct decoder *decoder)
{
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
    struct grey_page *page = &decoder->out->page;
    bool inks = jpeg->out_color_space == JCS_CMYK;
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *row = page->pixels + (size_t)jpeg->output_scanline * page->width;
        JSAMPROW target = inks ? decoder->inks : row;
        if (jpeg_read_scanlines(jpeg, &target, 1) == 1 && inks)
            mix_inks(decoder, row);
    }
}

static void decode(struct decoder *decoder, const uint8_t *data, size_t length,
                   const struct image_limits *limits)
{
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
    struct grey_page *page = &decoder->out->page;
    jpeg_create_decompress(jpeg);
    jpeg->progress = &decoder->progress;
    jpeg_mem_src(jpeg, data, length);
    jpeg_save_markers(jpeg, EXIF_MARKER, 0xFFFF);
    if (jpeg_read_header(jpeg, TRUE) != JPEG_HEADER_OK)
        stop(decoder, image_complain(decoder->detail, FAX_EFORMAT, "the image is damaged"));
    decoder->error =
        image_check_size(jpeg->image_width, jpeg->image_height, limits, decoder->detail);
    if (decoder->error < 0)
        stop(decoder, decoder->error);
    read_markers(decoder);
    choose_output(decoder, limits);
    jpeg_start_decompress(jpeg);
    page->width = jpeg->output_width;
    page->height = jpeg->output_height;
    page->pixels = malloc((size_t)page->width * page->height);
    decoder->inks = malloc((size_t)page->width * 4);
    if (!page->pixels || !decoder->inks)
        stop(decoder, image_complain(decoder->detail, FAX_ENOMEM, "no memory for the image"));
    read_rows(decoder);
    jpeg_finish_decompress(jpeg);
}

int jpeg_read(const uint8_t *data, size_t length, const struct image_limits *limits,
              struct image *out, char detail[IMAGE_READ_DETAIL])
{
    struct decoder *decoder = calloc(1, sizeof *decoder);
    detail[0] = '\0';
    *out = (struct image){0};
    if (!decoder)
        return image_complain(detail, FAX_ENOMEM, "no memory for the image");
    decoder->detail = detail;
    decoder->out = out;
    decoder->jpeg.err = jpeg_std_error(&decoder->errors);
    decoder->jpeg.client_data = decoder;
    decoder->errors.error_exit = fail_with_message;
    decoder->errors.emit_message = judge_warning;
    decoder->errors.output_message = print_nothing;
    decoder->progress.progress_monitor = count_scans;
    if (setjmp(decoder->failed) == 0)
        decode(decoder, data, length, limits);
    jpeg_destroy_decompress(&decoder->jpeg);
    int rc = decoder->error;
    if (decoder->inks)
        OPENSSL_cleanse(decoder->inks, (size_t)out->page.width * 4);
    free(decoder->inks);
    free(decoder);
    if (rc < 0) {
        if (out->page.pixels)
            grey_page_free(&out->page);
        *out = (struct image){0};
    }
    return rc;
}
