// listing DIR [-k KEPT] [-n ROUNDS] [-s SEED]
//
// Two processes make, rename and remove files and folders in DIR for as long as two others list it,
// ROUNDS times each, with buffers of any size, and now and then from a place further back: whatever
// was there all the time is in each listing exactly once, with its number and its type. Ends with
// 0, or with 1 and what was wrong.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAIRS = 2, NAMES = 300, MOST = 65536 };

struct linux_dirent64 {
  uint64_t d_ino;
  int64_t d_off;
  unsigned short d_reclen;
  unsigned char d_type;
  char d_name[];
};

static const char *dir;
static int kept = 3000, rounds = 100;
static uint64_t state = 1;
static uint64_t *inos;
static int *seen;
static char buffer[MOST] __attribute__((aligned(8)));

static uint64_t below(uint64_t n) {
  // xorshift64*, Vigna 2014
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return (state * 0x2545F4914F6CDD1DULL >> 11) % n;
}

static void fail(const char *what, const char *name) {
  fprintf(stderr, "%s: %s: %s\n", what, name, errno == 0 ? "" : strerror(errno));
  exit(1);
}
// What nobody else does may not fail.
static void must(long result, const char *what, const char *name) {
  if (result < 0)
    fail(what, name);
}

static void kept_name(char *name, int i) {
  // Long ones now and then: a listing of short names alone would need few requests.
  sprintf(name, "kept-%d%.*s", i, i % 5 * 20,
          "--------------------------------------------------"
          "------------------------------");
}

static void make_kept(void) {
  char name[NAME_MAX];
  struct stat st;
  inos = calloc((size_t)kept, sizeof *inos);
  seen = calloc((size_t)kept, sizeof *seen);
  for (int i = 0; i < kept; i++) {
    kept_name(name, i);
    int fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
    must(fd, "create", name);
    must(fstat(fd, &st), "fstat", name);
    close(fd);
    inos[i] = st.st_ino;
  }
}

// Until it is killed. Each has names of its own, so that it knows how each of its calls must end.
static void churn(int who) {
  static bool there[NAMES];
  char name[64], other[64];
  for (;;) {
    int i = (int)below(NAMES), j = (int)below(NAMES);
    bool folder = i % 10 == 0;
    snprintf(name, sizeof name, "gone-%d-%d", who, i);
    snprintf(other, sizeof other, "gone-%d-%d", who, j);
    if (!there[i]) {
      int fd = folder ? mkdir(name, 0755) : open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
      must(fd, "make", name);
      if (!folder)
        close(fd);
      there[i] = true;
    } else if (i != j && folder == (j % 10 == 0) && below(2) == 0) {
      must(rename(name, other), "rename", name);
      there[i] = false;
      there[j] = true;
    } else {
      must(folder ? rmdir(name) : unlink(name), "remove", name);
      there[i] = false;
    }
  }
}

static void take(const struct linux_dirent64 *d) {
  char name[NAME_MAX];
  int i;
  if (sscanf(d->d_name, "kept-%d", &i) != 1) {
    if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0 &&
        strncmp(d->d_name, "gone-", 5) != 0)
      fail("nobody has made this", d->d_name);
    return;
  }
  kept_name(name, i);
  if (i < 0 || i >= kept || strcmp(name, d->d_name) != 0)
    fail("nobody has made this", d->d_name);
  if (d->d_ino != inos[i])
    fail("its number is another", name);
  if (d->d_type != DT_REG)
    fail("its type is another", name);
  seen[i]++;
}

// Once from its start to its end; `back` goes back to a place halfway, once, and forgets what came
// behind it.
static void list(size_t length, bool back) {
  long n;
  int turn = 0, until = 1 + (int)below(20);
  int64_t cookie = -1, last = 0;
  int *then = malloc((size_t)kept * sizeof *then);
  int fd = open(".", O_RDONLY | O_DIRECTORY);
  must(fd, "open", dir);
  memset(seen, 0, (size_t)kept * sizeof *seen);
  while ((n = syscall(SYS_getdents64, fd, buffer, length)) > 0) {
    for (long at = 0; at < n;) {
      struct linux_dirent64 *d = (struct linux_dirent64 *)(buffer + at);
      take(d);
      at += d->d_reclen;
      last = d->d_off;
    }
    turn++;
    if (back && turn == until) {
      cookie = last;
      memcpy(then, seen, (size_t)kept * sizeof *then);
    }
    if (cookie != -1 && turn == 2 * until) {
      must(lseek(fd, cookie, SEEK_SET), "lseek", dir);
      memcpy(seen, then, (size_t)kept * sizeof *then);
    }
  }
  must(n, "getdents", dir);
  free(then);
  close(fd);
}

static void check_seen(size_t length, bool back) {
  char name[NAME_MAX], what[128];
  for (int i = 0; i < kept; i++) {
    if (seen[i] == 1)
      continue;
    kept_name(name, i);
    snprintf(what, sizeof what, "seen %d times by buffers of %zu bytes%s", seen[i], length,
             back ? ", going back" : "");
    errno = 0;
    fail(what, name);
  }
}

static void lists(void) {
  struct stat st;
  char name[NAME_MAX];
  for (int round = 0; round < rounds; round++) {
    // Each third by what glibc asks for.
    size_t length = below(3) == 0 ? 32768 : 300 + below(MOST - 300);
    bool back = below(3) == 0;
    list(length, back);
    check_seen(length, back);
    int i = (int)below((uint64_t)kept);
    kept_name(name, i);
    must(stat(name, &st), "stat", name);
    errno = 0;
    if (st.st_ino != inos[i])
      fail("stat says another number", name);
  }
}

static pid_t start(int who) {
  pid_t pid = fork();
  must(pid, "fork", dir);
  if (pid != 0)
    return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  state = state * 1000 + (uint64_t)who + 1;
  if (who < PAIRS)
    churn(who);
  lists();
  exit(0);
}

int main(int argc, char **argv) {
  int c, status, result = 0;
  pid_t pids[2 * PAIRS];
  while ((c = getopt(argc, argv, "k:n:s:")) != -1) {
    if (c == 'k')
      kept = atoi(optarg);
    else if (c == 'n')
      rounds = atoi(optarg);
    else if (c == 's')
      state = strtoull(optarg, NULL, 0);
    else
      return 2;
  }
  if (optind + 1 != argc || kept < 1 || rounds < 1 || state == 0)
    return 2;
  dir = argv[optind];
  must(chdir(dir), "chdir", dir);
  make_kept();
  for (int i = 0; i < 2 * PAIRS; i++)
    pids[i] = start(i);
  // Those that list end by themselves; the others only where something is wrong.
  for (int listing = PAIRS; listing > 0 && result == 0;) {
    pid_t pid = wait(&status);
    result = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    if (pid == pids[PAIRS] || pid == pids[PAIRS + 1])
      listing--;
  }
  for (int i = 0; i < 2 * PAIRS; i++)
    kill(pids[i], SIGKILL);
  while (wait(NULL) > 0)
    continue;
  return result;
}
