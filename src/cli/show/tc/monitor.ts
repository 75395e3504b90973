import type { NetlinkMessage } from '../../../netlink/socket.ts';
import { NLM_F } from '../../../netlink/wire/message.ts';
import { WireError, WireView } from '../../../netlink/wire/view.ts';
import { ACTION_MESSAGES, decodeActions } from '../../../route/action.ts';
import { chainType } from '../../../route/chain.ts';
import { classType } from '../../../route/class.ts';
import { filterType } from '../../../route/filter.ts';
import { qdiscType, TC_GROUP } from '../../../route/qdisc.ts';
import { readRecording } from '../../../route/recording-file.ts';
import { RouteSocket } from '../../../route/socket.ts';
import { matches, UsageError, Words } from '../../args.ts';
import { EXIT } from '../../exit.ts';
import { endsOnSignal, put } from '../../monitor.ts';
import { MonitorLinks } from '../../monitor-links.ts';
import { arrivalTime, now } from '../../monitor-time.ts';
import type { GlobalOptions } from '../../options.ts';
import { showContext } from '../../session.ts';
import { formatJson } from '../json.ts';
import type { Sheet } from '../route-sheet.ts';
import { actionsSheet } from './actions.ts';
import { chainSheet } from './chain.ts';
import { classSheet } from './class.ts';
import { type FilterNews, filterSheet } from './filter.ts';
import { qdiscSheet } from './qdisc.ts';
import { type TcDesk, TcSheet, tcDesk } from './tc-desk.ts';

const USAGE = `Usage: cofferdam tc monitor [ file FILE ]
With -j, one object a line. -t and -ts put the time before each message.
`;

/** How a message prints. */
type Print = (message: NetlinkMessage, desk: TcDesk) => Sheet;

const qdisc: Print = ({ type, flags, payload }, desk) =>
  qdiscSheet(qdiscType.decode(payload), desk, true, newsOf(type, flags));

function newsOf(type: number, flags: number): 'deleted' | 'replaced' | 'added' | undefined {
  if (type === qdiscType.messages.del) return 'deleted';
  if ((flags & NLM_F.create) === 0) return undefined;
  if ((flags & NLM_F.replace) !== 0) return 'replaced';
  return (flags & NLM_F.excl) === 0 ? undefined : 'added';
}

const tcClass: Print = ({ type, payload }, desk) =>
  classSheet(classType.decode(payload), desk, {
    withLink: true,
    minors: false,
    deleted: type === classType.messages.del,
  });

const filter: Print = ({ type, flags, payload }, desk) =>
  filterSheet(filterType.decode(payload), desk, {}, { news: filterNewsOf(type, flags) });

const chain: Print = ({ type, flags, payload }, desk) =>
  chainSheet(chainType.decode(payload), desk, {}, filterNewsOf(type, flags));

function filterNewsOf(type: number, flags: number): FilterNews | undefined {
  if (type === filterType.messages.del || type === chainType.messages.del) return 'deleted';
  if ((flags & NLM_F.create) === 0) return undefined;
  return (flags & NLM_F.excl) === 0 ? 'replaced' : 'added';
}

const action: Print = ({ type, flags, payload }, desk) => {
  const { actions, count = 0 } = decodeActions(payload);
  const sheet = new TcSheet(desk);
  sheet.say(`total acts ${count}`);
  sheet.newline();
  const [flushed] = actions;
  if (type === ACTION_MESSAGES.del && (flags & NLM_F.root) !== 0 && flushed !== undefined) {
    // The number stands where an action has its cookie: TCA_FCNT is of other attributes.
    const bytes = Buffer.from(flushed.cookie ?? '', 'hex');
    const entries = bytes.length === 4 ? new WireView(bytes).u32(0) : 0;
    sheet.say('Flushed table ');
    sheet.json1('kind', flushed.kind);
    sheet.json1('entries', entries);
    sheet.say(` ${flushed.kind} (${entries} entries)`);
    sheet.newline();
    return sheet;
  }
  if (type === ACTION_MESSAGES.del) sheet.say('Deleted action ');
  else if ((flags & NLM_F.replace) !== 0) sheet.say('Replaced action ');
  else if ((flags & NLM_F.create) !== 0) sheet.say('Added action ');
  actionsSheet(sheet, actions, { first: 1, bound: false });
  return sheet;
};

