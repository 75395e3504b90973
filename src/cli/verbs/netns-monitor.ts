import { Netns } from '../../netns/index.ts';
import { endsOnSignal, put } from '../monitor.ts';
import { isoTime, now } from '../monitor-time.ts';
import { formatJson } from '../show/json.ts';
import type { ShowContext } from '../show/view.ts';

/** `netns monitor`: names that come and go, until a signal; with -j one object a line. */
export async function monitorNames(_args: readonly string[], { options }: ShowContext): Promise<undefined> {
  using watch = Netns.watch();
  using _signals = endsOnSignal(() => watch.close());
  for await (const { type, object, value } of watch) {
    if (object !== 'name') continue;
    const { name, inode, device } = value;
    const line = { time: isoTime(now()), type, object: 'netns', value: { name, inode, device } };
    await put(options.json ? `${formatJson(line)}\n` : `${type === 'new' ? 'add' : 'delete'} ${name}\n`);
  }
}
