"""Peer: pyroute2. Commands as in ours.mjs; prints one line of JSON."""
import json
import os
import select
import signal
import socket
import struct
import sys
import time

from pyroute2 import IPRoute, NetNS, netns
from pyroute2.netlink import rtnl

command, words = sys.argv[1], sys.argv[2:]
ipr = IPRoute()
start = time.perf_counter()


def tell(**facts):
    print(json.dumps(facts))


def median(values):
    return sorted(values)[len(values) // 2]


def address(i):
    return socket.inet_ntoa(struct.pack('>I', 0x0A000000 + i))


if command == 'dump':
    took = []
    for _ in range(int(words[0])):
        begun = time.perf_counter()
        routes = list(ipr.get_routes(family=socket.AF_INET))
        took.append(time.perf_counter() - begun)
    total = 0
    for route in routes:
        dst = route.get_attr('RTA_DST')
        if dst is not None and dst.startswith('10.'):
            total += struct.unpack('>I', socket.inet_aton(dst))[0] + route.get_attr('RTA_OIF')
    tell(seconds=median(took), count=len(routes), sum=total & 0xFFFFFFFF)
elif command == 'links':
    took = []
    for _ in range(int(words[0])):
        begun = time.perf_counter()
        links = list(ipr.get_links())
        took.append(time.perf_counter() - begun)
    tell(seconds=median(took), count=len(links))
elif command == 'write':
    verb, count = words[0], int(words[1])
    index = ipr.link_lookup(ifname='v0')[0]
    start = time.perf_counter()
    for i in range(count):
        ipr.route(verb, dst=address(i) + '/32', oif=index, scope=253 if verb == 'add' else 255)
    tell(seconds=time.perf_counter() - start)
elif command == 'get':
    index = ipr.link_lookup(ifname='v0')[0]
    took = []
    start = time.perf_counter()
    for _ in range(int(words[0])):
        begun = time.perf_counter()
        ipr.link('get', index=index)
        took.append(time.perf_counter() - begun)
    total = time.perf_counter() - start
    took.sort()
    tell(seconds=total, p50=took[len(took) // 2] * 1e6, p99=took[len(took) * 99 // 100] * 1e6)
elif command == 'open':
    for _ in range(int(words[0])):
        IPRoute().close()
    tell(seconds=time.perf_counter() - start)
elif command == 'netns':
    for i in range(int(words[0])):
        name = 'speed-%d-%d' % (os.getpid(), i)
        netns.create(name)
        inside = NetNS(name)
        inside.get_links(1)
        inside.close()
        netns.remove(name)
    tell(seconds=time.perf_counter() - start)
elif command == 'monitor':
    listener = IPRoute()
    listener.bind(groups=rtnl.RTMGRP_IPV4_ROUTE)
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    count = overruns = 0
    poll = select.poll()
    poll.register(listener.fileno(), select.POLLIN)
    print('ready', file=sys.stderr, flush=True)
    busy = time.process_time()
    while not stop:
        try:
            if poll.poll(200):
                count += len(list(listener.get()))
        except Exception:
            overruns += 1
    tell(count=count, overruns=overruns, cpu=time.process_time() - busy)
ipr.close()
