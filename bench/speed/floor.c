// The floor: what the kernel itself takes. A raw socket, nothing parsed that need not be, no library.
//   floor dump route|link REPEAT [check]    floor write add|del COUNT WINDOW    floor get COUNT
//   floor open COUNT                        floor monitor RCVBUF
// Prints one line of JSON. Interface: v0 of the namespace it runs in.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static double cpu(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return r.ru_utime.tv_sec + r.ru_utime.tv_usec * 1e-6 + r.ru_stime.tv_sec + r.ru_stime.tv_usec * 1e-6;
}

static void must(int ok, const char* what) {
  if (ok) return;
  perror(what);
  exit(1);
}

static int by_value(const void* a, const void* b) {
  double x = *(const double*)a, y = *(const double*)b;
  return x < y ? -1 : x > y;
}

static int open_socket(void) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  struct sockaddr_nl address = {.nl_family = AF_NETLINK};
  must(fd >= 0 && bind(fd, (void*)&address, sizeof address) == 0, "socket");
  return fd;
}

struct request {
  struct nlmsghdr header;
  union {
    struct rtmsg route;
    struct ifinfomsg link;
  };
  struct rtattr attribute;
  uint32_t value;
};

static struct request ask(int link, int flags) {
  struct request q;
  memset(&q, 0, sizeof q);
  size_t body = link ? sizeof q.link : sizeof q.route;
  q.header.nlmsg_len = NLMSG_LENGTH(body);
  q.header.nlmsg_type = link ? RTM_GETLINK : RTM_GETROUTE;
  q.header.nlmsg_flags = NLM_F_REQUEST | flags;
  q.header.nlmsg_seq = 1;
  if (link) {
    q.header.nlmsg_len += 8;
    q.attribute.rta_len = 8;
    q.attribute.rta_type = IFLA_EXT_MASK;
    q.value = 1 << 3;  // RTEXT_FILTER_SKIP_STATS, as `ip link` and cofferdam ask
  } else {
    q.route.rtm_family = AF_INET;
  }
  return q;
}

static int is_done(const char* buffer, ssize_t length) {
  const struct nlmsghdr* first = (const void*)buffer;
  const struct nlmsghdr* last = (const void*)(buffer + length - 20);
  return first->nlmsg_type == NLMSG_DONE ||
         (length >= 20 && last->nlmsg_type == NLMSG_DONE && last->nlmsg_len == 20);
}

static int dump(int link, int repeat, int check) {
  static char buffer[32768];
  double *took = malloc(repeat * sizeof *took), busy = cpu();
  long count = 0;
  uint32_t sum = 0;
  int fd = open_socket();
  for (int i = 0; i < repeat; i++) {
    struct request q = ask(link, NLM_F_DUMP);
    double start = seconds();
    must(send(fd, &q, q.header.nlmsg_len, 0) > 0, "send");
    for (;;) {
      ssize_t length = recv(fd, buffer, sizeof buffer, 0);
      must(length > 0, "recv");
      if (check) {
        ssize_t left = length;
        for (struct nlmsghdr* h = (void*)buffer; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
          if (h->nlmsg_type != RTM_NEWROUTE) continue;
          count++;
          struct rtattr* a = RTM_RTA(NLMSG_DATA(h));
          int rest = RTM_PAYLOAD(h);
          uint32_t dst = 0, oif = 0;
          for (; RTA_OK(a, rest); a = RTA_NEXT(a, rest)) {
            if (a->rta_type == RTA_DST) dst = ntohl(*(uint32_t*)RTA_DATA(a));
            if (a->rta_type == RTA_OIF) oif = *(uint32_t*)RTA_DATA(a);
          }
          if (dst >> 24 == 10) sum += dst + oif;  // the others have routes of the local table, or have not
        }
      }
      if (is_done(buffer, length)) break;
    }
    took[i] = seconds() - start;
  }
  qsort(took, repeat, sizeof *took, by_value);
  printf("{\"seconds\":%.7f,\"cpu\":%.6f", took[repeat / 2], cpu() - busy);
  if (check) printf(",\"count\":%ld,\"sum\":%u", count, sum);
  printf("}\n");
  return 0;
}

struct write {
  struct nlmsghdr header;
  struct rtmsg route;
  struct rtattr to;
  uint32_t dst;
  struct rtattr out;
  uint32_t oif;
};

