// System calls that Node has no name for, run from the command line:
//
//   sys OP ARG... [: OP ARG...]...
//
// `open` and `dup` number the descriptors 0, 1, 2 in order of appearance, and the
// later operations name them by that number. Every operation prints one line. The first one
// that fails prints `!` and the name of its errno, and ends the run with status 1; after
// `try` a failure prints the same line and the run goes on.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int fds[64];
static int fd_count;
static struct {
  char *at;
  size_t length;
} maps[8];
static int map_count;

struct word {
  const char *name;
  long value;
};

static const struct word words[] = {
    {"RDONLY", O_RDONLY},
    {"WRONLY", O_WRONLY},
    {"RDWR", O_RDWR},
    {"CREAT", O_CREAT},
    {"EXCL", O_EXCL},
    {"TRUNC", O_TRUNC},
    {"APPEND", O_APPEND},
    {"PATH", O_PATH},
    {"DIRECTORY", O_DIRECTORY},
    {"NOFOLLOW", O_NOFOLLOW},
    {"TMPFILE", O_TMPFILE},
    {"DIRECT", O_DIRECT},
    {"NONBLOCK", O_NONBLOCK},
    {"DSYNC", O_DSYNC},
    {"SYNC", O_SYNC},
    {"NOATIME", O_NOATIME},
    {"SET", SEEK_SET},
    {"CUR", SEEK_CUR},
    {"END", SEEK_END},
    {"DATA", SEEK_DATA},
    {"HOLE", SEEK_HOLE},
    {"KEEP_SIZE", FALLOC_FL_KEEP_SIZE},
    {"PUNCH_HOLE", FALLOC_FL_PUNCH_HOLE},
    {"ZERO_RANGE", FALLOC_FL_ZERO_RANGE},
    {"COLLAPSE_RANGE", FALLOC_FL_COLLAPSE_RANGE},
    {"NOREPLACE", RENAME_NOREPLACE},
    {"EXCHANGE", RENAME_EXCHANGE},
    {"WHITEOUT", RENAME_WHITEOUT},
    {"CREATE", XATTR_CREATE},
    {"REPLACE", XATTR_REPLACE},
    {"SH", LOCK_SH},
    {"EX", LOCK_EX},
    {"UN", LOCK_UN},
    {"NB", LOCK_NB},
    {"RDLCK", F_RDLCK},
    {"WRLCK", F_WRLCK},
    {"UNLCK", F_UNLCK},
    {"R_OK", R_OK},
    {"W_OK", W_OK},
    {"X_OK", X_OK},
    {"F_OK", F_OK},
    {"FIFO", S_IFIFO},
    {"CHR", S_IFCHR},
    {"BLK", S_IFBLK},
    {"SOCK", S_IFSOCK},
    {"REG", S_IFREG},
    {"DIR", S_IFDIR},
    {"SYMLINK_NOFOLLOW", AT_SYMLINK_NOFOLLOW},
    {"SYMLINK_FOLLOW", AT_SYMLINK_FOLLOW},
    {"EMPTY_PATH", AT_EMPTY_PATH},
};

static void usage(const char *what, const char *argument) {
  fprintf(stderr, "sys: %s: %s\n", what, argument);
  exit(2);
}

static long long number(const char *text) {
  char *end;
  long long value = strtoll(text, &end, 0);
  if (*text == 0 || *end != 0)
    usage("not a number", text);
  return value;
}

// "RDWR|CREAT", "0"
static long flags(const char *text) {
  char copy[256];
  long value = 0;
  snprintf(copy, sizeof copy, "%s", text);
  for (char *word = strtok(copy, "|"); word != NULL; word = strtok(NULL, "|")) {
    size_t i = 0;
    while (i < COUNT(words) && strcmp(words[i].name, word) != 0)
      i++;
    value |= i < COUNT(words) ? words[i].value : number(word);
  }
  return value;
}

static mode_t mode(const char *text) { return (mode_t)strtoul(text, NULL, 8); }

