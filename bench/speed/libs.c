// Peers in C: libmnl and libnl-route.
//   libs mnl-dump    libs mnl-write add|del COUNT WINDOW    libs nl-dump route|link
#define _GNU_SOURCE
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/route.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

struct route {
  uint32_t dst, gateway, oif, table, metric, prefsrc;
  struct rtmsg header;
};
static struct route* routes;
static size_t used, room;

static int on_attribute(const struct nlattr* attribute, void* data) {
  const struct nlattr** table = data;
  if (mnl_attr_type_valid(attribute, RTA_MAX) >= 0) table[mnl_attr_get_type(attribute)] = attribute;
  return MNL_CB_OK;
}

static uint32_t u32_of(const struct nlattr* attribute) {
  return attribute ? mnl_attr_get_u32(attribute) : 0;
}

static int on_route(const struct nlmsghdr* message, void* data) {
  (void)data;
  const struct nlattr* table[RTA_MAX + 1] = {0};
  struct rtmsg* header = mnl_nlmsg_get_payload(message);
  mnl_attr_parse(message, sizeof *header, on_attribute, table);
  if (used == room) {
    room = room ? room * 2 : 1024;
    routes = realloc(routes, room * sizeof *routes);
  }
  routes[used++] = (struct route){u32_of(table[RTA_DST]),
                                  u32_of(table[RTA_GATEWAY]),
                                  u32_of(table[RTA_OIF]),
                                  u32_of(table[RTA_TABLE]),
                                  u32_of(table[RTA_PRIORITY]),
                                  u32_of(table[RTA_PREFSRC]),
                                  *header};
  return MNL_CB_OK;
}

static int mnl_dump(void) {
  static char buffer[1 << 16];
  struct mnl_socket* socket = mnl_socket_open(NETLINK_ROUTE);
  if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) return 1;
  struct nlmsghdr* request = mnl_nlmsg_put_header(buffer);
  request->nlmsg_type = RTM_GETROUTE;
  request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request->nlmsg_seq = 1;
  struct rtmsg* header = mnl_nlmsg_put_extra_header(request, sizeof *header);
  header->rtm_family = AF_INET;
  double start = seconds();
  if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0) return 1;
  for (;;) {
    ssize_t length = mnl_socket_recvfrom(socket, buffer, sizeof buffer);
    if (length <= 0 || mnl_cb_run(buffer, length, 1, mnl_socket_get_portid(socket), on_route, NULL) <= 0)
      break;
  }
  double took = seconds() - start;
  uint32_t sum = 0;
  for (size_t i = 0; i < used; i++)
    if (ntohl(routes[i].dst) >> 24 == 10) sum += ntohl(routes[i].dst) + routes[i].oif;
  printf("{\"seconds\":%.7f,\"count\":%zu,\"sum\":%u}\n", took, used, sum);
  return 0;
}

static int answered;
static int on_answer(const struct nlmsghdr* message, void* data) {
  (void)data;
  struct nlmsgerr* answer = mnl_nlmsg_get_payload(message);
  answered++;
  if (answer->error) exit(1);
  return MNL_CB_STOP;
}

static int mnl_write(int del, int count, int window) {
  static mnl_cb_t control[NLMSG_MIN_TYPE] = {[NLMSG_ERROR] = on_answer};
  static char answer[65536];
  struct mnl_socket* socket = mnl_socket_open(NETLINK_ROUTE);
  if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) return 1;
  int size = 4 << 20;
  setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
  uint32_t oif = if_nametoindex("v0");
  size_t limit = window * 44;
  char* buffer = malloc(limit + 4096);
  double start = seconds();
  for (int i = 0; i < count;) {
    struct mnl_nlmsg_batch* batch = mnl_nlmsg_batch_start(buffer, limit);
    int sent = 0;
    for (; sent < window && i < count; sent++, i++) {
      struct nlmsghdr* message = mnl_nlmsg_put_header(mnl_nlmsg_batch_current(batch));
      message->nlmsg_type = del ? RTM_DELROUTE : RTM_NEWROUTE;
      message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | (del ? 0 : NLM_F_CREATE | NLM_F_EXCL);
      message->nlmsg_seq = i;
      struct rtmsg* header = mnl_nlmsg_put_extra_header(message, sizeof *header);
      header->rtm_family = AF_INET;
      header->rtm_dst_len = 32;
      header->rtm_table = RT_TABLE_MAIN;
      header->rtm_scope = del ? RT_SCOPE_NOWHERE : RT_SCOPE_LINK;
      if (!del) {
        header->rtm_protocol = RTPROT_BOOT;
        header->rtm_type = RTN_UNICAST;
      }
      mnl_attr_put_u32(message, RTA_DST, htonl(0x0a000000u + i));
      mnl_attr_put_u32(message, RTA_OIF, oif);
      mnl_nlmsg_batch_next(batch);
    }
    if (mnl_socket_sendto(socket, mnl_nlmsg_batch_head(batch), mnl_nlmsg_batch_size(batch)) < 0) return 1;
    for (answered = 0; answered < sent;) {
      ssize_t length = mnl_socket_recvfrom(socket, answer, sizeof answer);
      if (length < 0) return 1;
      mnl_cb_run2(answer, length, 0, 0, NULL, NULL, control, NLMSG_MIN_TYPE);
    }
    mnl_nlmsg_batch_stop(batch);
  }
  printf("{\"seconds\":%.7f,\"count\":%d}\n", seconds() - start, count);
  return 0;
}

static int dump_with_nl(int link) {
  struct nl_sock* socket = nl_socket_alloc();
  struct nl_cache* cache;
  if (nl_connect(socket, NETLINK_ROUTE) < 0) return 1;
  double start = seconds();
  int error = link ? rtnl_link_alloc_cache(socket, AF_UNSPEC, &cache)
                   : rtnl_route_alloc_cache(socket, AF_INET, 0, &cache);
  if (error) return 1;
  printf("{\"seconds\":%.7f,\"count\":%d}\n", seconds() - start, nl_cache_nitems(cache));
  return 0;
}

int main(int argc, char** argv) {
  if (argc > 1 && !strcmp(argv[1], "mnl-dump")) return mnl_dump();
  if (argc > 4 && !strcmp(argv[1], "mnl-write"))
    return mnl_write(!strcmp(argv[2], "del"), atoi(argv[3]), atoi(argv[4]));
  if (argc > 2 && !strcmp(argv[1], "nl-dump")) return dump_with_nl(!strcmp(argv[2], "link"));
  return 2;
}
