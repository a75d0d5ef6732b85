// locks FILE KIND [-w WORKERS] [-n ROUNDS]
//
// Several processes count in the records of one file, each under a lock of its KIND: `fcntl` and
// `ofd` lock the record alone, `flock` the whole file. A record is the same number twice, written
// by two calls, so that whoever comes in between sees it. Now and then somebody dies with a lock.
// Ends with 0, or with 1 where a count was lost, a lock not exclusive, or never given back.
#define _GNU_SOURCE
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RECORDS = 8, PATIENCE = 120 };

struct record {
  uint64_t first, second;
};

static const char *path, *kind;
static int fd, rounds = 200, workers = 4;

static void must(bool ok, const char *what) {
  if (ok)
    return;
  perror(what);
  exit(1);
}

static off_t offset(int i) { return i * (off_t)sizeof(struct record); }

static void lock(int i, short type) {
  static const int how[] = {[F_RDLCK] = LOCK_SH, [F_WRLCK] = LOCK_EX, [F_UNLCK] = LOCK_UN};
  if (strcmp(kind, "flock") == 0) {
    must(flock(fd, how[type]) == 0, "flock");
    return;
  }
  struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = offset(i)};
  l.l_len = sizeof(struct record);
  must(fcntl(fd, strcmp(kind, "ofd") == 0 ? F_OFD_SETLKW : F_SETLKW, &l) == 0, "fcntl");
}

static struct record get(int i) {
  struct record r;
  must(pread(fd, &r, sizeof r, offset(i)) == sizeof r, "pread");
  if (r.first == r.second)
    return r;
  fprintf(stderr, "record %d under a lock is %llu and %llu\n", i, (unsigned long long)r.first,
          (unsigned long long)r.second);
  exit(1);
}
static void put(int i, uint64_t value) {
  ssize_t half = sizeof value;
  must(pwrite(fd, &value, sizeof value, offset(i)) == half, "pwrite");
  must(pwrite(fd, &value, sizeof value, offset(i) + half) == half, "pwrite");
}

static void reopen(void) {
  close(fd);
  fd = open(path, O_RDWR);
  must(fd >= 0, path);
}

static void die_with_lock(int i) {
  pid_t pid = fork();
  must(pid >= 0, "fork");
  if (pid == 0) {
    reopen();
    lock(i, F_WRLCK);
    _exit(0);
  }
  must(waitpid(pid, NULL, 0) == pid, "waitpid");
}

static void work(unsigned who) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  alarm(PATIENCE);
  reopen();
  srandom(who + 1);
  for (int round = 0; round < rounds; round++) {
    int i = (int)(random() % RECORDS);
    if (random() % 50 == 0)
      die_with_lock(i);
    lock(i, F_WRLCK);
    put(i, get(i).first + 1);
    lock(i, F_UNLCK);
    i = (int)(random() % RECORDS);
    lock(i, F_RDLCK);
    get(i);
    lock(i, F_UNLCK);
  }
  exit(0);
}

int main(int argc, char **argv) {
  uint64_t sum = 0;
  int c, status, result = 0;
  while ((c = getopt(argc, argv, "w:n:")) != -1) {
    if (c == 'w')
      workers = atoi(optarg);
    else if (c == 'n')
      rounds = atoi(optarg);
    else
      return 2;
  }
  if (optind + 2 != argc)
    return 2;
  path = argv[optind];
  kind = argv[optind + 1];
  fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
  must(fd >= 0, path);
  must(ftruncate(fd, offset(RECORDS)) == 0, "ftruncate");
  for (int i = 0; i < workers; i++) {
    pid_t pid = fork();
    must(pid >= 0, "fork");
    if (pid == 0)
      work((unsigned)i);
  }
  while (wait(&status) > 0)
    if (status != 0)
      result = 1;
  for (int i = 0; i < RECORDS; i++)
    sum += get(i).first;
  if (sum == (uint64_t)workers * (uint64_t)rounds)
    return result;
  fprintf(stderr, "%llu were counted, not %d\n", (unsigned long long)sum, workers * rounds);
  return 1;
}
