// The least that a disposable system takes, in C, with nothing checked twice and nobody to clean up: a
// cgroup, clone3(2) into it with seven namespaces, id maps, an overlay over a layer on a tmpfs, /proc, lo up,
// pivot_root, exec of a static program, wait, rmdir. Prints microseconds, one line for each round.
//
//     floor cold COUNT CGROUP LAYER
//     floor veth COUNT CGROUP LAYER BRIDGE      and with a network of its own
//     floor reclaim COUNT CGROUP PROCESSES      from the kill of so many in a cgroup and a pid namespace to
//     its rmdir floor exec COUNT PROGRAM...               runs a program of others', and waits for it
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "floor-net.h"

static void die(const char* what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static void put(pid_t pid, const char* file, const char* text) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) die(path);
  close(fd);
}

static void child(int go, const char* layer, int network) {
  char byte;
  if (read(go, &byte, 1) != 1) _exit(90);
  if (mount("", "/", "", MS_REC | MS_PRIVATE, 0) < 0) die("private");
  int layer_fd = open(layer, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (mount("none", "/mnt", "tmpfs", 0, "mode=755") < 0) die("tmpfs");
  if (chdir("/mnt") < 0) die("/mnt");
  mkdir("upper", 0755);
  mkdir("work", 0755);
  mkdir("root", 0755);
  char options[256];
  snprintf(options, sizeof options, "lowerdir=/proc/self/fd/%d,upperdir=upper,workdir=work,userxattr",
           layer_fd);
  if (mount("none", "root", "overlay", 0, options) < 0) die("overlay");
  if (chdir("root") < 0 || mount("none", "proc", "proc", 0, 0) < 0) die("proc");
  if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
    die("pivot_root");
  int socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
  if (ioctl(socket_fd, SIOCSIFFLAGS, &request) < 0) die("lo");
  close(socket_fd);
  if (network) configure();
  char *words[] = {"true", 0}, *none[] = {0};
  execve("/true", words, none);
  die("execve");
}

static pid_t born_in(int cgroup, uint64_t namespaces, int* pidfd) {
  struct clone_args arguments = {
      .flags = namespaces | CLONE_PIDFD | CLONE_INTO_CGROUP,
      .pidfd = (uintptr_t)pidfd,
      .exit_signal = SIGCHLD,
      .cgroup = cgroup,
  };
  pid_t pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0) die("clone3");
  return pid;
}

static int make_cgroup(char* path, size_t size, const char* group, int round) {
  snprintf(path, size, "%s/floor-%d-%d", group, getpid(), round);
  if (mkdir(path, 0755) < 0) die(path);
  return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void remove_cgroup(const char* path) {
  while (rmdir(path) < 0)
    if (errno != EBUSY) die("rmdir");
}

static void cold(int round, const char* group, const char* layer, const char* bridge) {
  char path[512];
  double start = now();
  int cgroup = make_cgroup(path, sizeof path, group, round), pidfd = -1, go[2];
  if (pipe2(go, O_CLOEXEC) < 0) die("pipe2");
  pid_t pid = born_in(cgroup,
                      CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC |
                          CLONE_NEWUSER | CLONE_NEWCGROUP,
                      &pidfd);
  if (pid == 0) child(go[0], layer, bridge != NULL);
  put(pid, "uid_map", "0 0 65536\n");
  put(pid, "gid_map", "0 0 65536\n");
  int route = -1, tables = -1;
  if (bridge != NULL) {
    tables = netlink(NETLINK_NETFILTER);
    add_table(tables);
    route = netlink(NETLINK_ROUTE);
    add_pair(route, "floor0", if_nametoindex(bridge), pid);
  }
  if (write(go[1], "x", 1) != 1) die("write");
  int status;
  if (waitpid(pid, &status, 0) != pid || status != 0) die("true");
  close(cgroup);
  remove_cgroup(path);
  if (bridge != NULL) {
    delete_table(tables);
    delete_link(route, "floor0");
    close(route);
    close(tables);
  }
  close(pidfd);
  close(go[0]);
  close(go[1]);
  printf("%.1f\n", now() - start);
}

static void reclaim(int round, const char* group, int processes) {
  char path[512], kill_path[600];
  int cgroup = make_cgroup(path, sizeof path, group, round), pidfd = -1, ready[2];
  snprintf(kill_path, sizeof kill_path, "%s/cgroup.kill", path);
  if (pipe2(ready, O_CLOEXEC) < 0) die("pipe2");
  pid_t pid = born_in(cgroup, CLONE_NEWPID, &pidfd);
  if (pid == 0) {
    for (int i = 0; i < processes; i++) {
      char* words[] = {"sleep", "1000", 0};
      // Programs, as what is to be reclaimed mostly is.
      if (fork() == 0) {
        execv("/bin/sleep", words);
        _exit(1);
      }
    }
    if (write(ready[1], "x", 1) != 1) _exit(1);
    for (;;) pause();
  }
  char byte;
  if (read(ready[0], &byte, 1) != 1) die("read");
  double start = now();
  kill(pid, SIGKILL);
  int fd = open(kill_path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, "1", 1) != 1) die("cgroup.kill");
  close(fd);
  if (waitpid(pid, NULL, 0) != pid) die("waitpid");
  close(cgroup);
  remove_cgroup(path);
  printf("%.1f\n", now() - start);
  close(pidfd);
  close(ready[0]);
  close(ready[1]);
}

static void others(char** words) {
  double start = now();
  pid_t pid = vfork();
  if (pid == 0) {
    execvp(words[0], words);
    _exit(127);
  }
  int status;
  if (waitpid(pid, &status, 0) != pid || status != 0) {
    fprintf(stderr, "%s: status %x\n", words[0], status);
    exit(1);
  }
  printf("%.1f\n", now() - start);
}

int main(int count, char** words) {
  if (count < 4) return 2;
  const char* mode = words[1];
  for (int round = atoi(words[2]); round > 0; round--) {
    if (strcmp(mode, "exec") == 0) {
      others(words + 3);
    } else if (count < 5) {
      return 2;
    } else if (strcmp(mode, "reclaim") == 0) {
      reclaim(round, words[3], atoi(words[4]));
    } else {
      cold(round, words[3], words[4], words[5]);
    }
    fflush(stdout);
  }
  return 0;
}
