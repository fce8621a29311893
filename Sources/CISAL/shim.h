#pragma once
/* As in CLinux: the two modules must see the same system types. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <isa-l/igzip_lib.h>

/* What a level needs besides the stream: Swift does not see macros that are made of others. These are the sizes with room for
 * 16,384 symbols of a block; with four times as many, bodies came out as large. */
static inline uint32_t apus_igzip_level_size(uint32_t level) {
    switch (level) {
    case 1: return ISAL_DEF_LVL1_SMALL;
    case 2: return ISAL_DEF_LVL2_SMALL;
    case 3: return ISAL_DEF_LVL3_SMALL;
    default: return 0;
    }
}

/* Swift does not see the fields behind the arrays of the state. */
static inline int apus_igzip_is_at_end(const struct isal_zstream *stream) {
    return stream->internal_state.state == ZSTATE_END;
}
