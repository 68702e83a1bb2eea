/* Preloaded into a process, lets the n-th system call that changes files in one folder fail, or be the last.
 *
 * FAULT_FOLDER  calls on files whose path contains this count
 * FAULT_AT      the number of the call, from 1
 * FAULT_KIND    kill   the process ends before the call
 *               cut    half of the bytes are written, then the process ends
 *               full   half of the bytes are written, and from then on there is no space
 *               short  half of the bytes are written, which is no error
 *               eio    the call fails
 * FAULT_NOTE    this file is made when the call is reached
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char is_ours[4096];
static long calls;
static int is_full;

static int in_folder(const char *path) {
    const char *folder = getenv("FAULT_FOLDER");
    return folder && path && strstr(path, folder);
}

static int kind_is(const char *kind) { return strcmp(getenv("FAULT_KIND"), kind) == 0; }

/* Counts a call; 1 if it is the one. */
static int is_the_one(void) {
    if (++calls != atol(getenv("FAULT_AT"))) return 0;
    int note = ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open"))(getenv("FAULT_NOTE"), O_CREAT | O_WRONLY, 0600);
    if (note >= 0) close(note);
    if (kind_is("kill")) raise(SIGKILL);
    return 1;
}

/* Whether a call that writes no bytes fails. */
static int fails(void) {
    int struck = is_the_one();
    if (struck && kind_is("cut")) raise(SIGKILL);
    if (struck && kind_is("full")) is_full = 1;
    if (is_full) errno = ENOSPC;
    else if (struck && kind_is("eio")) errno = EIO;
    else return 0;
    return 1;
}

static int open_as(const char *name, const char *path, int flags, mode_t mode) {
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, name);
    int counts = in_folder(path);
    if (counts && flags & (O_WRONLY | O_RDWR) && fails()) return -1;
    int fd = real(path, flags, mode);
    if (fd >= 0 && fd < (int)sizeof is_ours) is_ours[fd] = counts;
    return fd;
}

#define OPEN(name)                                          \
    int name(const char *path, int flags, ...) {            \
        va_list rest;                                       \
        va_start(rest, flags);                              \
        mode_t mode = flags & O_CREAT ? va_arg(rest, int) : 0; \
        va_end(rest);                                       \
        return open_as(#name, path, flags, mode);           \
    }
OPEN(open)
OPEN(open64)

static int counts(int fd) { return fd >= 0 && fd < (int)sizeof is_ours && is_ours[fd]; }

ssize_t write(int fd, const void *bytes, size_t count) {
    ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    if (!counts(fd)) return real(fd, bytes, count);
    if (is_full) return errno = ENOSPC, -1;
    if (!is_the_one()) return real(fd, bytes, count);
    if (kind_is("eio")) return errno = EIO, -1;
    ssize_t written = real(fd, bytes, (count + 1) / 2);
    if (kind_is("cut")) raise(SIGKILL);
    if (kind_is("full")) is_full = 1;
    return written;
}

int close(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "close");
    if (fd >= 0 && fd < (int)sizeof is_ours) is_ours[fd] = 0;
    return real(fd);
}

int fsync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    return counts(fd) && fails() ? -1 : real(fd);
}

int rename(const char *from, const char *to) {
    int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
    return in_folder(to) && fails() ? -1 : real(from, to);
}
