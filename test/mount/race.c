// race LOWER MOUNT ROUNDS
//
// LOWER has a file `f` and a folder `d` with a file `f`, of uid 65534; `flink` and `dlink` are
// symbolic links to a file and a folder outside, which only root may enter. Somebody exchanges `f`
// with `flink` and `d` with `dlink` all the time, right on LOWER, while 65534 does on MOUNT all
// that he may do with his own. Whatever reads must not see what is outside. Prints how often each
// has succeeded and failed, as JSON; ends with 1 if something from outside was seen.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { NOBODY = 65534 };

static const char *lower, *mountpoint;

static const char *in(const char *dir, const char *name) {
  static char paths[4][PATH_MAX];
  static int turn;
  char *path = paths[turn++ % 4];
  snprintf(path, PATH_MAX, "%s/%s", dir, name);
  return path;
}
static const char *on(const char *name) { return in(mountpoint, name); }

static void leak(const char *what, const char *text) {
  printf("{\"leak\":\"%s\",\"text\":\"%.40s\"}\n", what, text);
  exit(1);
}

static void exchange(void) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (;;) {
    renameat2(AT_FDCWD, in(lower, "f"), AT_FDCWD, in(lower, "flink"), RENAME_EXCHANGE);
    renameat2(AT_FDCWD, in(lower, "d"), AT_FDCWD, in(lower, "dlink"), RENAME_EXCHANGE);
    // The kernel is to see each of them.
    usleep((useconds_t)(random() % 300));
  }
}

static int get(const char *name, int flags) {
  char text[64] = "";
  int fd = open(on(name), O_RDONLY | flags);
  if (fd < 0)
    return -1;
  ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  if (n > 0 && strstr(text, "secret") != NULL)
    leak(name, text);
  return n < 0 ? -1 : 0;
}
static int put(const char *name, int flags) {
  int fd = open(on(name), O_WRONLY | flags, 0666);
  if (fd < 0)
    return -1;
  ssize_t n = write(fd, "mine", 4);
  close(fd);
  return n < 0 ? -1 : 0;
}
static int list(const char *name) {
  DIR *dir = opendir(on(name));
  struct dirent *d;
  if (dir == NULL)
    return -1;
  while ((d = readdir(dir)) != NULL)
    if (strstr(d->d_name, "secret") != NULL)
      leak(name, d->d_name);
  closedir(dir);
  return 0;
}
static int xattr_of(const char *name) {
  char value[64] = "";
  ssize_t n = getxattr(on(name), "user.x", value, sizeof value - 1);
  if (n > 0 && strstr(value, "secret") != NULL)
    leak(name, value);
  return n < 0 && errno != ENODATA ? -1 : 0;
}

static int read_f(void) { return get("f", 0); }
static int read_nofollow(void) { return get("f", O_NOFOLLOW); }
static int read_below(void) { return get("d/f", 0); }
static int write_f(void) { return put("f", 0); }
static int truncate_open(void) { return put("f", O_TRUNC); }
static int write_below(void) { return put("d/f", 0); }
static int create(void) { return put("d/new", O_CREAT); }
static int exclusive(void) { return put("d/new2", O_CREAT | O_EXCL); }
static int truncate_f(void) { return truncate(on("f"), 3); }
static int chmod_f(void) { return chmod(on("f"), 0666); }
static int chmod_below(void) { return chmod(on("d/f"), 0666); }
static int chown_f(void) { return chown(on("f"), NOBODY, NOBODY); }
static int times_f(void) { return utimensat(AT_FDCWD, on("f"), NULL, 0); }
static int set_xattr(void) { return setxattr(on("f"), "user.x", "mine", 4, 0); }
static int get_xattr(void) { return xattr_of("f"); }
static int list_d(void) { return list("d"); }
static int make_dir(void) { return mkdir(on("d/dir"), 0777); }
static int make_link(void) { return symlink("nowhere", on("d/symlink")); }
static int hard_link(void) { return link(on("f"), on("d/hard")); }
static int move_in(void) { return rename(on("own"), on("d/own")); }
static int move_out(void) { return rename(on("d/own"), on("own")); }
static int remove_f(void) { return unlink(on("d/victim")); }
static int remove_rest(void) {
  static const char *const names[] = {"d/new", "d/new2", "d/symlink", "d/hard"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    unlink(on(names[i]));
  return rmdir(on("d/dir"));
}

static const struct {
  const char *name;
  int (*run)(void);
} acts[] = {
    {"read", read_f},
    {"read without following", read_nofollow},
    {"read below", read_below},
    {"write", write_f},
    {"open with O_TRUNC", truncate_open},
    {"write below", write_below},
    {"create", create},
    {"create exclusively", exclusive},
    {"truncate", truncate_f},
    {"chmod", chmod_f},
    {"chmod below", chmod_below},
    {"chown", chown_f},
    {"utimensat", times_f},
    {"setxattr", set_xattr},
    {"getxattr", get_xattr},
    {"list", list_d},
    {"mkdir", make_dir},
    {"symlink", make_link},
    {"link", hard_link},
    {"rename into", move_in},
    {"rename out of", move_out},
    {"unlink", remove_f},
    {"remove", remove_rest},
};
enum { ACTS = sizeof acts / sizeof *acts };

static void victim(int rounds) {
  unsigned ok[ACTS] = {0}, failed[ACTS] = {0};
  if (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
      setresuid(NOBODY, NOBODY, NOBODY) != 0)
    exit(2);
  for (int round = 0; round < rounds; round++)
    for (int i = 0; i < ACTS; i++)
      (acts[i].run() == 0 ? ok : failed)[i]++;
  for (int i = 0; i < ACTS; i++)
    printf("%s\"%s\":[%u,%u]", i == 0 ? "{" : ",", acts[i].name, ok[i], failed[i]);
  printf("}\n");
  exit(0);
}

int main(int argc, char **argv) {
  int status;
  if (argc != 4)
    return 2;
  lower = argv[1];
  mountpoint = argv[2];
  umask(0);
  pid_t attacker = fork();
  if (attacker == 0)
    exchange();
  pid_t pid = fork();
  if (pid == 0)
    victim(atoi(argv[3]));
  waitpid(pid, &status, 0);
  kill(attacker, SIGKILL);
  waitpid(attacker, NULL, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}
