// Peer: github.com/vishvananda/netlink and netns. Commands as in ours.mjs; prints one line of JSON.
package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime"
	"sort"
	"strconv"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func cpu() float64 {
	var r syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &r))
	return float64(r.Utime.Sec+r.Stime.Sec) + float64(r.Utime.Usec+r.Stime.Usec)/1e6
}

func main() {
	number := func(i int) int {
		value, err := strconv.Atoi(os.Args[i])
		must(err)
		return value
	}
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	must(err)
	start := time.Now()
	switch os.Args[1] {
	case "dump":
		routes, err := handle.RouteList(nil, unix.AF_INET)
		must(err)
		took := time.Since(start).Seconds()
		sum := uint32(0)
		for _, route := range routes {
			if route.Dst != nil && route.Dst.IP.To4()[0] == 10 {
				sum += binary.BigEndian.Uint32(route.Dst.IP.To4()) + uint32(route.LinkIndex)
			}
		}
		fmt.Printf("{\"seconds\":%.7f,\"count\":%d,\"sum\":%d}\n", took, len(routes), sum)
	case "links":
		var took []float64
		count := 0
		for i := 0; i < number(2); i++ {
			begun := time.Now()
			links, err := handle.LinkList()
			must(err)
			took = append(took, time.Since(begun).Seconds())
			count = len(links)
		}
		sort.Float64s(took)
		fmt.Printf("{\"seconds\":%.7f,\"count\":%d}\n", took[len(took)/2], count)
	case "write":
		link, err := handle.LinkByName("v0")
		must(err)
		start = time.Now()
		for i := 0; i < number(3); i++ {
			address := make(net.IP, 4)
			binary.BigEndian.PutUint32(address, uint32(0x0a000000+i))
			route := netlink.Route{LinkIndex: link.Attrs().Index, Scope: netlink.SCOPE_LINK,
				Dst: &net.IPNet{IP: address, Mask: net.CIDRMask(32, 32)}}
			if os.Args[2] == "add" {
				must(handle.RouteAdd(&route))
			} else {
				must(handle.RouteDel(&route))
			}
		}
		fmt.Printf("{\"seconds\":%.7f}\n", time.Since(start).Seconds())
	case "get":
		link, err := handle.LinkByName("v0")
		must(err)
		took := make([]float64, number(2))
		start = time.Now()
		for i := range took {
			begun := time.Now()
			_, err := handle.LinkByIndex(link.Attrs().Index)
			must(err)
			took[i] = time.Since(begun).Seconds()
		}
		total := time.Since(start).Seconds()
		sort.Float64s(took)
		fmt.Printf("{\"seconds\":%.7f,\"p50\":%.2f,\"p99\":%.2f}\n", total, took[len(took)/2]*1e6, took[len(took)*99/100]*1e6)
	case "open":
		for i := 0; i < number(2); i++ {
			one, err := netlink.NewHandle(unix.NETLINK_ROUTE)
			must(err)
			one.Delete()
		}
		fmt.Printf("{\"seconds\":%.7f}\n", time.Since(start).Seconds())
	case "netns":
		runtime.LockOSThread()
		home, err := netns.Get()
		must(err)
		start = time.Now()
		for i := 0; i < number(2); i++ {
			name := fmt.Sprintf("speed-%d-%d", os.Getpid(), i)
			ns, err := netns.NewNamed(name)
			must(err)
			inside, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE)
			must(err)
			_, err = inside.LinkByIndex(1)
			must(err)
			inside.Delete()
			must(ns.Close())
			must(netns.Set(home))
			must(netns.DeleteNamed(name))
		}
		fmt.Printf("{\"seconds\":%.7f}\n", time.Since(start).Seconds())
	case "monitor":
		news, done, count, failures := make(chan netlink.RouteUpdate, 1024), make(chan struct{}), 0, 0
		must(netlink.RouteSubscribeWithOptions(news, done, netlink.RouteSubscribeOptions{
			ErrorCallback: func(error) { failures++ }}))
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		fmt.Fprintln(os.Stderr, "ready")
		busy := cpu()
		for open := true; ; {
			if !open {
				<-signals
			} else {
				select {
				case _, open = <-news:
					if open {
						count++
					}
					continue
				case <-signals:
				}
			}
			fmt.Printf("{\"count\":%d,\"overruns\":%d,\"cpu\":%.6f}\n", count, failures, cpu()-busy)
			return
		}
	}
}
