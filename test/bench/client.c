// The load generator of the benchmarks: one kind of system call in a loop, timed in batches.
//
//   client [--cpu N] [--ms T] [--warm W] COMMAND ARGUMENTS
//
//   getattr FILE n              statx(2) that must ask the daemon; no open
//   stat FILE n                 stat of a path, which looks its name up
//   lookup-negative DIR n       stat of names that do not exist, each a new one
//   getattr-parallel FILE p ms  p processes in `getattr` for ms milliseconds
//   read FILE size n            O_DIRECT, from one aligned buffer, through the file and around
//   write FILE size n           O_DIRECT
//   read-buffered FILE size n   opens the file anew for each pass, which drops its pages
//   write-buffered FILE size n  through the page cache, over the same bytes again and again
//   read-cached FILE size n     the same, and write-cached, with the file open all the time
//   open-read-close FILE n      open, read 4 KiB, close
//   churn DIR n                 create, write 4 KiB, close, unlink
//   ls DIR n                    opendir, and readdir + lstat of each entry, as `ls -l` does
//   mkfiles DIR n               n empty files
//   command PROGRAM [ARG]...    runs a program once
//
// --cpu pins the client. --ms ends a loop early, after T milliseconds. --warm is the number of
// operations before the clock starts (a twentieth of n).
// Prints one line of JSON: ops, ns_total, ns_per_op (mean) and ns_median (of the batches).
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BATCHES = 20, SMALL = 4096 };

static long limit_ms;
static long warm = -1;

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

static void die(const char *what) {
  fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
  exit(1);
}

static long number(const char *text) {
  char *end;
  long value = strtol(text, &end, 10);
  if (*text == '\0' || *end != '\0' || value < 0) {
    fprintf(stderr, "client: not a number: %s\n", text);
    exit(2);
  }
  return value;
}

static int must_open(const char *path, int flags) {
  int fd = open(path, flags | O_CLOEXEC);
  if (fd < 0)
    die(path);
  return fd;
}

static char *aligned(size_t size) {
  // Anonymous pages written once: a page that was never written is the shared zero page.
  char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED)
    die("mmap");
  memset(p, 'x', size);
  return p;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static void print_result(const char *name, long ops, uint64_t total, double median) {
  printf("{\"op\":\"%s\",\"ops\":%ld,\"ns_total\":%lu,\"ns_per_op\":%.1f,\"ns_median\":%.1f}\n",
         name, ops, (unsigned long)total, ops ? (double)total / ops : 0, median);
}

struct job {
  const char *path;
  size_t size;  // bytes of one read or write
  uint64_t end; // where read and write start again
  int fd;
  char *buffer;
  long i;
};

// Run step n times in BATCHES batches.
static void repeat(const char *name, struct job *job, void (*step)(struct job *), long n) {
  long batch = n / BATCHES > 0 ? n / BATCHES : 1;
  double per_op[BATCHES + 1];
  int batches = 0;
  uint64_t total = 0;
  if (warm < 0)
    warm = batch;
  for (long i = 0; i < warm; i++, job->i++)
    step(job);
  while (batches < BATCHES && batches * batch < n) {
    uint64_t from = now();
    for (long i = 0; i < batch; i++, job->i++)
      step(job);
    uint64_t took = now() - from;
    per_op[batches++] = (double)took / batch;
    total += took;
    if (limit_ms && total > (uint64_t)limit_ms * 1000000)
      break;
  }
  qsort(per_op, batches, sizeof per_op[0], by_value);
  double median = (per_op[batches / 2] + per_op[(batches - 1) / 2]) / 2;
  print_result(name, batches * batch, total, median);
}

static void step_getattr(struct job *job) {
  struct statx st;
  // FORCE_SYNC asks the daemon whatever the timeout; on an O_PATH fd it is one GETATTR, no LOOKUP.
  if (statx(job->fd, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &st) < 0) {
    die("statx");
  }
}

static void step_stat(struct job *job) {
  struct stat st;
  if (lstat(job->path, &st) < 0)
    die(job->path);
}