static int fd_of(const char *text) {
  long long i = number(text);
  if (i < 0 || i >= fd_count)
    usage("no such descriptor", text);
  return fds[i];
}

static int push(int fd) {
  if (fd < 0)
    return -1;
  if (fd_count == (int)COUNT(fds))
    usage("too many descriptors", "64");
  printf("%d\n", fd_count);
  fds[fd_count++] = fd;
  return 0;
}

static int done(long result) {
  if (result < 0)
    return -1;
  printf("%ld\n", result);
  return 0;
}

static void hex(const unsigned char *bytes, size_t length) {
  for (size_t i = 0; i < length; i++)
    printf("%02x", bytes[i]);
  printf("\n");
}

// A page-aligned buffer for O_DIRECT; the rest does not mind.
static unsigned char *buffer(size_t length) {
  void *at;
  if (posix_memalign(&at, 4096, length == 0 ? 1 : length) != 0)
    usage("no memory", "buffer");
  return at;
}

static int print_bytes(unsigned char *bytes, ssize_t length) {
  if (length >= 0)
    hex(bytes, (size_t)length);
  free(bytes);
  return length < 0 ? -1 : 0;
}

static int op_open(char **a) { return push(open(a[0], (int)flags(a[1]) | O_CLOEXEC, mode(a[2]))); }
static int op_openat(char **a) {
  return push(openat(fd_of(a[0]), a[1], (int)flags(a[2]) | O_CLOEXEC, mode(a[3])));
}
static int op_dup(char **a) { return push(dup(fd_of(a[0]))); }
static int op_close(char **a) { return done(close(fd_of(a[0]))); }
static int op_write(char **a) { return done(write(fd_of(a[0]), a[1], strlen(a[1]))); }
static int op_pwrite(char **a) {
  return done(pwrite(fd_of(a[0]), a[1], strlen(a[1]), number(a[2])));
}
static int op_read(char **a) {
  size_t length = (size_t)number(a[1]);
  unsigned char *bytes = buffer(length);
  return print_bytes(bytes, read(fd_of(a[0]), bytes, length));
}
static int op_pread(char **a) {
  size_t length = (size_t)number(a[1]);
  unsigned char *bytes = buffer(length);
  return print_bytes(bytes, pread(fd_of(a[0]), bytes, length, number(a[2])));
}
// fill FD BYTE LENGTH OFFSET
static int op_fill(char **a) {
  size_t length = (size_t)number(a[2]);
  unsigned char *bytes = buffer(length);
  memset(bytes, (int)number(a[1]), length);
  ssize_t n = pwrite(fd_of(a[0]), bytes, length, number(a[3]));
  free(bytes);
  return done(n);
}
static int op_lseek(char **a) { return done(lseek(fd_of(a[0]), number(a[1]), (int)flags(a[2]))); }
static int op_ftruncate(char **a) { return done(ftruncate(fd_of(a[0]), number(a[1]))); }
static int op_truncate(char **a) { return done(truncate(a[0], number(a[1]))); }
static int op_fallocate(char **a) {
  return done(fallocate(fd_of(a[0]), (int)flags(a[1]), number(a[2]), number(a[3])));
}
static int op_copy_file_range(char **a) {
  off_t from = number(a[1]), to = number(a[3]);
  return done(copy_file_range(fd_of(a[0]), &from, fd_of(a[2]), &to, (size_t)number(a[4]), 0));
}
static int op_sendfile(char **a) {
  off_t from = number(a[2]);
  return done(sendfile(fd_of(a[0]), fd_of(a[1]), &from, (size_t)number(a[3])));
}
static int op_fsync(char **a) { return done(fsync(fd_of(a[0]))); }
static int op_fdatasync(char **a) { return done(fdatasync(fd_of(a[0]))); }
static int op_syncfs(char **a) { return done(syncfs(fd_of(a[0]))); }

