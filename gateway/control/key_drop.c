#include "gateway/control/key_drop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/control/event.h"
#include "gateway/process/log.h"

/* A question that kills keepers is not asked for ever. */
enum { KEEPERS_MAX = 5 };

struct key_drop {
    struct control *control;
    struct fax_id fax;
    bool made;
    unsigned keepers; /* that were asked */
    const char *what;
};

static void note(const struct key_drop *drop, const struct msg_key_result *result)
{
    struct event e;
    struct audit *audit = drop->control->audit;
    if (!audit)
        return;
    if (!drop->made) {
        event_begin(&e, "key.created", "system", &drop->fax);
        event_text(&e, "kek", result->kek_id);
        event_note(&e, audit);
    }
    event_begin(&e, "key.destroyed", "system", &drop->fax);
    event_note(&e, audit);
}

static void finish(struct key_drop *drop, int status)
{
    if (status < 0)
        log_write(LOG_LEVEL_WARNING, "the key of %s is left: %s", drop->what, strerror(-status));
    drop->control->keys_dropping--;
    free(drop);
}

static void ask(struct key_drop *drop);

static void on_destroyed(void *user, int status, const struct msg_key_result *result)
{
    struct key_drop *drop = user;
    if (status == -ECONNRESET && drop->keepers < KEEPERS_MAX) {
        ask(drop);
        return;
    }
    if (status == 0)
        note(drop, result);
    /* Gone: by a keeper that could not say so any more. */
    if (status == -ENOENT && drop->keepers > 1 && drop->made)
        note(drop, NULL);
    finish(drop, status == -ENOENT ? 0 : status);
}

static void ask(struct key_drop *drop)
{
    drop->keepers++;
    int status = keeper_destroy_key(drop->control->keeper, &drop->fax, on_destroyed, drop);
    if (status < 0)
        finish(drop, status);
}

void key_drop(struct control *control, const struct fax_id *fax, bool made, const char *what)
{
    struct key_drop *drop = control->keeper ? calloc(1, sizeof *drop) : NULL;
    if (!drop) {
        log_write(LOG_LEVEL_WARNING, "the key of %s is left", what);
        return;
    }
    *drop = (struct key_drop){control, *fax, made, 0, what};
    control->keys_dropping++;
    ask(drop);
}
