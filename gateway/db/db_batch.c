#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/db/db_connection.h"

struct db_batch *db_batch_new(void)
{
    return calloc(1, sizeof(struct db_batch));
}

void db_batch_free(struct db_batch *batch)
{
    if (!batch)
        return;
    for (size_t i = 0; i < batch->count; i++)
        free(batch->queries[i].parameters);
    free(batch->queries);
    free(batch);
}

size_t db_batch_count(const struct db_batch *batch)
{
    return batch->count;
}

static int batch_grow(struct db_batch *batch)
{
    if (batch->count < batch->capacity)
        return 0;
    size_t capacity = batch->capacity ? batch->capacity * 4 : 1;
    struct db_batch_query *queries = realloc(batch->queries, capacity * sizeof(*queries));
    if (!queries)
        return -ENOMEM;
    batch->queries = queries;
    batch->capacity = capacity;
    return 0;
}

int db_batch_add(struct db_batch *batch, const struct db_statement *statement,
                 const char *const *parameters)
{
    assert(statement->parameters >= 0 && statement->parameters <= DB_PARAMETERS_MAX);
    if (batch->count >= DB_BATCH_MAX)
        return -ENOBUFS;
    int error = batch_grow(batch);
    if (error)
        return error;
    size_t count = (size_t)statement->parameters;
    size_t lengths[DB_PARAMETERS_MAX] = {0};
    size_t total = (count + 1) * sizeof(char *);
    for (size_t i = 0; i < count; i++) {
        lengths[i] = parameters[i] ? strlen(parameters[i]) + 1 : 0;
        total += lengths[i];
    }
    const char **copy = malloc(total);
    if (!copy)
        return -ENOMEM;
    char *text = (char *)(copy + count + 1);
    for (size_t i = 0; i < count; i++) {
        copy[i] = parameters[i] ? text : NULL;
        if (parameters[i])
            memcpy(text, parameters[i], lengths[i]);
        text += lengths[i];
    }
    batch->queries[batch->count++] =
        (struct db_batch_query){.statement = statement, .parameters = copy};
    return 0;
}

static int group_queue(struct db *db, struct db_batch *batch, const struct db_group *model)
{
    struct db_group *group = NULL;
    int error = -ESHUTDOWN;
    if (db->closing)
        goto fail;
    error = -ENOBUFS;
    if (db->pending >= DB_QUEUE_MAX)
        goto fail;
    error = -ENOMEM;
    group = malloc(sizeof(*group));
    if (!group)
        goto fail;
    *group = *model;
    group->batch = batch;
    group->deadline_ms = uv_now(db->loop) + db->query_timeout_ms;
    db_list_push(&db->waiting, group);
    db->pending++;
    db_pipeline_send(db);
    return 0;
fail:
    db_batch_free(batch);
    return error;
}

int db_batch_send(struct db *db, struct db_batch *batch, db_batch_cb *cb, void *user)
{
    if (batch->count == 0) {
        db_batch_free(batch);
        return -EINVAL;
    }
    return group_queue(db, batch, &(struct db_group){.batch_cb = cb, .user = user});
}

int db_query(struct db *db, const struct db_statement *statement, const char *const *parameters,
             db_result_cb *cb, void *user)
{
    struct db_batch *batch = db_batch_new();
    if (!batch)
        return -ENOMEM;
    int error = db_batch_add(batch, statement, parameters);
    if (error) {
        db_batch_free(batch);
        return error;
    }
    return group_queue(db, batch, &(struct db_group){.query_cb = cb, .user = user});
}

void db_list_push(struct db_list *list, struct db_group *group)
{
    group->next = NULL;
    if (list->last)
        list->last->next = group;
    else
        list->first = group;
    list->last = group;
    list->count++;
}

struct db_group *db_list_pop(struct db_list *list)
{
    struct db_group *group = list->first;
    if (!group)
        return NULL;
    list->first = group->next;
    if (!list->first)
        list->last = NULL;
    list->count--;
    group->next = NULL;
    return group;
}

/* "No such statement" only says that its preparation failed; tell why it did. */
static const PGresult *refusal_of(const struct db *db, const struct db_group *group)
{
    const char *state = PQresultErrorField(group->result, PG_DIAG_SQLSTATE);
    bool missing = group->refused && state && strcmp(state, "26000") == 0;
    return missing && db->prepare_refusal ? db->prepare_refusal : group->result;
}

void db_group_finish(struct db *db, struct db_group *group, int status)
{
    if (group->batch)
        db->pending--;
    struct db_result result = {.pg = refusal_of(db, group)};
    if (status == 0 && group->refused)
        status = -EIO;
    bool told = group->result && (status == 0 || status == -EIO);
    if (group->query_cb)
        group->query_cb(group->user, status, told ? &result : NULL);
    else if (group->batch_cb)
        group->batch_cb(group->user, status, group->failed, status == -EIO ? &result : NULL);
    PQclear(group->result);
    db_batch_free(group->batch);
    free(group);
}

void db_list_finish(struct db *db, struct db_list *list, int status)
{
    struct db_list taken = *list;
    *list = (struct db_list){0};
    for (struct db_group *group = db_list_pop(&taken); group; group = db_list_pop(&taken))
        db_group_finish(db, group, status);
}
