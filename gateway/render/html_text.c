#include "gateway/render/html_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "codecs/fax_error.h"
#include "policy/utf8.h"

enum { NAME_MAX_OCTETS = 16, REFERENCE_MAX = 32, LIST_DEPTH_MAX = 16, HREF_MAX = 200 };

struct writer {
    char *text;
    size_t length, capacity, limit;
    int error;
    bool space;        /* one is due before the next character */
    unsigned newlines; /* that end the text so far; 2 at its start */
};

struct html {
    const char *at, *end;
    struct writer out;
    unsigned pre, list_depth;
    unsigned item[LIST_DEPTH_MAX]; /* of ordered lists, from 1; 0: unordered */
    bool cell;                     /* the row has one already */
    char href[HREF_MAX];           /* of the link that is open */
    size_t link_start;             /* where its text begins */
};

struct tag {
    char name[NAME_MAX_OCTETS];
    bool closing;
    const char *attributes, *end;
};

/* --- the text --- */

static void put_octets(struct writer *w, const char *octets, size_t length)
{
    if (w->error != 0)
        return;
    if (length > w->limit - w->length) {
        w->error = FAX_ELIMIT;
        return;
    }
    if (w->text == NULL || w->length + length + 1 > w->capacity) {
        size_t capacity = (w->length + length + 1) * 2;
        char *text = realloc(w->text, capacity);
        if (text == NULL) {
            w->error = FAX_ENOMEM;
            return;
        }
        w->text = text;
        w->capacity = capacity;
    }
    memcpy(w->text + w->length, octets, length);
    w->length += length;
}

static void put_word(struct writer *w, const char *octets, size_t length)
{
    if (w->space && w->newlines == 0)
        put_octets(w, " ", 1);
    w->space = false;
    w->newlines = 0;
    put_octets(w, octets, length);
}

/* Ends the line; wanted 2: and leaves one empty. */
static void put_break(struct writer *w, unsigned wanted)
{
    w->space = false;
    while (w->newlines < wanted) {
        put_octets(w, "\n", 1);
        w->newlines++;
    }
}

static void put_text(struct html *h, const char *octets, size_t length)
{
    struct writer *w = &h->out;

    if (h->pre > 0) {
        for (size_t i = 0; i < length; i++) {
            if (octets[i] == '\r')
                continue;
            put_octets(w, octets + i, 1);
            w->newlines = octets[i] == '\n' ? w->newlines + 1 : 0;
        }
        return;
    }
    if (length == 1 && strchr(" \t\r\n\f", octets[0]) != NULL)
        w->space = true;
    else
        put_word(w, octets, length);
}

/* --- character references --- */

struct reference {
    const char *name;
    uint32_t code;
};

