// fsx FILE [-n OPS] [-s SEED] [-l LARGEST] [-v] [--no-mmap] [--no-fallocate] [--no-copy]
//
// Random operations on one file, each checked against a buffer that holds what the file
// should hold. Ends with 0 and one line of counts, or with 1, the seed and the operations that
// led to the difference. In the spirit of Apple's fsx, written anew.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/falloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOG = 200 };

enum kind {
  READ,
  WRITE,
  APPEND,
  TRUNCATE,
  MAP_READ,
  MAP_WRITE,
  PUNCH,
  ZERO,
  ALLOCATE,
  COPY,
  REOPEN,
  SYNC,
  DROP,
  SECOND,
  KINDS
};

static const char *const kind_names[KINDS] = {
    "read", "write",     "append", "truncate", "mapread", "mapwrite", "punch",
    "zero", "fallocate", "copy",   "reopen",   "fsync",   "drop",     "second",
};
// How often each is chosen, of their sum.
static const unsigned weights[KINDS] = {12, 14, 5, 7, 7, 8, 6, 5, 4, 6, 3, 2, 3, 5};

struct entry {
  unsigned long number;
  enum kind kind;
  off_t from, length, to;
};

static const char *path;
static int fd;
static unsigned char *model, *scratch;
static off_t size, largest = 256 * 1024;
static uint64_t seed = 1, state;
static struct entry history[LOG];
static struct entry *now;
static unsigned long number, counts[KINDS];
static bool off[KINDS], verbose;
static long page_mask;

static uint64_t next(void) {
  // xorshift64*, Vigna 2014
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return state * 0x2545F4914F6CDD1DULL;
}
static off_t below(off_t n) { return n <= 0 ? 0 : (off_t)((next() >> 11) % (uint64_t)n); }

// Near a page border every third time: that is where the mistakes are.
static off_t position(off_t n) {
  off_t at = below(n);
  if (below(3) != 0)
    return at;
  at = (at & ~page_mask) + below(5) - 2;
  return at < 0 ? 0 : at >= n ? (n > 0 ? n - 1 : 0) : at;
}
static off_t some_length(off_t most) {
  off_t length = 1 + position(below(4) == 0 ? 70000 : 9000);
  return length > most ? most : length;
}

static void print_entry(const struct entry *e) {
  fprintf(stderr, "%8lu %-9s from %#lx length %#lx to %#lx\n", e->number, kind_names[e->kind],
          (long)e->from, (long)e->length, (long)e->to);
}

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
static void fail(const char *format, ...) {
  __builtin_va_list list;
  unsigned long first = number >= LOG ? number - LOG + 1 : 1;
  __builtin_va_start(list, format);
  fprintf(stderr, "the last operations (size now %#lx):\n", (long)size);
  for (unsigned long i = first; i <= number; i++)
    print_entry(&history[i % LOG]);
  vfprintf(stderr, format, list);
  fprintf(stderr, "\nat operation %lu; run again with -s %llu -l %ld\n", number,
          (unsigned long long)seed, (long)largest);
  __builtin_va_end(list);
  exit(1);
}
static void check_call(const char *what, long result, long expected) {
  if (result < 0)
    fail("%s: %s", what, strerror(errno));
  if (result != expected)
    fail("%s gave %ld, not %ld", what, result, expected);
}

static void compare(const char *what, const unsigned char *got, off_t from, off_t length) {
  off_t i = 0, bad = 0, at = 0;
  if (memcmp(got, model + from, (size_t)length) == 0)
    return;
  while (got[i] == model[from + i])
    i++;
  for (at = i; i < length; i++)
    bad += got[i] != model[from + i];
  fail("%s: byte %#lx is %#x, not %#x; %ld of %ld bytes differ", what, (long)(from + at), got[at],
       model[from + at], (long)bad, (long)length);
}

static void check_size(void) {
  struct stat s;
  check_call("fstat", fstat(fd, &s), 0);
  if (s.st_size != size)
    fail("fstat says %#lx bytes, not %#lx", (long)s.st_size, (long)size);
  off_t end = lseek(fd, 0, SEEK_END);
  if (end != size)
    fail("the end is at %#lx, not %#lx", (long)end, (long)size);
}

static void note(off_t from, off_t length, off_t to) {
  now->from = from;
  now->length = length;
  now->to = to;
  if (verbose)
    print_entry(now);
}