static int write_routes(int del, uint32_t count, uint32_t window) {
  int fd = open_socket(), size = 8 << 20, one = 1;
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
  setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one);
  uint32_t oif = if_nametoindex("v0"), refused = 0;
  struct write* batch = calloc(window, sizeof *batch);
  char answer[65536];
  double start = seconds(), busy = cpu();
  for (uint32_t i = 0; i < count;) {
    uint32_t k = 0;
    for (; k < window && i < count; k++, i++) {
      int last = k == window - 1 || i == count - 1;
      batch[k] =
          (struct write){.header = {.nlmsg_len = sizeof(struct write),
                                    .nlmsg_type = del ? RTM_DELROUTE : RTM_NEWROUTE,
                                    .nlmsg_flags = NLM_F_REQUEST | (del ? 0 : NLM_F_CREATE | NLM_F_EXCL) |
                                                   (last ? NLM_F_ACK : 0),
                                    .nlmsg_seq = i + 1},
                         .route = {.rtm_family = AF_INET,
                                   .rtm_dst_len = 32,
                                   .rtm_table = RT_TABLE_MAIN,
                                   .rtm_protocol = del ? 0 : RTPROT_BOOT,
                                   .rtm_scope = del ? RT_SCOPE_NOWHERE : RT_SCOPE_LINK,
                                   .rtm_type = del ? 0 : RTN_UNICAST},
                         .to = {8, RTA_DST},
                         .dst = htonl(0x0a000000u + i),
                         .out = {8, RTA_OIF},
                         .oif = oif};
    }
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    must(sendto(fd, batch, k * sizeof *batch, 0, (void*)&kernel, sizeof kernel) > 0, "send");
    for (int acknowledged = 0; !acknowledged;) {
      ssize_t length = recv(fd, answer, sizeof answer, 0);
      must(length > 0, "recv");
      for (struct nlmsghdr* h = (void*)answer; NLMSG_OK(h, length); h = NLMSG_NEXT(h, length)) {
        struct nlmsgerr* e = NLMSG_DATA(h);
        if (e->error) refused++;
        if (h->nlmsg_seq == i) acknowledged = 1;
      }
    }
  }
  printf("{\"seconds\":%.7f,\"cpu\":%.6f,\"count\":%u,\"refused\":%u}\n", seconds() - start, cpu() - busy,
         count, refused);
  return 0;
}

static int get_links(int count) {
  static char buffer[32768];
  int fd = open_socket();
  struct request q = ask(1, 0);
  q.link.ifi_index = if_nametoindex("v0");
  double *took = malloc(count * sizeof *took), start = seconds();
  for (int i = 0; i < count; i++) {
    double begun = seconds();
    q.header.nlmsg_seq = i + 1;
    must(send(fd, &q, q.header.nlmsg_len, 0) > 0 && recv(fd, buffer, sizeof buffer, 0) > 0, "get");
    took[i] = seconds() - begun;
  }
  double total = seconds() - start;
  qsort(took, count, sizeof *took, by_value);
  printf("{\"seconds\":%.7f,\"p50\":%.2f,\"p99\":%.2f}\n", total, took[count / 2] * 1e6,
         took[count * 99 / 100] * 1e6);
  return 0;
}

static int open_close(int count) {
  double start = seconds();
  for (int i = 0; i < count; i++) close(open_socket());
  printf("{\"seconds\":%.7f}\n", seconds() - start);
  return 0;
}

static volatile sig_atomic_t stopped;
static void stop(int number) {
  (void)number;
  stopped = 1;
}

static int monitor(int receive_buffer) {
  static char buffer[65536];
  int fd = open_socket(), group = RTNLGRP_IPV4_ROUTE;
  if (receive_buffer) setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer);
  setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group);
  struct sigaction action = {.sa_handler = stop};
  sigaction(SIGTERM, &action, NULL);
  struct timeval patience = {0, 200000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  fprintf(stderr, "ready\n");
  long count = 0, overruns = 0;
  double busy = cpu();
  while (!stopped) {
    ssize_t length = recv(fd, buffer, sizeof buffer, 0);
    if (length > 0)
      count++;
    else if (errno == ENOBUFS)
      overruns++;
  }
  printf("{\"count\":%ld,\"overruns\":%ld,\"cpu\":%.6f}\n", count, overruns, cpu() - busy);
  return 0;
}

int main(int argc, char** argv) {
  int number = argc > 3 ? atoi(argv[3]) : 1;
  if (argc > 3 && !strcmp(argv[1], "dump")) return dump(!strcmp(argv[2], "link"), number, argc > 4);
  if (argc > 4 && !strcmp(argv[1], "write"))
    return write_routes(!strcmp(argv[2], "del"), number, atoi(argv[4]));
  if (argc > 2 && !strcmp(argv[1], "get")) return get_links(atoi(argv[2]));
  if (argc > 2 && !strcmp(argv[1], "open")) return open_close(atoi(argv[2]));
  if (argc > 2 && !strcmp(argv[1], "monitor")) return monitor(atoi(argv[2]));
  fprintf(stderr, "usage: see the head of floor.c\n");
  return 2;
}