static void print_stat(const struct stat *s) {
  printf("{\"ino\":%llu,\"mode\":%u,\"nlink\":%llu,\"uid\":%u,\"gid\":%u,\"size\":%lld,\"blocks\":%"
         "lld}\n",
         (unsigned long long)s->st_ino, s->st_mode, (unsigned long long)s->st_nlink, s->st_uid,
         s->st_gid, (long long)s->st_size, (long long)s->st_blocks);
}
static int op_fstat(char **a) {
  struct stat s;
  if (fstat(fd_of(a[0]), &s) < 0)
    return -1;
  print_stat(&s);
  return 0;
}
static int op_stat(char **a) {
  struct stat s;
  if (stat(a[0], &s) < 0)
    return -1;
  print_stat(&s);
  return 0;
}
static int op_statx(char **a) {
  struct statx x;
  if (statx(AT_FDCWD, a[0], AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &x) < 0)
    return -1;
  printf("{\"hasBtime\":%s,\"btime\":\"%lld.%09u\",\"mtime\":\"%lld.%09u\",\"size\":%llu,\"mode\":%"
         "u}\n",
         x.stx_mask & STATX_BTIME ? "true" : "false", (long long)x.stx_btime.tv_sec,
         x.stx_btime.tv_nsec, (long long)x.stx_mtime.tv_sec, x.stx_mtime.tv_nsec,
         (unsigned long long)x.stx_size, x.stx_mode);
  return 0;
}
static int op_statvfs(char **a) {
  struct statvfs s;
  if (statvfs(a[0], &s) < 0)
    return -1;
  printf("{\"bsize\":%lu,\"frsize\":%lu,\"blocks\":%lu,\"bfree\":%lu,\"bavail\":%lu,\"files\":%lu,"
         "\"ffree\":%lu,\"namemax\":%lu}\n",
         s.f_bsize, s.f_frsize, s.f_blocks, s.f_bfree, s.f_bavail, s.f_files, s.f_ffree,
         s.f_namemax);
  return 0;
}

static int op_mkdir(char **a) { return done(mkdir(a[0], mode(a[1]))); }
static int op_rmdir(char **a) { return done(rmdir(a[0])); }
static int op_unlink(char **a) { return done(unlink(a[0])); }
static int op_symlink(char **a) { return done(symlink(a[0], a[1])); }
static int op_linkat(char **a) {
  return done(linkat(AT_FDCWD, a[0], AT_FDCWD, a[1], (int)flags(a[2])));
}
// Gives an open descriptor (O_TMPFILE) a name.
static int op_linkfd(char **a) {
  char proc[64];
  snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd_of(a[0]));
  return done(linkat(AT_FDCWD, proc, AT_FDCWD, a[1], AT_SYMLINK_FOLLOW));
}
static int op_rename(char **a) {
  return done(syscall(SYS_renameat2, AT_FDCWD, a[0], AT_FDCWD, a[1], (unsigned)flags(a[2])));
}
static int op_mknod(char **a) {
  dev_t dev = makedev((unsigned)number(a[3]), (unsigned)number(a[4]));
  return done(mknod(a[0], (mode_t)flags(a[1]) | mode(a[2]), dev));
}
static int op_chmod(char **a) { return done(chmod(a[0], mode(a[1]))); }
static int op_chown(char **a) {
  return done(lchown(a[0], (uid_t)number(a[1]), (gid_t)number(a[2])));
}
static int op_access(char **a) { return done(access(a[0], (int)flags(a[1]))); }

static struct timespec timespec_of(const char *text) {
  struct timespec t = {0, 0};
  if (strcmp(text, "NOW") == 0) {
    t.tv_nsec = UTIME_NOW;
    return t;
  }
  if (strcmp(text, "OMIT") == 0) {
    t.tv_nsec = UTIME_OMIT;
    return t;
  }
  const char *dot = strchr(text, '.');
  t.tv_sec = strtoll(text, NULL, 10);
  if (dot != NULL)
    t.tv_nsec = strtol(dot + 1, NULL, 10);
  return t;
}
// utimens PATH ATIME MTIME FLAGS; a time is SECONDS.NINEDIGITS, NOW or OMIT
static int op_utimens(char **a) {
  struct timespec times[2] = {timespec_of(a[1]), timespec_of(a[2])};
  return done(utimensat(AT_FDCWD, a[0], times, (int)flags(a[3])));
}

