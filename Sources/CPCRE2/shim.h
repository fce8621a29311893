#pragma once
/* The same as in CLinux: modules must see the C library in one shape. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* What matching needs besides the pattern. Neither may be used by two matches at a time. */
struct apus_matching {
    pcre2_match_context *context;
    pcre2_match_data *data;
};

/* One for each thread; empty at first. To be called from one source file only, since each has its own. */
static inline struct apus_matching *apus_matching(void)
{
    static __thread struct apus_matching matching;
    return &matching;
}
