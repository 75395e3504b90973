//! Peer: rtnetlink. Commands as in ours.mjs; prints one line of JSON.
use futures::stream::TryStreamExt;
use rtnetlink::{new_connection, packet::nlas::route::Nla, Handle, IpVersion};
use std::net::Ipv4Addr;
use std::time::Instant;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run());
}

async fn index_of(handle: &Handle, name: &str) -> u32 {
    let mut links = handle.link().get().match_name(name.to_string()).execute();
    links.try_next().await.unwrap().unwrap().header.index
}

async fn run() {
    let words: Vec<String> = std::env::args().collect();
    let number = |i: usize| words[i].parse::<u32>().unwrap();
    let (connection, handle, _) = new_connection().unwrap();
    tokio::spawn(connection);
    match words[1].as_str() {
        "dump" => {
            let repeat = number(2);
            let mut took = vec![];
            let (mut count, mut sum) = (0, 0u32);
            for round in 0..repeat {
                let start = Instant::now();
                let routes: Vec<_> = handle.route().get(IpVersion::V4).execute().try_collect().await.unwrap();
                took.push(start.elapsed().as_secs_f64());
                count = routes.len();
                if round > 0 {
                    continue;
                }
                for route in &routes {
                    let (mut dst, mut out) = (0u32, 0u32);
                    for nla in &route.nlas {
                        match nla {
                            Nla::Destination(b) if b.len() == 4 => dst = u32::from_be_bytes([b[0], b[1], b[2], b[3]]),
                            Nla::Oif(oif) => out = *oif,
                            _ => {}
                        }
                    }
                    if dst >> 24 == 10 {
                        sum = sum.wrapping_add(dst).wrapping_add(out);
                    }
                }
            }
            took.sort_by(|a, b| a.partial_cmp(b).unwrap());
            println!("{{\"seconds\":{:.7},\"count\":{},\"sum\":{}}}", took[took.len() / 2], count, sum);
        }
        "links" => {
            let mut took = vec![];
            let mut count = 0;
            for _ in 0..number(2) {
                let start = Instant::now();
                let links: Vec<_> = handle.link().get().execute().try_collect().await.unwrap();
                took.push(start.elapsed().as_secs_f64());
                count = links.len();
            }
            took.sort_by(|a, b| a.partial_cmp(b).unwrap());
            println!("{{\"seconds\":{:.7},\"count\":{}}}", took[took.len() / 2], count);
        }
        "write" => {
            let index = index_of(&handle, "v0").await;
            let start = Instant::now();
            for i in 0..number(3) {
                let dst = Ipv4Addr::from(0x0a000000 + i);
                let mut add = handle.route().add().v4().destination_prefix(dst, 32).output_interface(index).scope(253).protocol(3);
                if words[2] == "add" {
                    add.execute().await.unwrap();
                } else {
                    let message = add.message_mut().clone();
                    handle.route().del(message).execute().await.unwrap();
                }
            }
            println!("{{\"seconds\":{:.7}}}", start.elapsed().as_secs_f64());
        }
        "get" => {
            let index = index_of(&handle, "v0").await;
            let mut took = vec![];
            let start = Instant::now();
            for _ in 0..number(2) {
                let begun = Instant::now();
                handle.link().get().match_index(index).execute().try_next().await.unwrap().unwrap();
                took.push(begun.elapsed().as_secs_f64() * 1e6);
            }
            let total = start.elapsed().as_secs_f64();
            took.sort_by(|a, b| a.partial_cmp(b).unwrap());
            let p = |share: usize| took[took.len() * share / 100];
            println!("{{\"seconds\":{:.7},\"p50\":{:.2},\"p99\":{:.2}}}", total, p(50), p(99));
        }
        other => panic!("{other}"),
    }
}