static int op_setxattr(char **a) {
  return done(lsetxattr(a[0], a[1], a[2], strlen(a[2]), (int)flags(a[3])));
}
static int op_setxattr_size(char **a) {
  size_t length = (size_t)number(a[2]);
  unsigned char *bytes = buffer(length);
  memset(bytes, 'x', length);
  int result = lsetxattr(a[0], a[1], bytes, length, 0);
  free(bytes);
  return done(result);
}
static int op_getxattr(char **a) {
  size_t length = (size_t)number(a[2]);
  unsigned char *bytes = buffer(length);
  ssize_t n = lgetxattr(a[0], a[1], bytes, length);
  if (n >= 0 && length == 0) {
    free(bytes);
    return done(n);
  }
  return print_bytes(bytes, n);
}
static int op_listxattr(char **a) {
  size_t length = (size_t)number(a[1]);
  unsigned char *bytes = buffer(length);
  ssize_t n = llistxattr(a[0], (char *)bytes, length);
  if (n >= 0 && length == 0) {
    free(bytes);
    return done(n);
  }
  return print_bytes(bytes, n);
}
static int op_removexattr(char **a) { return done(lremovexattr(a[0], a[1])); }

static int op_flock(char **a) { return done(flock(fd_of(a[0]), (int)flags(a[1]))); }
static struct flock range(char **a) {
  struct flock l = {.l_type = (short)flags(a[1]), .l_whence = SEEK_SET};
  l.l_start = number(a[2]);
  l.l_len = number(a[3]);
  return l;
}
static int lock(char **a, int command) {
  struct flock l = range(a);
  return done(fcntl(fd_of(a[0]), command, &l));
}
static int op_setlk(char **a) { return lock(a, F_SETLK); }
static int op_setlkw(char **a) { return lock(a, F_SETLKW); }
static int op_ofd_setlk(char **a) { return lock(a, F_OFD_SETLK); }
static int op_ofd_setlkw(char **a) { return lock(a, F_OFD_SETLKW); }
static int op_getlk(char **a) {
  struct flock l = range(a);
  if (fcntl(fd_of(a[0]), F_GETLK, &l) < 0)
    return -1;
  const char *type = l.l_type == F_UNLCK ? "UNLCK" : l.l_type == F_RDLCK ? "RDLCK" : "WRLCK";
  printf("{\"type\":\"%s\",\"start\":%lld,\"len\":%lld,\"pid\":%d}\n", type, (long long)l.l_start,
         (long long)l.l_len, l.l_pid);
  return 0;
}

// map FD LENGTH r|rw
static int op_map(char **a) {
  size_t length = (size_t)number(a[1]);
  int prot = a[2][1] == 'w' ? PROT_READ | PROT_WRITE : PROT_READ;
  char *at = mmap(NULL, length, prot, MAP_SHARED, fd_of(a[0]), 0);
  if (at == MAP_FAILED)
    return -1;
  maps[map_count].at = at;
  maps[map_count].length = length;
  return done(map_count++);
}
static int op_map_private(char **a) {
  size_t length = (size_t)number(a[1]);
  char *at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd_of(a[0]), 0);
  if (at == MAP_FAILED)
    return -1;
  maps[map_count].at = at;
  maps[map_count].length = length;
  return done(map_count++);
}
static int op_map_get(char **a) {
  hex((unsigned char *)maps[number(a[0])].at + number(a[1]), (size_t)number(a[2]));
  return 0;
}
static int op_map_put(char **a) {
  memcpy(maps[number(a[0])].at + number(a[1]), a[2], strlen(a[2]));
  return done(0);
}
static int op_msync(char **a) {
  return done(msync(maps[number(a[0])].at, maps[number(a[0])].length, MS_SYNC));
}
static int op_unmap(char **a) {
  return done(munmap(maps[number(a[0])].at, maps[number(a[0])].length));
}

