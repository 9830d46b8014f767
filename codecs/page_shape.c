#include "codecs/page_shape.h"

#include <stddef.h>
#include <string.h>

#include "codecs/fax_error.h"

const char page_shape_resolutions[] = "standard, fine, superfine or 400";
const char page_shape_papers[] = "a4, letter, legal, b4 or a3";

/* The first of each is what is meant without a name. */
static const struct {
    const char *name;
    uint16_t x_dpi, y_dpi;
} resolutions[] = {
    {"fine", 204, 196},
    {"standard", 204, 98},
    {"superfine", 204, 391},
    {"400", 408, 391},
};

static const struct {
    const char *name;
    uint32_t width, height_mm;
} papers[] = {
    {"a4", 1728, 297}, {"letter", 1728, 279}, {"legal", 1728, 356},
    {"b4", 2048, 353}, {"a3", 2432, 420},
};

int page_shape_find(const char *resolution, const char *paper, struct page_shape *out,
                    int *unknown_paper)
{
    size_t r = 0, p = 0;
    while (r < sizeof resolutions / sizeof resolutions[0] && resolution &&
           strcmp(resolution, resolutions[r].name) != 0)
        r++;
    while (p < sizeof papers / sizeof papers[0] && paper && strcmp(paper, papers[p].name) != 0)
        p++;
    *unknown_paper = r < sizeof resolutions / sizeof resolutions[0];
    if (!*unknown_paper || p == sizeof papers / sizeof papers[0])
        return FAX_EINVAL;
    *unknown_paper = 0;
    *out = (struct page_shape){
        .width = papers[p].width * (resolutions[r].x_dpi / 204U),
        .x_dpi = resolutions[r].x_dpi,
        .y_dpi = resolutions[r].y_dpi,
        .height_mm = papers[p].height_mm,
        .paper = papers[p].name,
    };
    return 0;
}
