/** Namespaces to filter in, and what `nft` says of them. */
import { existsSync } from 'node:fs';
import type { TestContext } from 'vitest';
import { Netns } from '../../src/netns/index.ts';
import { NftablesSocket, type NftablesSocketOptions } from '../../src/nftables/socket.ts';
import { outputOf } from '../process/support.ts';
import { skip } from '../support/needs.ts';

export interface NftWorld extends AsyncDisposable {
  readonly netns: Netns;
  readonly nft: NftablesSocket;
  open(options?: NftablesSocketOptions): Promise<NftablesSocket>;
}

export async function openNft(): Promise<NftWorld> {
  const netns = await Netns.create();
  const opened: NftablesSocket[] = [];
  const open = async (options: NftablesSocketOptions = {}) => {
    const socket = await NftablesSocket.open({ netns, ...options });
    opened.push(socket);
    return socket;
  };
  const nft = await open();
  return {
    netns,
    nft,
    open,
    async [Symbol.asyncDispose]() {
      for (const one of opened) one.close();
      await Promise.all(opened.map((one) => one.closed));
      netns.close();
      await netns.closed;
    },
  };
}

const PATHS = ['/usr/sbin/nft', '/sbin/nft', '/usr/bin/nft'];

/** Skips the test, and says why, where there is no `nft` to compare with. */
export function needsNft(context: TestContext): void {
  if (PATHS.some((path) => existsSync(path))) return;
  skip(context, 'the program nft: apt-get install nftables');
}

/** What `nft` makes of the rules in a namespace. */
export async function ruleset(netns: Netns): Promise<string> {
  const { output, exit } = await outputOf(['nft', 'list', 'ruleset'], { netns });
  if (exit.reason !== 'exited' || exit.exitCode !== 0) throw new Error(`nft failed: ${JSON.stringify(exit)}`);
  return output;
}

/** Has `nft` read rules in a namespace. */
export async function load(netns: Netns, text: string): Promise<void> {
  const { exit } = await outputOf(['nft', text], { netns });
  if (exit.reason !== 'exited' || exit.exitCode !== 0) throw new Error(`nft failed: ${JSON.stringify(exit)}`);
}
