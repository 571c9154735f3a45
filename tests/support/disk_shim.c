/* What a process does to the files below one directory, written down in order; and disks that fail.
 *
 * Preloaded (LD_PRELOAD) into a process. Three variables tell it what to do:
 *   DISK_SHIM_ROOT    only files below this directory are looked at
 *   DISK_SHIM_LOG     every effect is appended here, after it has happened (see disk_shim.py)
 *   DISK_SHIM_FAULTS  a directory; while it holds a file of that name
 *                       no-space       writes that make a file longer fail with ENOSPC
 *                       sync-error     fsync and fdatasync fail with EIO
 *                       sync-lies      fsync and fdatasync say that all is well and do nothing
 *                       log-sync-dies  syncing a write-ahead log that has content kills the process
 *
 * One lock is held over an effect and its record, so the log has the order in which things happened.
 * Writes through mmap are not seen: SQLite has only its shared index there, which it makes anew.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CREATE = 1, WRITE, TRUNCATE, SYNC, UNLINK, RENAME, MKDIR }; /* 100 and more: the tests' marks */

struct record {
    uint32_t kind, path_bytes;
    uint64_t file, offset, data_bytes;
};

#define FDS 4096
static uint64_t inode_of[FDS]; /* 0: not one of ours */
static int is_log[FDS];
#define LOG_HEAD 32 /* it is synced alone, before any content */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *root, *faults;
static size_t root_bytes;
static int log_fd = -1;

static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_open)(const char *, int, ...);
static int (*real_truncate)(int, off64_t);
static int (*real_fsync)(int), (*real_fdatasync)(int), (*real_close)(int);
static int (*real_unlink)(const char *), (*real_rename)(const char *, const char *);
static int (*real_mkdir)(const char *, mode_t);

#define FIND(variable, name) *(void **)&variable = dlsym(RTLD_NEXT, name)