static const struct reference references[] = {
    {"AElig", 0xC6},    {"Aacute", 0xC1},  {"Acirc", 0xC2},    {"Agrave", 0xC0},
    {"Aring", 0xC5},    {"Atilde", 0xC3},  {"Auml", 0xC4},     {"Ccedil", 0xC7},
    {"Dagger", 0x2021}, {"ETH", 0xD0},     {"Eacute", 0xC9},   {"Ecirc", 0xCA},
    {"Egrave", 0xC8},   {"Euml", 0xCB},    {"Iacute", 0xCD},   {"Icirc", 0xCE},
    {"Igrave", 0xCC},   {"Iuml", 0xCF},    {"Ntilde", 0xD1},   {"OElig", 0x152},
    {"Oacute", 0xD3},   {"Ocirc", 0xD4},   {"Ograve", 0xD2},   {"Oslash", 0xD8},
    {"Otilde", 0xD5},   {"Ouml", 0xD6},    {"Scaron", 0x160},  {"THORN", 0xDE},
    {"Uacute", 0xDA},   {"Ucirc", 0xDB},   {"Ugrave", 0xD9},   {"Uuml", 0xDC},
    {"Yacute", 0xDD},   {"aacute", 0xE1},  {"acirc", 0xE2},    {"acute", 0xB4},
    {"aelig", 0xE6},    {"agrave", 0xE0},  {"amp", '&'},       {"apos", '\''},
    {"aring", 0xE5},    {"atilde", 0xE3},  {"auml", 0xE4},     {"bdquo", 0x201E},
    {"brvbar", 0xA6},   {"bull", 0x2022},  {"ccedil", 0xE7},   {"cedil", 0xB8},
    {"cent", 0xA2},     {"copy", 0xA9},    {"curren", 0xA4},   {"dagger", 0x2020},
    {"deg", 0xB0},      {"divide", 0xF7},  {"eacute", 0xE9},   {"ecirc", 0xEA},
    {"egrave", 0xE8},   {"emsp", ' '},     {"ensp", ' '},      {"eth", 0xF0},
    {"euml", 0xEB},     {"euro", 0x20AC},  {"frac12", 0xBD},   {"frac14", 0xBC},
    {"frac34", 0xBE},   {"ge", 0x2265},    {"gt", '>'},        {"hellip", 0x2026},
    {"iacute", 0xED},   {"icirc", 0xEE},   {"iexcl", 0xA1},    {"igrave", 0xEC},
    {"iquest", 0xBF},   {"iuml", 0xEF},    {"laquo", 0xAB},    {"larr", 0x2190},
    {"ldquo", 0x201C},  {"le", 0x2264},    {"lsaquo", 0x2039}, {"lsquo", 0x2018},
    {"lt", '<'},        {"macr", 0xAF},    {"mdash", 0x2014},  {"micro", 0xB5},
    {"middot", 0xB7},   {"nbsp", ' '},     {"ndash", 0x2013},  {"ne", 0x2260},
    {"not", 0xAC},      {"ntilde", 0xF1},  {"oacute", 0xF3},   {"ocirc", 0xF4},
    {"oelig", 0x153},   {"ograve", 0xF2},  {"ordf", 0xAA},     {"ordm", 0xBA},
    {"oslash", 0xF8},   {"otilde", 0xF5},  {"ouml", 0xF6},     {"para", 0xB6},
    {"permil", 0x2030}, {"plusmn", 0xB1},  {"pound", 0xA3},    {"quot", '"'},
    {"raquo", 0xBB},    {"rarr", 0x2192},  {"rdquo", 0x201D},  {"reg", 0xAE},
    {"rsaquo", 0x203A}, {"rsquo", 0x2019}, {"sbquo", 0x201A},  {"scaron", 0x161},
    {"sect", 0xA7},     {"shy", 0},        {"sup1", 0xB9},     {"sup2", 0xB2},
    {"sup3", 0xB3},     {"szlig", 0xDF},   {"thinsp", ' '},    {"thorn", 0xFE},
    {"times", 0xD7},    {"trade", 0x2122}, {"uacute", 0xFA},   {"ucirc", 0xFB},
    {"ugrave", 0xF9},   {"uml", 0xA8},     {"uuml", 0xFC},     {"yacute", 0xFD},
    {"yen", 0xA5},      {"yuml", 0xFF},    {"zwj", 0},         {"zwnj", 0},
};

static int compare_name(const void *key, const void *element)
{
    const struct reference *reference = element;
    return strcmp(key, reference->name);
}

/* The code that a reference without '&' and ';' stands for; UINT32_MAX: none. */
static uint32_t reference_code(const char *name)
{
    char *end;
    unsigned long code;

    if (name[0] != '#') {
        const struct reference *found =
            bsearch(name, references, sizeof references / sizeof references[0],
                    sizeof references[0], compare_name);
        return found == NULL ? UINT32_MAX : found->code;
    }
    bool hexadecimal = name[1] == 'x' || name[1] == 'X';
    code = strtoul(name + 1 + hexadecimal, &end, hexadecimal ? 16 : 10);
    if (*end != '\0' || end == name + 1 + hexadecimal)
        return UINT32_MAX;
    if (code < ' ' || (code >= 0x7F && code < 0xA0))
        return ' '; /* a control character would spoil the text */
    return code > 0x10FFFF || (code >= 0xD800 && code < 0xE000) ? 0xFFFD : (uint32_t)code;
}

static void take_reference(struct html *h)
{
    char name[REFERENCE_MAX], octets[4] = "";
    size_t length = 0;
    const char *from = h->at + 1;

    while (from + length < h->end && length < sizeof name - 1 && from[length] != ';' &&
           strchr(" \t\r\n<&", from[length]) == NULL) {
        name[length] = from[length];
        length++;
    }
    name[length] = '\0';
    uint32_t code = length > 0 && from + length < h->end && from[length] == ';'
                        ? reference_code(name)
                        : UINT32_MAX;
    if (code == UINT32_MAX) {
        put_text(h, "&", 1);
        h->at++;
        return;
    }
    if (code != 0)
        put_text(h, octets, utf8_write(code, octets));
    h->at = from + length + 1;
}

/* --- tags --- */