const DELETIONS: ReadonlySet<number> = new Set(
  [qdiscType.messages, classType.messages, filterType.messages, chainType.messages, ACTION_MESSAGES].map(
    (messages) => messages.del,
  ),
);

/** By message type. */
const PRINTERS: ReadonlyMap<number, { readonly object: string; readonly print: Print }> = new Map([
  [qdiscType.messages.new, { object: 'qdisc', print: qdisc }],
  [qdiscType.messages.del, { object: 'qdisc', print: qdisc }],
  [classType.messages.new, { object: 'class', print: tcClass }],
  [classType.messages.del, { object: 'class', print: tcClass }],
  [filterType.messages.new, { object: 'filter', print: filter }],
  [filterType.messages.del, { object: 'filter', print: filter }],
  [chainType.messages.new, { object: 'chain', print: chain }],
  [chainType.messages.del, { object: 'chain', print: chain }],
  [ACTION_MESSAGES.new, { object: 'action', print: action }],
  [ACTION_MESSAGES.del, { object: 'action', print: action }],
]);

/** `cofferdam tc monitor`: runs until a signal, or to the end of the file. */
export async function tcMonitorCommand(args: readonly string[], options: GlobalOptions): Promise<number> {
  const words = new Words(args);
  let file: string | undefined;
  while (words.more) {
    const word = words.next();
    if (matches(word, 'file')) file = words.next();
    else if (matches(word, 'help')) {
      await put(USAGE);
      return EXIT.ok;
    } else throw new UsageError(`Argument "${word}" is unknown, try "cofferdam tc monitor help".`);
  }
  const { netns, timeout, receiveBuffer } = options;
  await using rt = await RouteSocket.open({
    ...(netns !== undefined && { netns }),
    ...(timeout !== undefined && { timeout }),
  });
  const links = new MonitorLinks(rt);
  const desk = await tcDesk({ ...showContext(rt, options), linkNames: async () => links });
  const tell = async (messages: readonly NetlinkMessage[]) => {
    for (const message of messages) await put(await textOf(message, desk, links, options));
  };
  if (file !== undefined) {
    for await (const messages of readRecording(file)) await tell(messages);
    return EXIT.ok;
  }
  await using monitor = await rt.monitor([TC_GROUP], {
    raw: true,
    ...(receiveBuffer !== undefined && { receiveBuffer }),
  });
  using _signals = endsOnSignal(() => monitor.close());
  for await (const batch of monitor.batches()) {
    await tell(batch.flatMap((event) => (event.type === 'message' ? [event.message] : [])));
    if (batch.some((event) => event.type === 'overrun'))
      process.stderr.write(
        'cofferdam: news were lost: the receive buffer was full, -rc BYTES sets its size\n',
      );
  }
  return EXIT.ok;
}

/** What is no news of traffic control, or cannot be read, is told on stderr by what it claims to be. */
async function textOf(
  message: NetlinkMessage,
  desk: TcDesk,
  links: MonitorLinks,
  { json, timestamp }: GlobalOptions,
): Promise<string> {
  const { type, flags, payload } = message;
  const printer = PRINTERS.get(type);
  let sheet: Sheet | undefined;
  try {
    sheet = printer?.print(message, desk);
    // A name that was not known takes a request; then it is.
    if (await links.find()) sheet = printer?.print(message, desk);
  } catch (error) {
    if (!(error instanceof WireError || error instanceof RangeError)) throw error;
  }
  const time = timestamp === 0 ? '' : arrivalTime(now(), timestamp > 1);
  if (printer === undefined || sheet === undefined) {
    const length = String(payload.length + 16).padStart(8, '0');
    const [kind, bits] = [type, flags].map((value) => value.toString(16).padStart(8, '0'));
    process.stderr.write(`Unknown message: length ${length} type ${kind} flags ${bits}\n`);
    return json ? '' : time;
  }
  if (!json) return time + sheet.text;
  const what = DELETIONS.has(type) ? 'del' : 'new';
  return `${formatJson({ type: what, object: printer.object, value: sheet.json })}\n`;
}
