// The least that a network of a system takes: a veth between a bridge and the namespace of a process, an
// address, a route, and a table of nftables that belongs to its socket and gives what leaves the host's
// address.
#pragma once
#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define INSIDE "10.77.0.2"
#define ROUTER "10.77.0.1"
#define TABLE "cofferdam-floor"

struct batch {
  char bytes[4096];
  size_t length, message;
  uint32_t serial;
};

static struct nlmsghdr* at(struct batch* batch, size_t place) {
  return (void*)(batch->bytes + place);
}

static void* reserve(struct batch* batch, size_t length) {
  void* place = batch->bytes + batch->length;
  batch->length += NLMSG_ALIGN(length);
  return place;
}

static void* message(struct batch* batch, int type, int flags, size_t header) {
  batch->message = batch->length;
  struct nlmsghdr* head = reserve(batch, sizeof *head);
  head->nlmsg_type = type;
  head->nlmsg_flags = NLM_F_REQUEST | flags;
  head->nlmsg_seq = ++batch->serial;
  return reserve(batch, header);
}

static void seal(struct batch* batch) {
  at(batch, batch->message)->nlmsg_len = batch->length - batch->message;
}

static void attribute(struct batch* batch, int type, const void* value, size_t length) {
  struct nlattr* head = reserve(batch, NLA_HDRLEN + length);
  head->nla_type = type;
  head->nla_len = NLA_HDRLEN + length;
  memcpy((char*)head + NLA_HDRLEN, value, length);
}

static void text(struct batch* batch, int type, const char* value) {
  attribute(batch, type, value, strlen(value) + 1);
}
static void number(struct batch* batch, int type, uint32_t value) {
  attribute(batch, type, &value, sizeof value);
}

static size_t nest(struct batch* batch, int type) {
  size_t place = batch->length;
  struct nlattr* head = reserve(batch, NLA_HDRLEN);
  head->nla_type = type | NLA_F_NESTED;
  return place;
}
static void unnest(struct batch* batch, size_t place) {
  ((struct nlattr*)(void*)(batch->bytes + place))->nla_len = batch->length - place;
}

static int netlink(int protocol) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (fd < 0) {
    perror("socket");
    exit(1);
  }
  return fd;
}

// Sends, and reads as many answers as there are messages that ask for one.
static void request(int fd, struct batch* batch, int answers, const char* what) {
  if (send(fd, batch->bytes, batch->length, 0) < 0) {
    perror(what);
    exit(1);
  }
  while (answers > 0) {
    char bytes[8192];
    ssize_t length = recv(fd, bytes, sizeof bytes, 0);
    for (struct nlmsghdr* head = (void*)bytes; NLMSG_OK(head, length); head = NLMSG_NEXT(head, length)) {
      if (head->nlmsg_type != NLMSG_ERROR) continue;
      --answers;
      int error = ((struct nlmsgerr*)NLMSG_DATA(head))->error;
      if (error == 0) continue;
      fprintf(stderr, "%s: %s\n", what, strerror(-error));
      exit(1);
    }
  }
}

static void add_pair(int fd, const char* name, unsigned bridge, pid_t pid) {
  struct batch batch = {.length = 0};
  struct ifinfomsg* link = message(&batch, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, sizeof *link);
  link->ifi_flags = link->ifi_change = IFF_UP;
  text(&batch, IFLA_IFNAME, name);
  number(&batch, IFLA_MASTER, bridge);
  size_t info = nest(&batch, IFLA_LINKINFO);
  text(&batch, IFLA_INFO_KIND, "veth");
  size_t data = nest(&batch, IFLA_INFO_DATA), peer = nest(&batch, VETH_INFO_PEER);
  reserve(&batch, sizeof(struct ifinfomsg));
  text(&batch, IFLA_IFNAME, "eth0");
  number(&batch, IFLA_NET_NS_PID, pid);
  unnest(&batch, peer);
  unnest(&batch, data);
  unnest(&batch, info);
  seal(&batch);
  request(fd, &batch, 1, "veth");
}

static void delete_link(int fd, const char* name) {
  struct batch batch = {.length = 0};
  message(&batch, RTM_DELLINK, NLM_F_ACK, sizeof(struct ifinfomsg));
  text(&batch, IFLA_IFNAME, name);
  seal(&batch);
  request(fd, &batch, 1, "delete veth");
}