static void grow(off_t to) {
  if (to > size) {
    memset(model + size, 0, (size_t)(to - size));
    size = to;
  }
}

static void read_with(int from_fd, const char *what) {
  off_t from = position(size + 1), asked = some_length(largest);
  off_t expected = from + asked > size ? size - from : asked;
  note(from, asked, 0);
  check_call(what, pread(from_fd, scratch, (size_t)asked, from), expected);
  compare(what, scratch, from, expected);
}
static void do_read(void) { read_with(fd, "read"); }
static void do_second(void) {
  int second = open(path, O_RDONLY);
  if (second < 0)
    fail("open: %s", strerror(errno));
  read_with(second, "read by a second descriptor");
  close(second);
}

static void write_at(off_t from, off_t length) {
  note(from, length, 0);
  for (off_t i = 0; i < length; i++)
    scratch[i] = (unsigned char)(next() >> 56);
  check_call("write", pwrite(fd, scratch, (size_t)length, from), length);
  grow(from);
  if (from + length > size)
    size = from + length;
  memcpy(model + from, scratch, (size_t)length);
}
static void do_write(void) {
  // Past the end now and then, so that a hole comes to be.
  off_t limit = below(4) == 0 ? largest : size + 1;
  off_t from = position(limit > largest ? largest : limit);
  write_at(from, some_length(largest - from));
}
static void do_append(void) {
  if (size < largest)
    write_at(size, some_length(largest - size));
}
static void do_truncate(void) {
  off_t to = position(below(2) == 0 ? largest : size + 1);
  note(0, 0, to);
  check_call("ftruncate", ftruncate(fd, to), 0);
  grow(to);
  size = to;
}

static unsigned char *map(off_t *from, off_t *length, int prot) {
  off_t page;
  *from = position(size);
  *length = some_length(size - *from);
  page = *from & ~page_mask;
  note(*from, *length, 0);
  unsigned char *at = mmap(NULL, (size_t)(*length + *from - page), prot, MAP_SHARED, fd, page);
  if (at == MAP_FAILED)
    fail("mmap: %s", strerror(errno));
  return at;
}
static void unmap(unsigned char *at, off_t from, off_t length) {
  check_call("munmap", munmap(at, (size_t)(length + (from & page_mask))), 0);
}
static void do_map_read(void) {
  off_t from, length;
  if (size == 0)
    return;
  unsigned char *at = map(&from, &length, PROT_READ);
  compare("mapread", at + (from & page_mask), from, length);
  unmap(at, from, length);
}
static void do_map_write(void) {
  off_t from, length;
  if (size == 0)
    return;
  unsigned char *at = map(&from, &length, PROT_READ | PROT_WRITE);
  for (off_t i = 0; i < length; i++)
    model[from + i] = (unsigned char)(next() >> 56);
  memcpy(at + (from & page_mask), model + from, (size_t)length);
  if (below(2) == 0)
    check_call("msync", msync(at, (size_t)(length + (from & page_mask)), MS_SYNC), 0);
  unmap(at, from, length);
}

static bool allocate(const char *what, int mode, off_t from, off_t length) {
  note(from, length, mode);
  if (fallocate(fd, mode, from, length) == 0)
    return true;
  if (errno != EOPNOTSUPP)
    fail("%s: %s", what, strerror(errno));
  off[now->kind] = true;
  printf("%s is not supported\n", what);
  return false;
}
static void clear(off_t from, off_t length) {
  if (from >= size)
    return;
  memset(model + from, 0, (size_t)(from + length > size ? size - from : length));
}
static void do_punch(void) {
  off_t from = position(size + 4096 > largest ? largest : size + 4096);
  off_t length = some_length(largest);
  if (!allocate("punch", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, length))
    return;
  clear(from, length);
}
static void do_zero(void) {
  off_t from = position(largest), length = some_length(largest - from);
  int keep = below(2) == 0 ? FALLOC_FL_KEEP_SIZE : 0;
  if (!allocate("zero", FALLOC_FL_ZERO_RANGE | keep, from, length))
    return;
  if (keep == 0)
    grow(from + length);
  clear(from, length);
}
static void do_allocate(void) {
  off_t from = position(largest), length = some_length(largest - from);
  int keep = below(2) == 0 ? FALLOC_FL_KEEP_SIZE : 0;
  if (!allocate("fallocate", keep, from, length))
    return;
  if (keep == 0)
    grow(from + length);
}
static void do_copy(void) {
  off_t from = position(size), to = position(largest);
  off_t gap = from > to ? from - to : to - from;
  off_t length = some_length(size - from < largest - to ? size - from : largest - to);
  if (length > gap)
    length = gap;
  if (length <= 0)
    return;
  note(from, length, to);
  for (off_t done = 0; done < length;) {
    off_t in = from + done, out = to + done;
    ssize_t n = copy_file_range(fd, &in, fd, &out, (size_t)(length - done), 0);
    if (n <= 0)
      fail("copy_file_range gave %zd: %s", n, n < 0 ? strerror(errno) : "too early");
    done += n;
  }
  memcpy(scratch, model + from, (size_t)length);
  grow(to);
  if (to + length > size)
    size = to + length;
  memcpy(model + to, scratch, (size_t)length);
}