struct linux_dirent64 {
  uint64_t d_ino;
  int64_t d_off;
  unsigned short d_reclen;
  unsigned char d_type;
  char d_name[];
};

static void print_entry(const struct linux_dirent64 *d) {
  printf("%s{\"off\":\"%lld\",\"type\":%u,\"ino\":%llu,\"name\":\"%s\"}", "", (long long)d->d_off,
         d->d_type, (unsigned long long)d->d_ino, d->d_name);
}

// getdents PATH BUFFER_SIZE: everything, as one JSON array. Between two calls it removes
// PATH/gone-N and creates PATH/new-N with N = 0, 1, ...: harmless where there are none (churn 0).
static int list(const char *path, size_t length, bool churn) {
  char name[PATH_MAX];
  int fd = open(path, O_RDONLY | O_DIRECTORY);
  if (fd < 0)
    return -1;
  unsigned char *bytes = buffer(length);
  long n;
  const char *comma = "";
  printf("[");
  for (int turn = 0; (n = syscall(SYS_getdents64, fd, bytes, length)) > 0; turn++) {
    for (long at = 0; at < n;) {
      struct linux_dirent64 *d = (struct linux_dirent64 *)(bytes + at);
      printf("%s", comma);
      print_entry(d);
      comma = ",";
      at += d->d_reclen;
    }
    if (!churn || turn >= 1000)
      continue;
    snprintf(name, sizeof name, "%s/gone-%d", path, turn);
    unlink(name);
    snprintf(name, sizeof name, "%s/new-%d", path, turn);
    close(open(name, O_CREAT | O_WRONLY, 0644));
  }
  printf("]\n");
  free(bytes);
  close(fd);
  return n < 0 ? -1 : 0;
}
static int op_getdents(char **a) { return list(a[0], (size_t)number(a[1]), false); }
static int op_churn(char **a) { return list(a[0], (size_t)number(a[1]), true); }

// Remembers telldir() before every entry, then returns to each in reverse order.
// Prints how many came back as the same entry, and how many there were.
static int op_seekdir(char **a) {
  enum { MOST = 10000 };
  static long cookies[MOST];
  static char *names[MOST];
  int count = 0, same = 0;
  DIR *dir = opendir(a[0]);
  if (dir == NULL)
    return -1;
  for (;;) {
    cookies[count] = telldir(dir);
    struct dirent *d = readdir(dir);
    if (d == NULL || count == MOST - 1)
      break;
    names[count++] = strdup(d->d_name);
  }
  for (int i = count - 1; i >= 0; i--) {
    seekdir(dir, cookies[i]);
    struct dirent *d = readdir(dir);
    if (d != NULL && strcmp(d->d_name, names[i]) == 0)
      same++;
    free(names[i]);
  }
  closedir(dir);
  printf("{\"count\":%d,\"same\":%d}\n", count, same);
  return 0;
}
// Lists, creates PATH/late, rewinds: did the second pass see it?
static int op_rewinddir(char **a) {
  char name[PATH_MAX];
  int seen = 0;
  struct dirent *d;
  DIR *dir = opendir(a[0]);
  if (dir == NULL)
    return -1;
  while (readdir(dir) != NULL)
    continue;
  snprintf(name, sizeof name, "%s/late", a[0]);
  close(open(name, O_CREAT | O_WRONLY, 0644));
  rewinddir(dir);
  while ((d = readdir(dir)) != NULL)
    if (strcmp(d->d_name, "late") == 0)
      seen++;
  closedir(dir);
  return done(seen);
}
// Reads a directory that has been removed while open: no entries, no error.
static int op_readdir_removed(char **a) {
  int count = 0;
  DIR *dir = opendir(a[0]);
  if (dir == NULL || rmdir(a[0]) < 0)
    return -1;
  errno = 0;
  struct dirent *d;
  while ((d = readdir(dir)) != NULL)
    if (d->d_name[0] != '.')
      count++;
  if (errno != 0 && errno != ENOENT)
    return -1;
  closedir(dir);
  return done(count);
}

