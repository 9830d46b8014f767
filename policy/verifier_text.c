#include "policy/verifier.h"

const char *verifier_fault_text(enum verifier_fault fault)
{
    switch (fault) {
    case VERIFIER_OK:
        return "ok";
    case VERIFIER_ALTERED:
        return "altered";
    case VERIFIER_MISSING:
        return "missing";
    case VERIFIER_DUPLICATE:
        return "duplicate";
    case VERIFIER_NOT_CANONICAL:
        return "not canonical";
    case VERIFIER_DIFFER:
        return "journal and database differ";
    case VERIFIER_ROOT:
        return "root differs";
    case VERIFIER_CHECKPOINT:
        return "bad checkpoint";
    }
    return "unknown";
}

const char *verifier_source_text(enum verifier_source source)
{
    switch (source) {
    case VERIFIER_NOWHERE:
        return "unknown";
    case VERIFIER_JOURNAL:
        return "journal";
    case VERIFIER_DATABASE:
        return "database";
    case VERIFIER_BOTH:
        return "journal and database";
    }
    return "unknown";
}
