#pragma once
// The same as in CLinux: modules must see the C library in one shape.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
