#pragma once
/* As in CLinux: the two modules must see the same system types. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <nghttp2/nghttp2.h>

/* nghttp2_frame is a union; Swift would copy all of it to read one member. */

static inline const nghttp2_frame_hd *apus_h2_head(const nghttp2_frame *frame) { return &frame->hd; }

/* Bytes of the header block of a HEADERS frame and those that continue it. */
static inline size_t apus_h2_block_length(const nghttp2_frame *frame) {
    size_t other = frame->headers.padlen + (frame->hd.flags & NGHTTP2_FLAG_PRIORITY ? 5 : 0);
    return frame->hd.length > other ? frame->hd.length - other : 0;
}

/* Bytes of a DATA frame that carry nothing. */
static inline size_t apus_h2_padding(const nghttp2_frame *frame) { return frame->data.padlen; }

static inline uint32_t apus_h2_goaway_code(const nghttp2_frame *frame) { return frame->goaway.error_code; }

static inline int32_t apus_h2_goaway_last(const nghttp2_frame *frame) { return frame->goaway.last_stream_id; }
