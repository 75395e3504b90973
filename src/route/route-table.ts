import type { MessageSink } from '../netlink/message.ts';
import type { ReceiveBuffer } from '../netlink/wire/receive-buffer.ts';
import type { LinkNaming } from './link-naming.ts';
import { CHUNK_ROWS, RouteChunk } from './route-chunk.ts';
import { matchesRoute, type RouteFilter } from './route-filter.ts';
import { makeRoute } from './route-make.ts';
import { decodeRoute } from './route-message.ts';
import type { Route } from './route-object.ts';
import { FIELD, HAS, scanRoute } from './route-scan.ts';
import { numberOf, ROUTE_FAMILIES, ROUTE_FLAGS } from './route-words.ts';

const scratch = new Int32Array(FIELD.size);

/**
 * Routes in columns, for those who read a million of them: some twenty bytes each, and an object only of the rows that
 * are asked for. It is what the kernel said at the time of reading, and does not change.
 */
export class RouteTable implements Iterable<Route> {
  /** The columns. Rows are numbered through: those of the second chunk follow those of the first. */
  readonly chunks: readonly RouteChunk[];
  readonly length: number;
  /** Number of each chunk's first row. */
  readonly #starts: readonly number[];
  readonly #complete: (route: Route) => Route;

  /** @param complete adds the names of links */
  constructor(chunks: readonly RouteChunk[], complete: (route: Route) => Route) {
    this.chunks = chunks;
    this.#complete = complete;
    let length = 0;
    this.#starts = chunks.map((chunk) => {
      length += chunk.length;
      return length - chunk.length;
    });
    this.length = length;
  }

  /** A row as the object that `list` gives; from the end where `index` is negative. Undefined where there is none. */
  at(index: number): Route | undefined {
    const row = Math.trunc(index) + (index < 0 ? this.length : 0);
    if (!(row >= 0 && row < this.length)) return undefined;
    // No chunk is longer, few are shorter.
    let number = Math.trunc(row / CHUNK_ROWS);
    while ((this.#starts[number + 1] ?? this.length) <= row) number++;
    return this.#make(this.chunks[number] as RouteChunk, row - (this.#starts[number] as number));
  }

  *[Symbol.iterator](): Generator<Route, void, void> {
    for (const chunk of this.chunks)
      for (let row = 0; row < chunk.length; row++) yield this.#make(chunk, row);
  }

  #make(chunk: RouteChunk, row: number): Route {
    const message = chunk.messageOf(row);
    const route =
      message === undefined ? makeRoute(chunk.restore(row, scratch), scratch) : decodeRoute(message);
    return this.#complete(route);
  }
}

/** Fills the columns from a dump. */
export class RouteTableSink implements MessageSink {
  readonly #newRoute: number;
  readonly #filter: RouteFilter;
  readonly #naming: LinkNaming;
  readonly #linksOf: (route: Route) => readonly number[];
  /** The filter says no more than family and table: no object is needed to hold against it. */
  readonly #simple: boolean;
  readonly #family: number | undefined;
  #chunks: RouteChunk[] = [];
  #last: RouteChunk | undefined;
  #lastLink = 0;

  constructor(
    newRoute: number,
    filter: RouteFilter,
    naming: LinkNaming,
    linksOf: (route: Route) => readonly number[],
  ) {
    const { family, table: _, ...rest } = filter;
    this.#newRoute = newRoute;
    this.#filter = filter;
    this.#naming = naming;
    this.#linksOf = linksOf;
    this.#simple = Object.values(rest).every((value) => value === undefined || value === false);
    this.#family = family === undefined ? undefined : numberOf(ROUTE_FAMILIES, family);
  }

  message(type: number, _flags: number, buffer: ReceiveBuffer, start: number, end: number): void {
    if (type !== this.#newRoute) return;
    const has = scanRoute(buffer, start, end, scratch);
    if ((has & HAS.rare) !== 0) {
      const message = buffer.bytes.slice(start, end);
      const route = decodeRoute(message);
      if (!matchesRoute(route, this.#filter)) return;
      for (const link of this.#linksOf(route)) this.#naming.knows(link);
      this.#append(has, message);
      return;
    }
    if (this.#simple ? !this.#matches() : !matchesRoute(makeRoute(has, scratch), this.#filter)) return;
    if ((has & HAS.oif) !== 0) {
      const link = scratch[FIELD.oif] as number;
      if (link !== this.#lastLink) {
        this.#naming.knows(link >>> 0);
        this.#lastLink = link;
      }
    }
    this.#append(has, undefined);
  }

  restart(): void {
    this.#chunks = [];
    this.#last = undefined;
  }

  /** @param complete adds the names of links */
  table(complete: (route: Route) => Route): RouteTable {
    return new RouteTable(this.#chunks, complete);
  }

  #matches(): boolean {
    const { table } = this.#filter;
    return (
      (this.#family === undefined || ((scratch[FIELD.first] as number) & 0xff) === this.#family) &&
      (table === undefined || (scratch[FIELD.table] as number) >>> 0 === table) &&
      ((scratch[FIELD.flags] as number) & ROUTE_FLAGS.cloned) === 0
    );
  }

  #append(has: number, message: Uint8Array | undefined): void {
    const family = (scratch[FIELD.first] as number) & 0xff;
    let chunk = this.#last;
    if (chunk === undefined || chunk.length === CHUNK_ROWS || chunk.family !== family) {
      chunk = new RouteChunk(family);
      this.#chunks.push(chunk);
      this.#last = chunk;
    }
    chunk.append(has, scratch, message);
  }
}