static void do_reopen(void) {
  note(0, 0, 0);
  check_call("close", close(fd), 0);
  fd = open(path, O_RDWR);
  if (fd < 0)
    fail("open: %s", strerror(errno));
}
static void do_sync(void) {
  bool all = below(2) == 0;
  note(0, 0, all);
  check_call("fsync", all ? fsync(fd) : fdatasync(fd), 0);
}
// Clean pages are thrown away, so that the next read asks the file system again.
static void do_drop(void) {
  note(0, 0, 0);
  check_call("fsync", fsync(fd), 0);
  if (posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
    fail("posix_fadvise");
}

static void (*const runs[KINDS])(void) = {
    do_read, do_write,    do_append, do_truncate, do_map_read, do_map_write, do_punch,
    do_zero, do_allocate, do_copy,   do_reopen,   do_sync,     do_drop,      do_second,
};

static enum kind choose(void) {
  unsigned sum = 0;
  for (int i = 0; i < KINDS; i++)
    sum += off[i] ? 0 : weights[i];
  off_t left = below(sum);
  for (int i = 0; i < KINDS; i++) {
    unsigned weight = off[i] ? 0 : weights[i];
    if (left < weight)
      return (enum kind)i;
    left -= weight;
  }
  return READ;
}

static void step(void) {
  number++;
  now = &history[number % LOG];
  *now = (struct entry){.number = number, .kind = choose()};
  counts[now->kind]++;
  runs[now->kind]();
  check_size();
}

static void check_all(void) {
  do_reopen();
  check_call("the last read", pread(fd, scratch, (size_t)size, 0), size);
  compare("the last read", scratch, 0, size);
}

int main(int argc, char **argv) {
  static const struct option longs[] = {
      {"no-mmap", no_argument, NULL, 'M'},
      {"no-fallocate", no_argument, NULL, 'F'},
      {"no-copy", no_argument, NULL, 'C'},
      {NULL, 0, NULL, 0},
  };
  unsigned long total = 1000;
  int c;
  while ((c = getopt_long(argc, argv, "n:s:l:v", longs, NULL)) != -1)
    switch (c) {
    case 'n':
      total = strtoul(optarg, NULL, 0);
      break;
    case 's':
      seed = strtoull(optarg, NULL, 0);
      break;
    case 'l':
      largest = strtol(optarg, NULL, 0);
      break;
    case 'v':
      verbose = true;
      break;
    case 'M':
      off[MAP_READ] = off[MAP_WRITE] = true;
      break;
    case 'F':
      off[PUNCH] = off[ZERO] = off[ALLOCATE] = true;
      break;
    case 'C':
      off[COPY] = true;
      break;
    default:
      return 2;
    }
  if (optind + 1 != argc || largest < 8192) {
    fprintf(stderr, "fsx FILE [-n OPS] [-s SEED] [-l LARGEST] [-v] [--no-mmap|fallocate|copy]\n");
    return 2;
  }
  page_mask = sysconf(_SC_PAGESIZE) - 1;
  path = argv[optind];
  state = seed * 0x9E3779B97F4A7C15ULL + 1;
  model = calloc(1, (size_t)largest + 1);
  scratch = malloc((size_t)largest + 1);
  fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
  if (fd < 0 || model == NULL || scratch == NULL)
    return perror(path), 2;
  while (number < total)
    step();
  now = &history[++number % LOG];
  *now = (struct entry){.number = number, .kind = REOPEN};
  check_all();
  printf("seed %llu:", (unsigned long long)seed);
  for (int i = 0; i < KINDS; i++)
    printf(" %lu %s", counts[i], kind_names[i]);
  printf("\n");
  return 0;
}
