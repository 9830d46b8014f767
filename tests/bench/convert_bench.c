/* convert_bench.c: what a bridge costs, beside spandsp's gateway as it is, in the same run.
 *
 * A page of text crosses in virtual time; the CPU of the bridge alone is counted, per second of the
 * call. Figures: convert.t38_to_audio_cpu and convert.audio_to_t38_cpu, microseconds per
 * call-second, with spandsp's own and the ratio. Runs alternate, and the least of each counts: what
 * else the machine does only adds.
 */
#include "tests/doubles/bridge_rig.h"
#include "tests/doubles/t6_page.h"

#include <stdio.h>

enum { RUNS = 5, LIMIT_S = 200 };

/* Microseconds per call-second, or 0 when the page did not arrive. */
static double run_once(const struct fax_page *page, bool audio_sends, bool plain)
{
    struct bridge_rig rig;
    double cost = 0;
    bridge_rig_begin(
        &rig, &(struct bridge_rig_config){
                  .pages = page, .page_count = 1, .audio_sends = audio_sends, .plain = plain});
    if (bridge_rig_run(&rig, LIMIT_S) && rig.identical == 1)
        cost = (double)rig.bridge_ns / (double)rig.now_ms;
    bridge_rig_end(&rig);
    return cost;
}

static int measure(const struct fax_page *page, bool audio_sends)
{
    const char *name = audio_sends ? "audio_to_t38" : "t38_to_audio";
    double best[2] = {0, 0};
    for (int i = 0; i < RUNS; i++)
        for (int plain = 0; plain < 2; plain++) {
            double cost = run_once(page, audio_sends, plain == 1);
            if (cost <= 0) {
                printf("{\"name\":\"convert.%s_cpu\",\"value\":null,\"reason\":\"the page did not "
                       "arrive\"}\n",
                       name);
                return 1;
            }
            if (best[plain] == 0 || cost < best[plain])
                best[plain] = cost;
        }
    printf("{\"name\":\"convert.%s_cpu\",\"value\":%.0f,\"unit\":\"us CPU per call-second\","
           "\"spandsp\":%.0f,\"ratio\":%.3f}\n",
           name, best[0], best[1], best[0] / best[1]);
    return 0;
}

int main(void)
{
    struct fax_page page = t6_page_make(T6_PAGE_TEXT, 1);
    int failed = measure(&page, false);
    failed |= measure(&page, true);
    fax_page_wipe(&page);
    return failed;
}
