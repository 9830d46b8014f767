#include "tests/doubles/virtual_call.h"

#include "codecs/t4_decode.h"
#include "t38/copy_quality.h"

#include <stdlib.h>
#include <string.h>

static void note(struct virtual_call_end *end, const struct fax_engine_event *event)
{
    switch (event->kind) {
    case FAX_EVENT_PEER_IDENT:
        end->idents++;
        break;
    case FAX_EVENT_DOCUMENT_BEGIN:
        end->documents++;
        break;
    case FAX_EVENT_TRAINED:
        end->trained++;
        break;
    case FAX_EVENT_PAGE_BEGIN:
        end->begun++;
        break;
    case FAX_EVENT_PAGE_RECEIVED:
        break;
    case FAX_EVENT_PAGE_PPS_SENT:
        end->asked++;
        break;
    case FAX_EVENT_PAGE_CONFIRMED:
        if (end->confirmed < VIRTUAL_CALL_PAGES)
            end->confirmed_pages[end->confirmed] = event->page;
        end->confirmed++;
        break;
    case FAX_EVENT_PAGE_REJECTED:
        end->rejected++;
        break;
    case FAX_EVENT_PAGES_WANTED:
        end->wanted++;
        end->width_wanted = event->width;
        end->x_dpi_wanted = event->x_dpi;
        end->y_dpi_wanted = event->y_dpi;
        break;
    case FAX_EVENT_FINISHED:
        if (end->finished)
            abort(); /* only once */
        end->finished = true;
        end->result = event->result;
        end->statistics = *event->statistics;
        break;
    }
}

static void on_sender_event(void *user, const struct fax_engine_event *event)
{
    struct virtual_call *call = user;
    note(&call->end[LOSSY_SENDER], event);
    adapted_pages_note(&call->adapted, event);
    if (event->kind == FAX_EVENT_PAGES_WANTED && (call->reduced || event->coding != FAX_PAGE_T6))
        call->wanted_at_ms = call->link.now_ms;
}

/* As gateway/line does. */
static enum fax_copy judge(struct virtual_call *call, const struct fax_page *page)
{
    const struct page_format format = {
        .width = page->view.width,
        .coding = page->view.coding == FAX_PAGE_T4_2D ? PAGE_CODING_T4_2D : PAGE_CODING_T4_1D,
        .lsb_first = page->view.lsb_first};
    const struct t4_limits limits = {.max_bad_rows = UINT32_MAX};
    struct t4_report report;
    struct raster raster;
    if ((int)call->copies == call->config.judge_page)
        return call->config.judge_as;
    if (!page->without_ecm)
        return FAX_COPY_GOOD;
    if (t4_decode(page->view.data, page->view.length, &format, &limits, &raster, &report) == 0)
        raster_free(&raster);
    call->bad_rows += report.bad_rows;
    return copy_quality_judge(report.rows, report.bad_rows, page->lost_permille);
}

static const struct fax_page *sent_page(const struct virtual_call *call, uint32_t page)
{
    return call->reduced && call->answered ? &call->reduced[page] : &call->config.pages[page];
}

static struct fax_page_view t85_view(const struct virtual_call *call, uint32_t page)
{
    const struct coded_page *coded = &call->config.t85_pages[page];
    return (struct fax_page_view){.coding = FAX_PAGE_T85,
                                  .width = coded->format.width,
                                  .rows = coded->format.height,
                                  .x_dpi = coded->format.x_dpi,
                                  .y_dpi = coded->format.y_dpi,
                                  .data = coded->data,
                                  .length = coded->length};
}

static bool page_arrived(const struct virtual_call *call, uint32_t page,
                         const struct fax_page_view *received)
{
    if (received->coding == FAX_PAGE_T85 && call->config.t85_pages) {
        struct fax_page_view sent = t85_view(call, page);
        return t6_page_arrived(&sent, received);
    }
    return t6_page_arrived(&sent_page(call, page)->view, received);
}

static void take_page(struct virtual_call *call, const struct fax_engine_event *event)
{
    struct fax_page mine = *event->received;
    event->received->buffer = NULL;
    call->copies++;
    if (call->config.see_page)
        call->config.see_page(call->config.see_user, &mine, event->statistics);
    call->copy = judge(call, &mine);
    uint32_t page = call->received;
    call->received += call->copy != FAX_COPY_BAD;
    if (page == event->page && page < call->config.page_count && call->copy != FAX_COPY_BAD &&
        page_arrived(call, page, &mine.view))
        call->identical++;
    fax_page_wipe(&mine);
    struct fax_engine *engine = call->link.end[LOSSY_RECEIVER].engine;
    if ((int)page + 1 == call->config.refuse_page) {
        if (fax_engine_page_refused(engine, T30_RESULT_STORE_FAILED))
            abort();
    } else if (call->config.hold_ms) {
        call->durable_at_ms = call->link.now_ms + call->config.hold_ms;
    } else if (fax_engine_page_judged(engine, call->copy)) {
        abort();
    }
}

