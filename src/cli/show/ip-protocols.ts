import { readFileSync } from 'node:fs';

/** /etc/protocols, protocols(5): the first name of a number, as getprotobynumber(3) has it, and numbers by any name. */
export interface IpProtocols {
  nameOf(number: number): string | undefined;
  numberOf(word: string): number | undefined;
}

export function readIpProtocols(path = '/etc/protocols'): IpProtocols {
  const byNumber = new Map<number, string>();
  const byName = new Map<string, number>();
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    // Without the file there are numbers only, as for getprotobynumber(3).
  }
  for (const line of text.split('\n')) {
    const [name, digits, ...aliases] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (name === undefined || digits === undefined || !/^\d+$/.test(digits)) continue;
    const number = Number(digits);
    if (!byNumber.has(number)) byNumber.set(number, name);
    for (const word of [name, ...aliases]) if (!byName.has(word)) byName.set(word, number);
  }
  return {
    nameOf: (number) => byNumber.get(number),
    numberOf: (word) => (/^\d+$/.test(word) && Number(word) < 256 ? Number(word) : byName.get(word)),
  };
}
