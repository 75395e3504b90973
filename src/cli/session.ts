import { SystemError } from '../handle/errors.ts';
import { RouteSocket } from '../route/socket.ts';
import { noSuchDevice } from './args.ts';
import { EXIT } from './exit.ts';
import { Names } from './names.ts';
import { type Meant, notSupported, resolveVerb } from './objects.ts';
import type { GlobalOptions } from './options.ts';
import { formatJson } from './show/json.ts';
import type { Action, LinkNames, ShowContext, Shown, View } from './show/view.ts';
import { objectUsage } from './usage.ts';

/** One socket for one command line, or for all the lines of a batch. */
export class Session implements AsyncDisposable {
  readonly #options: GlobalOptions;
  readonly #names: Names;
  readonly #indexes = new Map<string, Promise<number>>();
  #rt: Promise<RouteSocket> | undefined;

  constructor(options: GlobalOptions) {
    this.#options = options;
    this.#names = new Names({ numeric: options.numeric });
  }

  /** Opened when the first command needs it. */
  rt(): Promise<RouteSocket> {
    const { netns, timeout, receiveBuffer } = this.#options;
    this.#rt ??= RouteSocket.open({
      ...(netns !== undefined && { netns }),
      ...(timeout !== undefined && { timeout }),
      ...(receiveBuffer !== undefined && { receiveBuffer }),
    });
    return this.#rt;
  }

  /** `OBJECT [VERB] WORDS...`: prints what there is to print, and resolves to the exit code. */
  async run(meant: Meant, words: readonly string[]): Promise<number> {
    const { entry, program, object } = meant;
    if (entry.command !== undefined) return await (await entry.command())(words, this.#options, program);
    const [word, ...args] = words;
    const verb = resolveVerb(meant, word);
    if (entry.load === undefined) throw notSupported(meant);
    const view = await entry.load();
    if (verb === 'help') {
      process.stdout.write(objectUsage(view, program));
      return EXIT.ok;
    }
    const action = verb === 'show' ? view.run.bind(view) : await findAction(view, verb);
    if (action === undefined) throw notSupported(meant, verb);
    const context = showContext(await this.rt(), this.#options, this.#names, this.#indexes);
    const shown = await action(args, context);
    // Names of links mean something else from now on.
    if (object === 'link' && verb !== 'show') this.#indexes.clear();
    if (shown !== undefined) process.stdout.write(this.#print(shown));
    return EXIT.ok;
  }

  #print(shown: Shown): string {
    const { json, pretty } = this.#options;
    return json ? `${formatJson(shown.json, pretty)}\n` : shown.text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const rt = await this.#rt?.catch(() => undefined);
    rt?.close();
    await rt?.closed;
  }
}

/** One command line about an object. Resolves to the exit code. */
export async function runObject(
  meant: Meant,
  words: readonly string[],
  options: GlobalOptions,
): Promise<number> {
  await using session = new Session(options);
  return await session.run(meant, words);
}

async function findAction(view: View, verb: string): Promise<Action | undefined> {
  const actions = typeof view.actions === 'function' ? await view.actions() : view.actions;
  return actions?.[verb];
}

export function showContext(
  rt: RouteSocket,
  options: ShowContext['options'],
  names = new Names({ numeric: options.numeric }),
  indexes = new Map<string, Promise<number>>(),
): ShowContext {
  let links: Promise<LinkNames> | undefined;
  return {
    rt,
    options,
    names,
    linkNames: () => {
      links ??= readLinkNames(rt);
      return links;
    },
    linkIndex: (name) => {
      let index = indexes.get(name);
      if (index === undefined) {
        index = findLink(rt, name);
        indexes.set(name, index);
        index.catch(() => indexes.delete(name));
      }
      return index;
    },
    write: (output) => void process.stdout.write(output),
  };
}

/** `if7` is a link by its index, as in iproute2, unless one is called so. */
async function findLink(rt: RouteSocket, name: string): Promise<number> {
  try {
    return (await rt.link.get(name)).ifindex;
  } catch (error) {
    if (!(error instanceof SystemError && error.code === 'ENODEV')) throw error;
    const index = Number(/^if(\d+)$/.exec(name)?.[1] ?? 0);
    if (index > 0) return index;
    throw noSuchDevice(name);
  }
}

async function readLinkNames(rt: RouteSocket): Promise<LinkNames> {
  const byIndex = new Map<number, { ifname: string; flags: readonly string[] }>();
  const byName = new Map<string, number>();
  for (const link of await rt.link.list()) {
    byIndex.set(link.ifindex, { ifname: link.ifname, flags: link.flags });
    byName.set(link.ifname, link.ifindex);
    for (const altname of link.altnames ?? []) byName.set(altname, link.ifindex);
  }
  return {
    nameOf: (index) => (index === 0 ? '*' : (byIndex.get(index)?.ifname ?? `if${index}`)),
    indexOf: (name) => {
      const spelled = /^if(\d+)$/.exec(name)?.[1];
      return byName.get(name) ?? (spelled === undefined ? undefined : Number(spelled) || undefined);
    },
    flagsOf: (index) => byIndex.get(index)?.flags,
  };
}
