import { SystemError } from '../handle/errors.ts';
import { RouteSocket } from '../route/socket.ts';
import { noSuchDevice } from './args.ts';
import type { EchoSocket } from './echo.ts';
import { EXIT } from './exit.ts';
import { Names } from './names.ts';
import { type Meant, notSupported, resolveVerb } from './objects.ts';
import type { GlobalOptions } from './options.ts';
import { formatJson } from './show/json.ts';
import type { Actions, LinkNames, ShowContext, Shown, ShowOptions, View } from './show/view.ts';
import { objectUsage } from './usage.ts';

/** One socket for one command line, or for all the lines of a batch. */
export class Session implements AsyncDisposable {
  readonly #options: GlobalOptions;
  readonly #names: Names;
  readonly #indexes = new Map<string, Promise<number>>();
  /** What the lines of a batch ask for again and again. */
  readonly #views = new Map<() => Promise<View>, View>();
  readonly #actions = new Map<View, Actions>();
  readonly #contexts = new Map<RouteSocket, Context>();
  #rt: Promise<RouteSocket> | undefined;
  #echo: Promise<EchoSocket> | undefined;

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
    const { load } = entry;
    if (load === undefined) throw notSupported(meant);
    // A batch has been here before: it should not wait for what it has.
    const view = this.#views.get(load) ?? (await this.#load(load));
    if (verb === 'help') {
      process.stdout.write(objectUsage(view, program));
      return EXIT.ok;
    }
    const action =
      verb === 'show' ? view.run : (this.#actions.get(view) ?? (await this.#loadActions(view)))[verb];
    if (action === undefined) throw notSupported(meant, verb);
    const echo = this.#options.echo && verb !== 'show' ? await this.#echoSocket() : undefined;
    const rt = echo?.rt ?? (await this.socketFor(meant, verb));
    const context = this.#contextFor(rt);
    const result = await action.call(view, args, context);
    if (typeof result === 'number') return result;
    const shown = result ?? (await echo?.print(context));
    // Names of links mean something else from now on.
    if (object === 'link' && verb !== 'show') this.#indexes.clear();
    if (shown !== undefined) process.stdout.write(this.#print(shown));
    return EXIT.ok;
  }

  /** What a line's action works with. */
  protected socketFor(_meant: Meant, _verb: string): Promise<RouteSocket> {
    return this.rt();
  }

  async #echoSocket(): Promise<EchoSocket> {
    this.#echo ??= (await import('./echo.ts')).EchoSocket.open(this.#options, await this.rt());
    return await this.#echo;
  }

  async #load(load: () => Promise<View>): Promise<View> {
    const view = await load();
    this.#views.set(load, view);
    return view;
  }

  async #loadActions(view: View): Promise<Actions> {
    const actions: Actions = (typeof view.actions === 'function' ? await view.actions() : view.actions) ?? {};
    this.#actions.set(view, actions);
    return actions;
  }

  /** One for all lines with the same socket, but none of them sees the links that another one saw. */
  #contextFor(rt: RouteSocket): ShowContext {
    let context = this.#contexts.get(rt);
    if (context === undefined) {
      context = new Context(rt, this.#options, this.#names, this.#indexes);
      this.#contexts.set(rt, context);
    }
    context.forgetLinks();
    return context;
  }

  #print(shown: Shown): string {
    const { json, pretty } = this.#options;
    return json ? `${formatJson(shown.json, pretty)}\n` : shown.text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#echo?.catch(() => undefined))?.[Symbol.asyncDispose]();
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

/** What a view or an action outside of any session works with. */
export function showContext(rt: RouteSocket, options: ShowOptions): ShowContext {
  return new Context(rt, options, new Names({ numeric: options.numeric }), new Map());
}

class Context implements ShowContext {
  readonly rt: RouteSocket;
  readonly options: ShowOptions;
  readonly names: Names;
  readonly #indexes: Map<string, Promise<number>>;
  #links: Promise<LinkNames> | undefined;

  constructor(rt: RouteSocket, options: ShowOptions, names: Names, indexes: Map<string, Promise<number>>) {
    this.rt = rt;
    this.options = options;
    this.names = names;
    this.#indexes = indexes;
  }

  forgetLinks(): void {
    this.#links = undefined;
  }

  // Taken out of the context and called by themselves.
  readonly linkNames = (): Promise<LinkNames> => {
    this.#links ??= readLinkNames(this.rt);
    return this.#links;
  };

  readonly linkIndex = (name: string): Promise<number> => {
    let index = this.#indexes.get(name);
    if (index === undefined) {
      index = findLink(this.rt, name);
      this.#indexes.set(name, index);
      index.catch(() => this.#indexes.delete(name));
    }
    return index;
  };

  readonly write = (output: string | Uint8Array): void => {
    process.stdout.write(output);
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
