// Lists the routes of all tables, of this namespace or of a named one:
//
//     node examples/list-routes.mjs [NETNS]
import { RouteSocket } from 'cofferdam';

const netns = process.argv[2];
// In TypeScript, or from Node 24 on: `await using rt = await RouteSocket.open(...)`, and no finally.
const rt = await RouteSocket.open(netns === undefined ? {} : { netns });
try {
  // One at a time, as the kernel sends them: a table of a million routes takes no more memory than one of ten.
  for await (const route of rt.route.dump()) {
    const via = route.nexthops?.map((hop) => hop.via ?? hop.dev).join(', ') ?? route.via ?? '';
    console.log(
      [route.table, route.type, route.dst, via && `via ${via}`, route.dev && `dev ${route.dev}`]
        .filter((word) => word !== undefined && word !== '')
        .join(' '),
    );
  }
} finally {
  rt.close();
}