__attribute__((constructor)) static void start(void) {
    FIND(real_pwrite, "pwrite64");
    FIND(real_write, "write");
    FIND(real_open, "open64");
    FIND(real_truncate, "ftruncate64");
    FIND(real_fsync, "fsync");
    FIND(real_fdatasync, "fdatasync");
    FIND(real_close, "close");
    FIND(real_unlink, "unlink");
    FIND(real_rename, "rename");
    FIND(real_mkdir, "mkdir");
    root = getenv("DISK_SHIM_ROOT");
    faults = getenv("DISK_SHIM_FAULTS");
    root_bytes = root ? strlen(root) : 0;
    const char *log = getenv("DISK_SHIM_LOG");
    if (log)
        log_fd = real_open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* The part of a path below the root, or NULL. */
static const char *below(const char *path) {
    if (!root || strncmp(path, root, root_bytes) || (path[root_bytes] && path[root_bytes] != '/'))
        return NULL;
    return path[root_bytes] ? path + root_bytes + 1 : "";
}

static int has(const char *fault) {
    char path[PATH_MAX];
    if (!faults)
        return 0;
    snprintf(path, sizeof path, "%s/%s", faults, fault);
    return access(path, F_OK) == 0;
}

static void note(uint32_t kind, const char *path, uint64_t file, uint64_t offset, const void *data,
                 size_t bytes) {
    int was = errno;
    struct record head = {kind, path ? strlen(path) : 0, file, offset, bytes};
    struct iovec parts[] = {
        {&head, sizeof head}, {(void *)path, head.path_bytes}, {(void *)data, bytes}};
    if (log_fd >= 0 && writev(log_fd, parts, 3) != (ssize_t)(sizeof head + head.path_bytes + bytes))
        abort(); /* a log with a hole would prove nothing */
    errno = was;
}

static uint64_t ours(int fd) { return fd >= 0 && fd < FDS ? inode_of[fd] : 0; }

static int shim_open(const char *path, int flags, mode_t mode) {
    const char *name = below(path);
    struct stat64 found;
    if (!name)
        return real_open(path, flags, mode);
    pthread_mutex_lock(&lock);
    int is_new = (flags & O_CREAT) && lstat64(path, &found);
    int fd = real_open(path, flags, mode);
    if (fd >= 0 && fd < FDS && !fstat64(fd, &found)) {
        inode_of[fd] = found.st_ino;
        is_log[fd] = strlen(name) > 4 && !strcmp(name + strlen(name) - 4, "-wal");
        if (is_new)
            note(CREATE, name, found.st_ino, 0, NULL, 0);
        else if (flags & O_TRUNC)
            note(TRUNCATE, NULL, found.st_ino, 0, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

#define OPEN(name)                                                                                 \
    int name(const char *path, int flags, ...) {                                                   \
        va_list more;                                                                              \
        va_start(more, flags);                                                                     \
        mode_t mode = (flags & (O_CREAT | __O_TMPFILE)) ? va_arg(more, mode_t) : 0;                \
        va_end(more);                                                                              \
        return shim_open(path, flags, mode);                                                       \
    }
OPEN(open)
OPEN(open64)

/* Write, and note what was really written. Without an offset it goes to the file's position. */
static ssize_t shim_write(int fd, const void *data, size_t bytes, const off64_t *where) {
    struct stat64 found;
    ssize_t done;
    if (!ours(fd))
        return where ? real_pwrite(fd, data, bytes, *where) : real_write(fd, data, bytes);
    pthread_mutex_lock(&lock);
    int is_appending = fcntl(fd, F_GETFL) & O_APPEND;
    if (fstat64(fd, &found))
        found.st_size = 0;
    off64_t offset = where ? *where : is_appending ? found.st_size : lseek64(fd, 0, SEEK_CUR);
    if (offset + (off64_t)bytes > found.st_size && has("no-space")) {
        errno = ENOSPC;
        done = -1;
    } else {
        done = where ? real_pwrite(fd, data, bytes, offset) : real_write(fd, data, bytes);
        if (done > 0)
            note(WRITE, NULL, ours(fd), offset, data, done);
    }
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t o) { return shim_write(fd, data, n, &o); }
ssize_t pwrite64(int fd, const void *data, size_t n, off64_t o) {
    return shim_write(fd, data, n, &o);
}
ssize_t write(int fd, const void *data, size_t n) { return shim_write(fd, data, n, NULL); }

static int shim_truncate(int fd, off64_t size) {
    if (!ours(fd))
        return real_truncate(fd, size);
    pthread_mutex_lock(&lock);
    int failed = real_truncate(fd, size);
    if (!failed)
        note(TRUNCATE, NULL, ours(fd), size, NULL, 0);
    pthread_mutex_unlock(&lock);
    return failed;
}
int ftruncate(int fd, off_t size) { return shim_truncate(fd, size); }
int ftruncate64(int fd, off64_t size) { return shim_truncate(fd, size); }

static int shim_sync(int fd, int (*sync)(int)) {
    if (!ours(fd))
        return sync(fd);
    if (has("sync-lies"))
        return 0;
    struct stat64 found;
    if (is_log[fd] && has("log-sync-dies") && !fstat64(fd, &found) && found.st_size > LOG_HEAD)
        raise(SIGKILL);
    pthread_mutex_lock(&lock);
    int failed = has("sync-error");
    if (failed)
        errno = EIO;
    else if (!(failed = sync(fd)))
        note(SYNC, NULL, ours(fd), 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return failed ? -1 : 0;
}
int fsync(int fd) { return shim_sync(fd, real_fsync); }
int fdatasync(int fd) { return shim_sync(fd, real_fdatasync); }

int close(int fd) {
    if (!ours(fd))
        return real_close(fd);
    pthread_mutex_lock(&lock);
    inode_of[fd] = 0;
    int failed = real_close(fd);
    pthread_mutex_unlock(&lock);
    return failed;
}

int unlink(const char *path) {
    const char *name = below(path);
    if (!name)
        return real_unlink(path);
    pthread_mutex_lock(&lock);
    int failed = real_unlink(path);
    if (!failed)
        note(UNLINK, name, 0, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return failed;
}

int rename(const char *old, const char *new) {
    const char *from = below(old), *to = below(new);
    if (!from || !to)
        return real_rename(old, new);
    pthread_mutex_lock(&lock);
    int failed = real_rename(old, new);
    if (!failed)
        note(RENAME, from, 0, 0, to, strlen(to));
    pthread_mutex_unlock(&lock);
    return failed;
}

int mkdir(const char *path, mode_t mode) {
    const char *name = below(path);
    struct stat64 found;
    if (!name)
        return real_mkdir(path, mode);
    pthread_mutex_lock(&lock);
    int failed = real_mkdir(path, mode);
    if (!failed && !lstat64(path, &found))
        note(MKDIR, name, found.st_ino, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return failed;
}