static void on_receiver_event(void *user, const struct fax_engine_event *event)
{
    struct virtual_call *call = user;
    if (event->kind == FAX_EVENT_PAGE_RECEIVED)
        take_page(call, event);
    note(&call->end[LOSSY_RECEIVER], event);
}

static int get_page(void *user, uint32_t page, struct fax_page_view *out)
{
    const struct virtual_call *call = user;
    *out = adapted_pages_get(&call->adapted, sent_page(call, 0), page);
    return 0;
}

static int get_t85_page(void *user, uint32_t page, struct fax_page_view *out)
{
    *out = t85_view(user, page);
    return 0;
}

static void begin_engine(struct virtual_call *call, int i)
{
    const struct virtual_call_config *config = &call->config;
    bool sender = i == LOSSY_SENDER;
    uint32_t rate = sender ? config->sender_rate : config->max_rate;
    struct fax_engine_config c = {
        .sender = sender,
        .local_ident = sender ? "+49 30 5550001" : "+49 30 5550002",
        .audio = config->link.audio,
        .hold_back = config->sender_holds_back,
        .t38_version = config->t38_version,
        .max_rate = rate ? rate : 14400,
        .ecm = !(sender ? config->sender_without_ecm : config->receiver_without_ecm),
        .t85 = config->t85_offered,
        .wide = config->wide_offered,
        .hold_without_ecm_ms = config->hold_without_ecm_ms,
        .source = {.page_count = config->page_count,
                   .get = get_page,
                   .get_t85 = config->t85_pages ? get_t85_page : NULL,
                   .user = call},
        .callbacks = lossy_link_callbacks(&call->link, i)};
    call->link.end[i].event = sender ? on_sender_event : on_receiver_event;
    call->link.end[i].user = call;
    if (fax_engine_new(&call->link.end[i].engine, &c))
        abort();
}

void virtual_call_begin(struct virtual_call *call, const struct virtual_call_config *config)
{
    memset(call, 0, sizeof *call);
    call->config = *config;
    call->end[0].result = call->end[1].result = NOT_FINISHED;
    call->config.link.t38_version = config->t38_version;
    lossy_link_init(&call->link, &call->config.link);
    for (int i = 0; i < 2; i++) {
        bool sender = i == LOSSY_SENDER;
        if (sender ? config->plain_sender : config->plain_receiver)
            spandsp_peer_begin(&call->peer, &call->link.end[i], sender, !config->plain_without_ecm,
                               config->pages, sender ? config->page_count : 0);
        else
            begin_engine(call, i);
    }
}

static void note_peer(struct virtual_call *call)
{
    int i = call->config.plain_sender ? LOSSY_SENDER : LOSSY_RECEIVER;
    call->end[i].finished = call->peer.finished;
    call->end[i].result = call->peer.result;
}

static void adapt(struct virtual_call *call)
{
    call->wanted_at_ms = 0;
    call->answered = true;
    if (!call->end[LOSSY_SENDER].finished &&
        adapted_pages_give(&call->adapted, call->link.end[LOSSY_SENDER].engine, sent_page(call, 0),
                           call->config.page_count))
        abort();
}

void virtual_call_step(struct virtual_call *call)
{
    lossy_link_step(&call->link);
    if (call->peer.terminal && call->peer.finished)
        note_peer(call);
    if (call->wanted_at_ms && call->link.now_ms >= call->wanted_at_ms + call->config.adapt_ms)
        adapt(call);
    if (!call->durable_at_ms || call->link.now_ms < call->durable_at_ms)
        return;
    call->durable_at_ms = 0;
    call->late_answer = fax_engine_page_judged(call->link.end[LOSSY_RECEIVER].engine, call->copy);
}

bool virtual_call_run(struct virtual_call *call, unsigned limit_s)
{
    uint64_t until = call->link.now_ms + (uint64_t)limit_s * 1000;
    while (call->link.now_ms < until && !(call->end[0].finished && call->end[1].finished))
        virtual_call_step(call);
    return call->end[0].finished && call->end[1].finished;
}

void virtual_call_end(struct virtual_call *call)
{
    lossy_link_free(&call->link);
    adapted_pages_free(&call->adapted);
    if (call->peer.terminal)
        spandsp_peer_end(&call->peer);
}
