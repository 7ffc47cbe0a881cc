#pragma once
#include <sqlite3.h>
#include <stdint.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

// statfs(2) and the macros of device numbers are not in Swift's Glibc.

/// The magic number of the file system that has `path`; -1 where there is none.
static inline int64_t file_system_magic(const char *path) {
    struct statfs status;
    return statfs(path, &status) == 0 ? (int64_t)(uint32_t)status.f_type : -1;
}

static inline unsigned device_major(uint64_t device) { return major(device); }
static inline unsigned device_minor(uint64_t device) { return minor(device); }
