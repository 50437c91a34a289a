/* ffgan: the key tables as a JSON Schema, for editors.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/preset_priv.h"

/* jansson takes over what it is given, NULL included, and hands NULL on: a
 * failed allocation leaves a member out or gives no schema at all. */
static int put(json_t *obj, const char *key, json_t *value)
{
    return json_object_set_new(obj, key, value);
}

static json_t *typed(const char *type)
{
    return json_pack("{s:s}", "type", type);
}

static json_t *words(const char *choices)
{
    json_t *const list = json_array();

    for (const char *c = choices; *c;) {
        const size_t len = strcspn(c, "|");
        json_array_append_new(list, json_stringn(c, len));
        c += len + (c[len] == '|');
    }
    return list;
}

/* A ${param} may stand for any value. */
static json_t *or_param(json_t *plain)
{
    return json_pack("{s:[o,{s:s,s:s}]}", "anyOf", plain, "type", "string",
                     "pattern", "\\$\\{");
}

static json_t *number_schema(const FgKey *k)
{
    json_t *const o = typed(k->type == FG_KEY_INT ? "integer" : "number");

    if (k->min == 0 && k->max == 0)
        return o;
    if (isfinite(k->min))
        put(o, "minimum", json_real(k->min));
    if (isfinite(k->max))
        put(o, "maximum", json_real(k->max));
    return o;
}

static json_t *list_schema(const FgKey *k)
{
    json_t *item;

    if (!k->choices)
        return json_pack("{s:[{s:s,s:{}},{s:[s,s,s]}]}", "anyOf", "type",
                         "array", "items", "type", "string", "number",
                         "boolean");
    item = typed("string");
    put(item, "enum", words(k->choices));
    return json_pack("{s:[{s:s,s:O},o]}", "anyOf", "type", "array", "items",
                     item, item);
}

static json_t *plain_schema(void)
{
    return json_pack("{s:[s,s,s]}", "type", "string", "number", "boolean");
}

static json_t *value_schema(const FgKey *k)
{
    switch (k->type) {
    case FG_KEY_INT:
    case FG_KEY_DOUBLE:
        return or_param(number_schema(k));
    case FG_KEY_BOOL:
        return or_param(typed("boolean"));
    case FG_KEY_ENUM:
        /* yes, no, on, off are words to us and booleans to others. */
        return or_param(json_pack("{s:o}", "enum", words(k->choices)));
    case FG_KEY_LIST:
        return list_schema(k);
    case FG_KEY_MAP:
        return typed("object");
    case FG_KEY_STRING:
        return plain_schema();
    default:
        return json_object();
    }
}

static json_t *yes_no(json_t *schema, const FgKey *k)
{
    json_t *const list = json_object_get(
        json_array_get(json_object_get(schema, "anyOf"), 0), "enum");

    if (k->type == FG_KEY_ENUM && strstr(k->choices, "yes"))
        json_array_append_new(list, json_true());
    if (k->type == FG_KEY_ENUM && strstr(k->choices, "no"))
        json_array_append_new(list, json_false());
    return schema;
}

static json_t *section_schema(const FgKey *keys)
{
    json_t *const props = json_object(), *const required = json_array();
    json_t *const o = typed("object");

    for (const FgKey *k = keys; k->name; k++) {
        json_t *const v = yes_no(value_schema(k), k);
        put(v, "description", json_string(k->help));
        if (k->def && *k->def)
            put(v, "default", json_string(k->def));
        put(props, k->name, v);
        if (k->required)
            json_array_append_new(required, json_string(k->name));
    }
    put(o, "properties", props);
    put(o, "additionalProperties", json_false());
    if (json_array_size(required))
        put(o, "required", required);
    else
        json_decref(required);
    return o;
}

/* {name: {gansr options}} or {any other filter: {options}} or a name. */
static json_t *chain_schema(void)
{
    json_t *const options = json_pack("{s:[s,s],s:o}", "type", "object", "null",
                                      "additionalProperties", plain_schema());
    json_t *const item = json_pack(
        "{s:s,s:i,s:i,s:{s:o},s:o}", "type", "object", "minProperties", 1,
        "maxProperties", 1, "properties", "gansr",
        section_schema(fg_preset_gansr), "additionalProperties", options);

    return json_pack("{s:s,s:{s:[{s:s},o]}}", "type", "array", "items", "anyOf",
                     "type", "string", item);
}

static json_t *shots_schema(void)
{
    json_t *const entry = section_schema(fg_preset_shot);

    put(entry, "additionalProperties", plain_schema());
    return json_pack("{s:s,s:o}", "type", "array", "items", entry);
}

static json_t *params_schema(void)
{
    return json_pack("{s:s,s:{s:[{s:[s,s,s]},o]}}", "type", "object",
                     "additionalProperties", "anyOf", "type", "string",
                     "number", "boolean", section_schema(fg_preset_param));
}

static void describe(json_t *props, const char *name, json_t *schema)
{
    json_t *const old = json_object_get(props, name);
    json_t *const help = json_object_get(old, "description");

    put(schema, "description", json_incref(help));
    put(props, name, schema);
}

static json_t *preset_schema(void)
{
    json_t *const o = section_schema(fg_preset_top);
    json_t *const props = json_object_get(o, "properties");
    json_t *const output = section_schema(fg_preset_output);

    describe(json_object_get(output, "properties"), "video",
             section_schema(fg_preset_video));
    describe(props, "params", params_schema());
    describe(props, "input", section_schema(fg_preset_input));
    describe(props, "chain", chain_schema());
    describe(props, "output", output);
    describe(props, "shots", shots_schema());
    put(o, "$schema",
        json_string("https://json-schema.org/draft/2020-12/schema"));
    put(o, "title", json_string("ffgan preset"));
    return o;
}

int fg_preset_print_schema(FILE *f)
{
    json_t *const schema = preset_schema();
    char *const text = schema
                           ? json_dumps(schema, JSON_INDENT(2) | JSON_SORT_KEYS)
                           : NULL;

    json_decref(schema);
    if (!text)
        return -ENOMEM;
    fprintf(f, "%s\n", text);
    free(text);
    return fflush(f) || ferror(f) ? -EIO : 0;
}
