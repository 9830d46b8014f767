#include "codecs/fax_error.h"
#include "codecs/grey_scale.h"
#include "codecs/grey_turn.h"
#include "codecs/image_read.h"
#include "gateway/render/render_job.h"

#include <stdbool.h>

enum { PAGE = 1 };

/* The page's size in pixels, as it is to be shown. */
struct placement {
    uint32_t width, rows;
    bool turned; /* clockwise, after it was made upright */
};

static uint32_t at_least_one(double value)
{
    return value < 1 ? 1 : (uint32_t)(value + 0.5);
}

/* As wide as the paper; as long as that makes it, but what would be up to twice as long as the
 * paper is made to fit it. */
static struct placement place(const struct render_job *job, const struct image *image)
{
    const struct msg_render_document *request = &job->request;
    bool across = image->orientation >= 5;
    double width = (across ? 1 : image->aspect) * (across ? image->page.height : image->page.width);
    double height =
        (across ? image->aspect : 1) * (across ? image->page.width : image->page.height);
    bool turned = request->rotate == RENDER_ROTATE_AUTO && width > height;
    double ratio = turned ? width / height : height / width;
    double paper_mm = request->width * 25.4 / request->x_dpi, height_mm = paper_mm * ratio;
    double limit_mm = RENDER_ROWS_MAX * 25.4 / request->y_dpi;

    if (height_mm <= 2 * request->height_mm && limit_mm > request->height_mm)
        limit_mm = request->height_mm;
    if (height_mm > limit_mm)
        height_mm = limit_mm;
    return (struct placement){
        .width = at_least_one(height_mm / ratio / 25.4 * request->x_dpi),
        .rows = at_least_one(height_mm / 25.4 * request->y_dpi),
        .turned = turned,
    };
}

static int fit(const struct image *image, const struct placement *to, struct grey_page *out)
{
    bool across = (image->orientation >= 5) != to->turned;
    int error =
        grey_scale(&image->page, across ? to->rows : to->width, across ? to->width : to->rows, out);

    if (error == 0)
        error = grey_page_turn(out, image->orientation);
    if (error == 0 && to->turned)
        error = grey_page_turn(out, GREY_TURN_CLOCKWISE);
    return error;
}

static int add_image(struct render_job *job, const struct image *image)
{
    struct placement to = place(job, image);
    struct grey_page page = {0};
    int error = fit(image, &to, &page);

    error = error != 0 ? render_fail(job, error, PAGE, "the image cannot be fitted: %s",
                                     fax_error_text(error))
                       : render_add_grey(job, PAGE, &page);
    grey_page_free(&page);
    return error;
}

typedef int image_read_function(const uint8_t *data, size_t length,
                                const struct image_limits *limits, struct image *out,
                                char detail[IMAGE_READ_DETAIL]);

static int render_image(struct render_job *job, image_read_function *read)
{
    struct image_limits limits = image_read_send_limits;
    char detail[IMAGE_READ_DETAIL];
    struct image image;
    int error;

    job->document.pages = 1;
    if (!render_wants(job, PAGE))
        return 0;
    limits.enough = job->request.width;
    if (job->request.y_dpi > job->request.x_dpi)
        limits.enough = job->request.width * job->request.y_dpi / job->request.x_dpi;
    error = read(job->document.data, job->document.octets, &limits, &image, detail);
    if (error != 0)
        return render_fail(job, error, 0, "%s", detail);
    error = add_image(job, &image);
    grey_page_free(&image.page);
    return error;
}

int render_png(struct render_job *job)
{
    return render_image(job, png_read);
}

int render_jpeg(struct render_job *job)
{
    return render_image(job, jpeg_read);
}