// By the process inside.
static void configure(void) {
  int fd = netlink(NETLINK_ROUTE);
  unsigned index = if_nametoindex("eth0");
  uint32_t inside = inet_addr(INSIDE), router = inet_addr(ROUTER);
  struct batch batch = {.length = 0};
  struct ifaddrmsg* address = message(&batch, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE, sizeof *address);
  *address = (struct ifaddrmsg){.ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = index};
  attribute(&batch, IFA_LOCAL, &inside, sizeof inside);
  attribute(&batch, IFA_ADDRESS, &inside, sizeof inside);
  seal(&batch);
  struct ifinfomsg* link = message(&batch, RTM_NEWLINK, NLM_F_ACK, sizeof *link);
  *link = (struct ifinfomsg){.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  seal(&batch);
  struct rtmsg* route = message(&batch, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE, sizeof *route);
  *route = (struct rtmsg){.rtm_family = AF_INET,
                          .rtm_table = RT_TABLE_MAIN,
                          .rtm_protocol = RTPROT_BOOT,
                          .rtm_scope = RT_SCOPE_UNIVERSE,
                          .rtm_type = RTN_UNICAST};
  attribute(&batch, RTA_GATEWAY, &router, sizeof router);
  number(&batch, RTA_OIF, index);
  seal(&batch);
  request(fd, &batch, 3, "address and route");
  close(fd);
}

static void nft(struct batch* batch, int type, int flags, int family) {
  struct nfgenmsg* head = message(batch, type, flags, sizeof *head);
  head->nfgen_family = family;
  head->version = NFNETLINK_V0;
  int frame = type == NFNL_MSG_BATCH_BEGIN || type == NFNL_MSG_BATCH_END;
  head->res_id = htons(frame ? NFNL_SUBSYS_NFTABLES : 0);
}
#define NFT(message) (NFNL_SUBSYS_NFTABLES << 8 | (message))

static void frame(struct batch* batch, int type) {
  nft(batch, type, 0, AF_UNSPEC);
  seal(batch);
}

// Whoever leaves from INSIDE takes the address of the host.
static void rule(struct batch* batch) {
  size_t list = nest(batch, NFTA_RULE_EXPRESSIONS), one = nest(batch, NFTA_LIST_ELEM);
  text(batch, NFTA_EXPR_NAME, "payload");
  size_t data = nest(batch, NFTA_EXPR_DATA);
  number(batch, NFTA_PAYLOAD_DREG, htonl(NFT_REG_1));
  number(batch, NFTA_PAYLOAD_BASE, htonl(NFT_PAYLOAD_NETWORK_HEADER));
  number(batch, NFTA_PAYLOAD_OFFSET, htonl(12));
  number(batch, NFTA_PAYLOAD_LEN, htonl(4));
  unnest(batch, data);
  unnest(batch, one);
  one = nest(batch, NFTA_LIST_ELEM);
  text(batch, NFTA_EXPR_NAME, "cmp");
  data = nest(batch, NFTA_EXPR_DATA);
  number(batch, NFTA_CMP_SREG, htonl(NFT_REG_1));
  number(batch, NFTA_CMP_OP, htonl(NFT_CMP_EQ));
  size_t value = nest(batch, NFTA_CMP_DATA);
  uint32_t inside = inet_addr(INSIDE);
  attribute(batch, NFTA_DATA_VALUE, &inside, sizeof inside);
  unnest(batch, value);
  unnest(batch, data);
  unnest(batch, one);
  one = nest(batch, NFTA_LIST_ELEM);
  text(batch, NFTA_EXPR_NAME, "masq");
  unnest(batch, nest(batch, NFTA_EXPR_DATA));
  unnest(batch, one);
  unnest(batch, list);
}

static void add_table(int fd) {
  struct batch batch = {.length = 0};
  frame(&batch, NFNL_MSG_BATCH_BEGIN);
  nft(&batch, NFT(NFT_MSG_NEWTABLE), NLM_F_CREATE, NFPROTO_INET);
  text(&batch, NFTA_TABLE_NAME, TABLE);
  number(&batch, NFTA_TABLE_FLAGS, htonl(2));  // NFT_TABLE_F_OWNER
  seal(&batch);
  nft(&batch, NFT(NFT_MSG_NEWCHAIN), NLM_F_CREATE, NFPROTO_INET);
  text(&batch, NFTA_CHAIN_TABLE, TABLE);
  text(&batch, NFTA_CHAIN_NAME, "out");
  size_t hook = nest(&batch, NFTA_CHAIN_HOOK);
  number(&batch, NFTA_HOOK_HOOKNUM, htonl(NF_INET_POST_ROUTING));
  number(&batch, NFTA_HOOK_PRIORITY, htonl(100));
  unnest(&batch, hook);
  text(&batch, NFTA_CHAIN_TYPE, "nat");
  seal(&batch);
  nft(&batch, NFT(NFT_MSG_NEWRULE), NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK, NFPROTO_INET);
  text(&batch, NFTA_RULE_TABLE, TABLE);
  text(&batch, NFTA_RULE_CHAIN, "out");
  rule(&batch);
  seal(&batch);
  frame(&batch, NFNL_MSG_BATCH_END);
  request(fd, &batch, 1, "table");
}

static void delete_table(int fd) {
  struct batch batch = {.length = 0};
  frame(&batch, NFNL_MSG_BATCH_BEGIN);
  nft(&batch, NFT(NFT_MSG_DELTABLE), NLM_F_ACK, NFPROTO_INET);
  text(&batch, NFTA_TABLE_NAME, TABLE);
  seal(&batch);
  frame(&batch, NFNL_MSG_BATCH_END);
  request(fd, &batch, 1, "delete table");
}
