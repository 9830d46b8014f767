/* The members that bodies of the API may have are those that its description names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "gateway/api/api_body.h"
#include "gateway/api/openapi_document.h"

static json_t *document(void)
{
    json_t *all =
        json_loadb((const char *)openapi_document, openapi_document_length_bytes, 0, NULL);
    assert_non_null(all);
    return all;
}

static bool has_member(const struct api_body_schema *schema, const char *name)
{
    for (size_t i = 0; i < API_BODY_MEMBERS && schema->members[i]; i++)
        if (strcmp(schema->members[i], name) == 0)
            return true;
    return false;
}

static void members_are_those_described(void **state)
{
    const struct api_body_schema *schema;
    json_t *all = document(), *value;
    const json_t *schemas = json_object_get(json_object_get(all, "components"), "schemas");
    const char *name;
    (void)state;
    for (size_t i = 0; (schema = api_body_schema_at(i)) != NULL; i++) {
        json_t *described = json_object_get(schemas, schema->name);
        json_t *properties = json_object_get(described, "properties");
        size_t count = 0;
        print_message("%s\n", schema->name);
        assert_non_null(properties);
        assert_true(json_is_false(json_object_get(described, "additionalProperties")));
        json_object_foreach(properties, name, value)
        {
            print_message("    %s\n", name);
            assert_true(has_member(schema, name));
        }
        while (count < API_BODY_MEMBERS && schema->members[count])
            count++;
        assert_int_equal(count, json_object_size(properties));
    }
    json_decref(all);
}

/* The name of the schema of a request's body; NULL: it has none, or no JSON. */
static const char *body_schema(const json_t *operation)
{
    const json_t *content = json_object_get(json_object_get(operation, "requestBody"), "content");
    const json_t *schema = json_object_get(json_object_get(content, "application/json"), "schema");
    const char *reference = json_string_value(json_object_get(schema, "$ref"));
    const char *slash = reference ? strrchr(reference, '/') : NULL;
    if (schema)
        assert_non_null(slash);
    return slash ? slash + 1 : NULL;
}

static void every_body_has_its_members(void **state)
{
    const char *path, *method;
    json_t *all = document(), *operations, *operation;
    size_t bodies = 0;
    (void)state;
    json_object_foreach(json_object_get(all, "paths"), path, operations)
    {
        json_object_foreach(operations, method, operation)
        {
            const struct api_body_schema *schema;
            const char *name = body_schema(operation);
            size_t i = 0;
            if (!name)
                continue;
            print_message("%s %s\n", method, path);
            while ((schema = api_body_schema_at(i)) != NULL && strcmp(schema->name, name) != 0)
                i++;
            assert_non_null(schema);
            bodies++;
        }
    }
    assert_true(bodies >= 14);
    json_decref(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_those_described),
        cmocka_unit_test(every_body_has_its_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