static void step_lookup_negative(struct job *job) {
  char name[32];
  struct stat st;
  snprintf(name, sizeof name, "absent-%ld", job->i);
  if (fstatat(job->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT)
    die(name);
}

static uint64_t offset_of(const struct job *job) {
  return job->end ? job->i * job->size % job->end : 0;
}

static void step_read(struct job *job) {
  if (pread(job->fd, job->buffer, job->size, offset_of(job)) != (ssize_t)job->size)
    die("pread");
}

static void step_write(struct job *job) {
  if (pwrite(job->fd, job->buffer, job->size, offset_of(job)) != (ssize_t)job->size)
    die("pwrite");
}

static void step_read_buffered(struct job *job) {
  if (offset_of(job) == 0) {
    // The daemon's open without KEEP_CACHE drops the pages: every pass reads from the daemon.
    close(job->fd);
    job->fd = must_open(job->path, O_RDONLY);
  }
  step_read(job);
}

static void step_open_read_close(struct job *job) {
  int fd = must_open(job->path, O_RDONLY);
  if (read(fd, job->buffer, SMALL) <= 0)
    die("read");
  close(fd);
}

static void step_churn(struct job *job) {
  char name[32];
  snprintf(name, sizeof name, "churn-%ld", job->i);
  int fd = openat(job->fd, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
  if (fd < 0)
    die(name);
  if (write(fd, job->buffer, SMALL) != SMALL)
    die("write");
  if (close(fd) < 0)
    die("close");
  if (unlinkat(job->fd, name, 0) < 0)
    die("unlink");
}

static void step_mkfiles(struct job *job) {
  char name[32];
  snprintf(name, sizeof name, "entry-%05ld", job->i);
  int fd = openat(job->fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
  if (fd < 0)
    die(name);
  close(fd);
}

static void step_ls(struct job *job) {
  DIR *dir = opendir(job->path);
  if (dir == NULL)
    die(job->path);
  long entries = 0;
  for (struct dirent *entry; errno = 0, (entry = readdir(dir)) != NULL; entries++) {
    struct stat st;
    if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
      die(entry->d_name);
  }
  if (errno != 0)
    die("readdir");
  closedir(dir);
  job->end = entries;
}

static void parallel(const char *path, long processes, long ms) {
  struct shared {
    atomic_int ready;
    atomic_int go;
    atomic_long ops;
  } *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED)
    die("mmap");
  uint64_t length = (uint64_t)ms * 1000000;
  for (long p = 0; p < processes; p++) {
    pid_t pid = fork();
    if (pid < 0)
      die("fork");
    if (pid > 0)
      continue;
    struct job job = {.fd = must_open(path, O_PATH)};
    long ops = 0;
    step_getattr(&job);
    atomic_fetch_add(&shared->ready, 1);
    while (!atomic_load(&shared->go))
      usleep(200);
    uint64_t end = now() + length;
    for (; now() < end; ops++)
      step_getattr(&job);
    atomic_fetch_add(&shared->ops, ops);
    _exit(0);
  }
  while (atomic_load(&shared->ready) < processes) {
    int status;
    if (waitpid(-1, &status, WNOHANG) > 0)
      exit(1); // a child died; it has said why
    usleep(200);
  }
  atomic_store(&shared->go, 1);
  uint64_t from = now();
  while (wait(NULL) > 0)
    continue;
  // The last request of the last process ends after the length; the sleep before the start and
  // the scheduling at the end make less than 1 % of it.
  uint64_t took = now() - from;
  long ops = atomic_load(&shared->ops);
  print_result("getattr-parallel", ops, took, ops ? (double)took / ops : 0);
}

static uint64_t file_size(int fd, size_t size) {
  struct stat st;
  if (fstat(fd, &st) < 0)
    die("fstat");
  return st.st_size / size * size;
}

static void transfer(const char *name, const char *path, int flags, size_t size, long n,
                     void (*step)(struct job *)) {
  int writing = (flags & O_ACCMODE) != O_RDONLY;
  struct job job = {.path = path, .size = size, .fd = must_open(path, flags)};
  job.buffer = aligned(size);
  // Buffered writes stay on the same bytes: a growing page cache would be measured, too.
  if (!writing || (flags & O_DIRECT))
    job.end = file_size(job.fd, size);
  if (!writing && job.end == 0)
    errno = ENODATA, die(path);
  repeat(name, &job, step, n);
}

static void ls(const char *path, long n) {
  struct job job = {.path = path};
  warm = 0;
  repeat("ls", &job, step_ls, n);
  fprintf(stderr, "%lu entries\n", (unsigned long)job.end);
}

// The program inherits the pinning; its output goes nowhere.
static void timed_command(char **argv) {
  uint64_t from = now();
  pid_t pid = fork();
  if (pid < 0)
    die("fork");
  if (pid == 0) {
    int null = open("/dev/null", O_WRONLY);
    if (null < 0 || dup2(null, 1) < 0)
      die("/dev/null");
    execvp(argv[0], argv);
    die(argv[0]);
  }
  int status;
  if (waitpid(pid, &status, 0) < 0)
    die("waitpid");
  if (status != 0) {
    fprintf(stderr, "client: %s: status %#x\n", argv[0], status);
    exit(1);
  }
  uint64_t took = now() - from;
  print_result("command", 1, took, took);
}

static void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) < 0)
    die("sched_setaffinity");
}