static bool is(const struct tag *tag, const char *const *names)
{
    for (; *names != NULL; names++)
        if (strcmp(tag->name, *names) == 0)
            return true;
    return false;
}

/* Goes behind the tag at h->at; false: there is none, '<' is text. */
static bool read_tag(struct html *h, struct tag *tag)
{
    const char *at = h->at + 1;
    size_t length = 0;
    char quote = '\0';

    tag->closing = at < h->end && *at == '/';
    at += tag->closing;
    while (at < h->end && ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                           (length > 0 && *at >= '0' && *at <= '9'))) {
        if (length < sizeof tag->name - 1)
            tag->name[length++] = (char)(*at | 0x20 * (*at >= 'A'));
        at++;
    }
    tag->name[length] = '\0';
    if (length == 0)
        return false;
    tag->attributes = at;
    for (; at < h->end && (quote != '\0' || *at != '>'); at++)
        if (quote != '\0')
            quote = *at == quote ? '\0' : quote;
        else if (*at == '"' || *at == '\'')
            quote = *at;
    tag->end = at;
    h->at = at < h->end ? at + 1 : at;
    return true;
}

/* Goes behind a comment or declaration; false: there is none. */
static bool skip_declaration(struct html *h)
{
    size_t left = (size_t)(h->end - h->at);
    const char *end;

    if (left < 2 || (h->at[1] != '!' && h->at[1] != '?'))
        return false;
    if (left >= 4 && memcmp(h->at, "<!--", 4) == 0) {
        end = memmem(h->at + 4, left - 4, "-->", 3);
        h->at = end != NULL ? end + 3 : h->end;
    } else {
        end = memchr(h->at, '>', left);
        h->at = end != NULL ? end + 1 : h->end;
    }
    return true;
}

/* Goes to the end tag of an element whose content is no text for a reader. */
static void skip_element(struct html *h, const char *name)
{
    size_t length = strlen(name);

    for (; h->at < h->end; h->at++)
        if (*h->at == '<' && (size_t)(h->end - h->at) > length + 2 && h->at[1] == '/' &&
            strncasecmp(h->at + 2, name, length) == 0 &&
            strchr(" \t\r\n/>", h->at[2 + length]) != NULL)
            return;
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && strchr(" \t\r\n/", *at) != NULL)
        at++;
    return at;
}

/* The value of an attribute, cut to capacity; false: there is none. */
static bool attribute(const struct tag *tag, const char *name, char *value, size_t capacity)
{
    const char *at = skip_blanks(tag->attributes, tag->end);

    while (at < tag->end) {
        const char *named = at;
        while (at < tag->end && strchr(" \t\r\n/=", *at) == NULL)
            at++;
        bool wanted = (size_t)(at - named) == strlen(name) &&
                      strncasecmp(named, name, (size_t)(at - named)) == 0;
        at = skip_blanks(at, tag->end);
        if (at >= tag->end || *at != '=') {
            at += at == named; /* a lone '=' */
            continue;
        }
        at++;
        while (at < tag->end && strchr(" \t\r\n", *at) != NULL)
            at++;
        char quote = at < tag->end && (*at == '"' || *at == '\'') ? *at++ : '\0';
        size_t used = 0;
        for (; at < tag->end && (quote != '\0' ? *at != quote : strchr(" \t\r\n", *at) == NULL);
             at++)
            if (wanted && used < capacity - 1)
                value[used++] = *at;
        if (wanted) {
            value[used] = '\0';
            return true;
        }
        at = skip_blanks(at + (quote != '\0' && at < tag->end), tag->end);
    }
    return false;
}

static void open_list(struct html *h, const struct tag *tag)
{
    put_break(&h->out, h->list_depth == 0 ? 2 : 1);
    if (h->list_depth < LIST_DEPTH_MAX)
        h->item[h->list_depth] = strcmp(tag->name, "ol") == 0;
    h->list_depth++;
}

static void open_item(struct html *h)
{
    char mark[16] = "\xE2\x80\xA2 ";
    unsigned depth = h->list_depth;

    put_break(&h->out, 1);
    for (unsigned i = 1; i < depth && i < LIST_DEPTH_MAX; i++)
        put_octets(&h->out, "   ", 3);
    if (depth > 0 && depth <= LIST_DEPTH_MAX && h->item[depth - 1] > 0) {
        unsigned number = h->item[depth - 1]++, digits = 0;
        char reversed[10];
        for (; number > 0; number /= 10)
            reversed[digits++] = (char)('0' + number % 10);
        for (unsigned i = 0; i < digits; i++)
            mark[i] = reversed[digits - 1 - i];
        memcpy(mark + digits, ". ", 3);
    }
    put_octets(&h->out, mark, strlen(mark));
    h->out.newlines = 1; /* the text follows at once */
}

