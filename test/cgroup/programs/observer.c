// Populates and empties cgroups on command, and counts by itself how often each became populated and empty,
// so that somebody else's count can be held against it.
//
//     observer DIRECTORY...     reads 16-bit numbers of directories from stdin, and turns each: a process in,
//     or out
//
// At the end of stdin it empties all of them and prints, for each, how often it was seen populated and how
// often empty.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct cgroup {
  int directory;
  int events;
  pid_t child;
  int populated;
  long seen[2];
};

static void die(const char* what) {
  perror(what);
  exit(1);
}

static void look(struct cgroup* cgroup) {
  char text[256];
  ssize_t length = pread(cgroup->events, text, sizeof text - 1, 0);
  if (length < 0) die("cgroup.events");
  text[length] = 0;
  int populated = strstr(text, "populated 1") != NULL;
  if (populated == cgroup->populated) return;
  cgroup->populated = populated;
  cgroup->seen[populated]++;
}

static void turn(struct cgroup* cgroup) {
  look(cgroup);
  if (cgroup->child > 0) {
    kill(cgroup->child, SIGKILL);
    if (waitpid(cgroup->child, NULL, 0) < 0) die("waitpid");
    cgroup->child = 0;
  } else {
    struct clone_args args = {
        .flags = CLONE_INTO_CGROUP,
        .exit_signal = SIGCHLD,
        .cgroup = (uint64_t)cgroup->directory,
    };
    cgroup->child = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    if (cgroup->child < 0) die("clone3");
    if (cgroup->child == 0)
      for (;;) pause();
  }
  look(cgroup);
}

int main(int count, char** paths) {
  int number = count - 1;
  struct cgroup* cgroups = calloc((size_t)number, sizeof *cgroups);
  struct pollfd* polled = calloc((size_t)number + 1, sizeof *polled);
  polled[number] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
  for (int i = 0; i < number; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/cgroup.events", paths[i + 1]);
    cgroups[i].directory = open(paths[i + 1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cgroups[i].events = open(path, O_RDONLY | O_CLOEXEC);
    if (cgroups[i].directory < 0 || cgroups[i].events < 0) die(path);
    look(&cgroups[i]);
    polled[i] = (struct pollfd){.fd = cgroups[i].events, .events = POLLPRI};
  }
  for (;;) {
    if (poll(polled, (nfds_t)number + 1, -1) < 0) die("poll");
    for (int i = 0; i < number; i++)
      if ((polled[i].revents & POLLPRI) != 0) look(&cgroups[i]);
    if (polled[number].revents == 0) continue;
    uint16_t commands[256];
    ssize_t length = read(STDIN_FILENO, commands, sizeof commands);
    if (length <= 0) break;
    for (ssize_t i = 0; i < length / 2; i++)
      if (commands[i] < number) turn(&cgroups[commands[i]]);
  }
  for (int i = 0; i < number; i++) {
    if (cgroups[i].child > 0) turn(&cgroups[i]);
    printf("%ld %ld\n", cgroups[i].seen[1], cgroups[i].seen[0]);
  }
  return 0;
}
