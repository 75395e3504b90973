// Tells what happens to links until Ctrl-C:
//
//     node examples/watch-links.mjs
import { RouteSocket } from 'cofferdam';

const rt = await RouteSocket.open();
// With resync the monitor reads everything again when the kernel had to drop news, and tells the difference.
const monitor = await rt.monitor(['link'], { resync: true });
process.once('SIGINT', () => monitor.close());
console.log('watching');
try {
  for await (const event of monitor) {
    switch (event.type) {
      case 'overrun':
        console.log('too much at once: reading all links again');
        break;
      case 'resynced':
        console.log('the view is whole again');
        break;
      case 'new':
      case 'change':
      case 'del':
        if (event.object === 'link') console.log(event.type, event.value.ifname, event.value.operstate ?? '');
    }
  }
} finally {
  // Closes its monitors too.
  rt.close();
}