/* Where a link leads is part of what a reader gets, unless its text says so. */
static void close_link(struct html *h)
{
    struct writer *w = &h->out;
    const char *shown = w->text != NULL ? w->text + h->link_start : "";
    size_t length = w->length - h->link_start, wanted = strlen(h->href);
    const char *bare = strncmp(h->href, "mailto:", 7) == 0 ? h->href + 7 : h->href;

    if (wanted > 0 && length > 0 && h->href[0] != '#' &&
        strncasecmp(h->href, "javascript:", 11) != 0 &&
        memmem(shown, length, bare, strlen(bare)) == NULL) {
        put_word(w, " <", 2);
        put_word(w, bare, strlen(bare));
        put_word(w, ">", 1);
    }
    h->href[0] = '\0';
}

static void take_block(struct html *h, const struct tag *tag)
{
    static const char *const wide[] = {"p",  "h1", "h2",         "h3",    "h4", "h5",
                                       "h6", "dl", "blockquote", "table", NULL};
    static const char *const narrow[] = {"div",    "dt",     "dd",      "section", "article",
                                         "header", "footer", "center",  "form",    "address",
                                         "main",   "aside",  "caption", "tbody",   NULL};

    if (is(tag, wide))
        put_break(&h->out, 2);
    else if (is(tag, narrow))
        put_break(&h->out, 1);
}

static void take_cell(struct html *h, const struct tag *tag)
{
    if (strcmp(tag->name, "tr") == 0) {
        put_break(&h->out, 1);
        h->cell = false;
    } else if (!tag->closing) {
        if (h->cell && h->out.newlines == 0)
            put_octets(&h->out, "  ", 2);
        h->out.space = false;
        h->cell = true;
    }
}

static void take_list(struct html *h, const struct tag *tag)
{
    if (strcmp(tag->name, "li") == 0) {
        if (!tag->closing)
            open_item(h);
    } else if (!tag->closing) {
        open_list(h, tag);
    } else if (h->list_depth > 0) {
        h->list_depth--;
        put_break(&h->out, h->list_depth == 0 ? 2 : 1);
    }
}

static void take_tag(struct html *h, const struct tag *tag)
{
    static const char *const silent[] = {"script",   "style", "title", "template",
                                         "noscript", "svg",   NULL};
    static const char *const cells[] = {"tr", "td", "th", NULL};
    static const char *const lists[] = {"ul", "ol", "li", NULL};

    if (is(tag, silent)) {
        if (!tag->closing)
            skip_element(h, tag->name);
    } else if (strcmp(tag->name, "br") == 0) {
        put_break(&h->out, h->out.newlines + 1);
    } else if (strcmp(tag->name, "hr") == 0) {
        put_break(&h->out, 1);
        put_word(&h->out, "----------", 10);
        put_break(&h->out, 1);
    } else if (strcmp(tag->name, "pre") == 0) {
        put_break(&h->out, 1);
        h->pre = tag->closing ? h->pre - (h->pre > 0) : h->pre + 1;
    } else if (strcmp(tag->name, "a") == 0) {
        if (tag->closing)
            close_link(h);
        else if (attribute(tag, "href", h->href, sizeof h->href))
            h->link_start = h->out.length;
    } else if (is(tag, cells)) {
        take_cell(h, tag);
    } else if (is(tag, lists)) {
        take_list(h, tag);
    } else {
        take_block(h, tag);
    }
}

int html_text_make(const char *html, size_t length, size_t limit, char **text, size_t *text_length)
{
    struct html h = {.at = html, .end = html + length, .out = {.limit = limit, .newlines = 2}};
    struct tag tag;

    while (h.at < h.end && h.out.error == 0) {
        if (*h.at == '<' && skip_declaration(&h))
            continue;
        if (*h.at == '<' && read_tag(&h, &tag)) {
            take_tag(&h, &tag);
        } else if (*h.at == '&') {
            take_reference(&h);
        } else {
            put_text(&h, h.at, 1);
            h.at++;
        }
    }
    put_octets(&h.out, "", 1);
    if (h.out.error != 0) {
        free(h.out.text);
        return h.out.error;
    }
    *text = h.out.text;
    *text_length = h.out.length - 1;
    return 0;
}
