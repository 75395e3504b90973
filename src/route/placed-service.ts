import type { NetlinkMessage, RequestOptions } from '../netlink/socket.ts';
import { ObjectService } from './service.ts';
import { eachPlace, type TcPlace } from './tc-places.ts';

/** Reading what hangs at places of traffic control, of which the kernel dumps one at a time: filters and chains. */
export abstract class PlacedService<T extends object, Filter extends TcPlace> extends ObjectService<
  T,
  Filter
> {
  /** The object as it is told of, at the place that was asked. Default: as it is. */
  protected placed(object: T, _place: Filter): T {
    return object;
  }

  override async list(filter: Filter = {} as Filter, options: RequestOptions = {}): Promise<T[]> {
    const lists: T[][] = [];
    for (const place of await this.#places(filter, options))
      lists.push((await super.list(place, options)).map((one) => this.placed(one, place)));
    return lists.flat();
  }

  override async listMessages(
    filter: Filter = {} as Filter,
    options: RequestOptions = {},
  ): Promise<{ object: T; message: NetlinkMessage }[]> {
    const lists: { object: T; message: NetlinkMessage }[][] = [];
    for (const place of await this.#places(filter, options))
      lists.push(await super.listMessages(place, options));
    return lists.flat();
  }

  override async snapshot(options: RequestOptions = {}): Promise<T[]> {
    return (await this.listMessages({} as Filter, options)).map(({ object }) => object);
  }

  override async *batches(
    filter: Filter = {} as Filter,
    options: RequestOptions = {},
  ): AsyncGenerator<T[], void, void> {
    for (const place of await this.#places(filter, options))
      for await (const batch of super.batches(place, options))
        yield batch.map((one) => this.placed(one, place));
  }

  async #places(filter: Filter, options: RequestOptions): Promise<Filter[]> {
    return await eachPlace(this.port, await this.resolve(filter, options), options);
  }
}
