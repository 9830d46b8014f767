#include "gateway/mail/mail_again.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/control.h"
#include "gateway/db/mail_queries.h"
#include "gateway/mail/mail_intake.h"
#include "gateway/mail/mail_out.h"
#include "gateway/process/log.h"

struct mail_again {
    struct control *control;
    struct mail_repeats *repeats;
    bool has_rows, has_key;
};

int mail_again_new(struct control *control, struct mail_again **out)
{
    *out = NULL;
    if (control->config->mail.repeat_window_s == 0)
        return 0;
    struct mail_again *again = calloc(1, sizeof *again);
    int rc = again ? mail_repeats_new(MAIL_REPEATS_MAX, &again->repeats) : -ENOMEM;
    if (rc < 0) {
        free(again);
        return rc;
    }
    again->control = control;
    *out = again;
    return 0;
}

void mail_again_free(struct mail_again *again)
{
    if (again)
        mail_repeats_free(again->repeats);
    free(again);
}

/* --- the start --- */

static void settle(struct mail_again *again)
{
    if (again->has_rows && again->has_key)
        mail_intake_resume(again->control);
}

void mail_again_key_settled(struct control *control)
{
    struct mail_again *again = control->mail_again;
    if (!again)
        return;
    again->has_key = true;
    settle(again);
}

/* The newest comes first, and is to be forgotten last. */
static void take_rows(struct mail_again *again, const struct db_result *result)
{
    struct fax_id mail;
    struct mail_mark mark;
    for (int i = db_result_rows(result) - 1; i >= 0; i--)
        if (fax_id_parse(&mail, db_result_text(result, i, 0)) == 0 &&
            mail_mark_parse(db_result_text(result, i, 1), &mark) == 0)
            mail_repeats_put(again->repeats, &mark, &mail, db_result_integer(result, i, 2, 0));
}

static void on_rows(void *user, int status, const struct db_result *result)
{
    struct mail_again *again = user;
    if (status == -ECANCELED)
        return;
    if (status == 0)
        take_rows(again, result);
    else
        log_write(LOG_LEVEL_WARNING, "messages of before the start are not known again: %s",
                  strerror(-status));
    again->has_rows = true;
    settle(again);
}

static int64_t window_begins_ms(const struct control *control)
{
    return control_now_ms() - control->config->mail.repeat_window_s * 1000;
}

void mail_again_start(struct control *control)
{
    struct mail_again *again = control->mail_again;
    struct fax_id since = {{0}};
    if (!again)
        return;
    int64_t since_ms = window_begins_ms(control);
    for (int i = 0; i < 6; i++) /* RFC 9562 §5.7 */
        since.octets[i] = (uint8_t)(since_ms >> (40 - 8 * i));
    int rc = mail_query_marks(control->db, control->config->node, &since, MAIL_REPEATS_MAX, on_rows,
                              again);
    if (rc < 0)
        on_rows(again, rc, NULL);
}

/* --- messages --- */

bool mail_again_is_ready(const struct control *control)
{
    const struct mail_again *again = control->mail_again;
    return !again || (again->has_rows && again->has_key);
}

bool mail_again_mark(const struct control *control, const struct mail_envelope *envelope,
                     const struct mail_digest *digest, struct mail_mark *mark)
{
    const uint8_t *key = control->mail_again ? mail_out_key(control) : NULL;
    return key && mail_mark_make(key, envelope, digest, mark) == 0;
}

bool mail_again_find(const struct control *control, const struct mail_mark *mark,
                     struct fax_id *mail)
{
    const struct fax_id *found =
        control->mail_again
            ? mail_repeats_find(control->mail_again->repeats, mark, window_begins_ms(control))
            : NULL;
    if (found)
        *mail = *found;
    return found != NULL;
}

void mail_again_take(struct control *control, const struct mail_mark *mark,
                     const struct fax_id *mail)
{
    if (control->mail_again)
        mail_repeats_put(control->mail_again->repeats, mark, mail, control_now_ms());
}

void mail_again_forget(struct control *control, const struct fax_id *mail)
{
    if (control->mail_again)
        mail_repeats_forget(control->mail_again->repeats, mail);
}
