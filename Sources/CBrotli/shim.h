#pragma once
/* As in CLinux: the two modules must see the same system types. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <brotli/encode.h>