// Appends COUNT records of 16 bytes, "TAG 0000000000\n".
static int op_append(char **a) {
  char record[32];
  int fd = open(a[0], O_WRONLY | O_APPEND | O_CREAT, 0644);
  if (fd < 0)
    return -1;
  for (long i = 0; i < number(a[2]); i++) {
    snprintf(record, sizeof record, "%.4s %010ld\n", a[1], i);
    if (write(fd, record, 16) != 16)
      return -1;
  }
  return done(close(fd));
}

// The whole file system is gone from now on, as if its disk were: ext4 and XFS have this.
static int op_shutdown(char **a) {
  uint32_t how = 2;
  return done(ioctl(fd_of(a[0]), _IOR('X', 125, uint32_t), &how));
}

static int op_as(char **a) {
  if (setgroups(0, NULL) < 0)
    return -1;
  if (setresgid((gid_t)number(a[1]), (gid_t)number(a[1]), (gid_t)number(a[1])) < 0)
    return -1;
  return done(setresuid((uid_t)number(a[0]), (uid_t)number(a[0]), (uid_t)number(a[0])));
}
static int op_umask(char **a) { return done(umask(mode(a[0]))); }
static int op_chdir(char **a) { return done(chdir(a[0])); }
static int op_getcwd(char **a) {
  (void)a;
  char path[PATH_MAX];
  if (getcwd(path, sizeof path) == NULL)
    return -1;
  puts(path);
  return 0;
}
static int op_fsize(char **a) {
  struct rlimit r = {(rlim_t)number(a[0]), (rlim_t)number(a[0])};
  signal(SIGXFSZ, SIG_IGN);
  return done(setrlimit(RLIMIT_FSIZE, &r));
}
static int write_map(pid_t pid, const char *name, char **map) {
  char path[64], text[96];
  snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
  int length = snprintf(text, sizeof text, "%s %s %s", map[0], map[1], map[2]);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  int result = write(fd, text, (size_t)length) == length ? 0 : -1;
  close(fd);
  return result;
}
// A user namespace in which the ids from map[0] on are those from map[1] on outside, map[2] of
// them.
static int user_namespace(char **map) {
  int ends[2];
  char path[64];
  if (pipe2(ends, O_CLOEXEC) < 0)
    return -1;
  pid_t pid = fork();
  if (pid == 0) {
    bool made = unshare(CLONE_NEWUSER) == 0;
    if (write(ends[1], made ? "y" : "n", 1) == 1)
      pause();
    _exit(0);
  }
  char made = 'n';
  int fd = -1;
  snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
  if (read(ends[0], &made, 1) == 1 && made == 'y' && write_map(pid, "uid_map", map) == 0 &&
      write_map(pid, "gid_map", map) == 0)
    fd = open(path, O_RDONLY | O_CLOEXEC);
  int error = errno;
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  close(ends[0]);
  close(ends[1]);
  errno = error;
  return fd;
}
// idmap SOURCE TARGET ID SEEN COUNT: shows SOURCE's mount on TARGET, too, the owners from ID on as
// SEEN on.
static int op_idmap(char **a) {
  int tree = (int)syscall(SYS_open_tree, AT_FDCWD, a[0], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  int user = user_namespace(a + 2);
  struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)user};
  if (tree < 0 || user < 0)
    return -1;
  if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof attr) < 0)
    return -1;
  return done(syscall(SYS_move_mount, tree, "", AT_FDCWD, a[1], MOVE_MOUNT_F_EMPTY_PATH));
}
static void on_alarm(int number) { (void)number; }
// alarm MILLISECONDS: interrupts what the next operation waits for
static int op_alarm(char **a) {
  struct sigaction action = {.sa_handler = on_alarm};
  long ms = (long)number(a[0]);
  struct itimerval timer = {{0, 0}, {ms / 1000, ms % 1000 * 1000}};
  if (sigaction(SIGALRM, &action, NULL) < 0)
    return -1;
  return done(setitimer(ITIMER_REAL, &timer, NULL));
}
// Until a line, or the end, comes on stdin.
static int op_wait(char **a) {
  (void)a;
  char line[16];
  puts("waiting");
  fflush(stdout);
  return done(read(0, line, sizeof line) < 0 ? -1 : 0);
}

