// Writes text without taking a lock or memory, as a signal handler must.
#pragma once
#include <string.h>
#include <unistd.h>

static inline void write_text(int descriptor, const char *text) {
    ssize_t ignored = write(descriptor, text, strlen(text));
    (void)ignored;
}
