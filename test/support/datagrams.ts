/** A command that sends so many UDP datagrams of so many bytes to port 9, to be run where they shall come from. */
export function sendDatagrams(count: number, bytes: number, address: string): [string, ...string[]] {
  const source = `const socket = require('node:dgram').createSocket('udp4');
    let left = ${count};
    for (let i = 0; i < ${count}; i++)
      socket.send(Buffer.alloc(${bytes}), 9, '${address}', () => --left === 0 && socket.close());`;
  return [process.execPath, '-e', source];
}