struct op {
  const char *name;
  int args;
  int (*run)(char **);
};

#define OP(name, args)                                                                             \
  { #name, args, op_##name }
static const struct op ops[] = {
    OP(open, 3),        OP(openat, 4),
    OP(dup, 1),         OP(close, 1),
    OP(write, 2),       OP(pwrite, 3),
    OP(read, 2),        OP(pread, 3),
    OP(fill, 4),        OP(lseek, 3),
    OP(ftruncate, 2),   OP(truncate, 2),
    OP(fallocate, 4),   OP(copy_file_range, 5),
    OP(sendfile, 4),    OP(fsync, 1),
    OP(fdatasync, 1),   OP(syncfs, 1),
    OP(fstat, 1),       OP(stat, 1),
    OP(statx, 1),       OP(statvfs, 1),
    OP(mkdir, 2),       OP(rmdir, 1),
    OP(unlink, 1),      OP(symlink, 2),
    OP(linkat, 3),      OP(linkfd, 2),
    OP(rename, 3),      OP(mknod, 5),
    OP(chmod, 2),       OP(chown, 3),
    OP(access, 2),      OP(utimens, 4),
    OP(setxattr, 4),    OP(setxattr_size, 3),
    OP(getxattr, 3),    OP(listxattr, 2),
    OP(removexattr, 2), OP(flock, 2),
    OP(setlk, 4),       OP(setlkw, 4),
    OP(ofd_setlk, 4),   OP(ofd_setlkw, 4),
    OP(getlk, 4),       OP(map, 3),
    OP(map_private, 2), OP(map_get, 3),
    OP(map_put, 3),     OP(msync, 1),
    OP(unmap, 1),       OP(getdents, 2),
    OP(churn, 2),       OP(seekdir, 1),
    OP(rewinddir, 1),   OP(readdir_removed, 1),
    OP(append, 3),      OP(shutdown, 1),
    OP(as, 2),          OP(umask, 1),
    OP(chdir, 1),       OP(getcwd, 0),
    OP(fsize, 1),       OP(alarm, 1),
    OP(wait, 0),        OP(idmap, 5),
};

static const struct op *find(const char *name) {
  for (size_t i = 0; i < COUNT(ops); i++)
    if (strcmp(ops[i].name, name) == 0)
      return &ops[i];
  usage("unknown operation", name);
  return NULL;
}

int main(int argc, char **argv) {
  (void)argc;
  umask(022);
  for (char **at = argv + 1; *at != NULL;) {
    bool try = strcmp(*at, "try") == 0;
    if (try)
      at++;
    const struct op *op = find(*at++);
    for (int i = 0; i < op->args; i++)
      if (at[i] == NULL)
        usage("too few arguments", op->name);
    errno = 0;
    int result = op->run(at);
    if (result < 0)
      printf("!%s\n", strerrorname_np(errno));
    fflush(stdout);
    if (result < 0 && !try)
      return 1;
    at += op->args;
    if (*at == NULL)
      break;
    if (strcmp(*at++, ":") != 0)
      usage("expected ':'", at[-1]);
  }
  return 0;
}