static int run(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[0], "command") == 0) {
    timed_command(argv + 1);
    return 0;
  }
  if (argc < 3)
    return 2;
  const char *command = argv[0], *path = argv[1];
  long a = number(argv[2]), b = argc > 3 ? number(argv[3]) : 0;
  struct job job = {.path = path, .fd = -1};
#define IS(text, args) (strcmp(command, text) == 0 && argc == args)
  if (IS("getattr", 3)) {
    job.fd = must_open(path, O_PATH);
    repeat(command, &job, step_getattr, a);
  } else if (IS("lookup-negative", 3)) {
    job.fd = must_open(path, O_PATH | O_DIRECTORY);
    repeat(command, &job, step_lookup_negative, a);
  } else if (IS("getattr-parallel", 4)) {
    parallel(path, a, b);
  } else if (IS("read", 4)) {
    transfer(command, path, O_RDONLY | O_DIRECT, a, b, step_read);
  } else if (IS("write", 4)) {
    transfer(command, path, O_WRONLY | O_DIRECT, a, b, step_write);
  } else if (IS("read-buffered", 4)) {
    transfer(command, path, O_RDONLY, a, b, step_read_buffered);
  } else if (IS("read-cached", 4)) {
    transfer(command, path, O_RDONLY, a, b, step_read);
  } else if (IS("write-cached", 4)) {
    transfer(command, path, O_WRONLY, a, b, step_write);
  } else if (IS("write-buffered", 4)) {
    transfer(command, path, O_WRONLY | O_CREAT, a, b, step_write);
  } else if (IS("stat", 3)) {
    repeat(command, &job, step_stat, a);
  } else if (IS("open-read-close", 3)) {
    job.buffer = aligned(SMALL);
    repeat(command, &job, step_open_read_close, a);
  } else if (IS("churn", 3)) {
    job.fd = must_open(path, O_PATH | O_DIRECTORY);
    job.buffer = aligned(SMALL);
    repeat(command, &job, step_churn, a);
  } else if (IS("mkfiles", 3)) {
    job.fd = must_open(path, O_PATH | O_DIRECTORY);
    warm = 0;
    repeat(command, &job, step_mkfiles, a);
  } else if (IS("ls", 3)) {
    ls(path, a);
  } else {
    return 2;
  }
#undef IS
  return 0;
}

int main(int argc, char **argv) {
  int i = 1;
  for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
    long value = number(argv[i + 1]);
    if (strcmp(argv[i], "--cpu") == 0) {
      pin(value);
    } else if (strcmp(argv[i], "--ms") == 0) {
      limit_ms = value;
    } else if (strcmp(argv[i], "--warm") == 0) {
      warm = value;
    } else {
      break;
    }
  }
  int status = run(argc - i, argv + i);
  if (status != 0)
    fprintf(stderr, "client: see the top of test/bench/client.c for its usage\n");
  return status;
}
