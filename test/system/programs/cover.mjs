// Run as root of a root of its own, whose files may be changed: makes secrets, and says what systems see of them. One line of
// JSON: what each script said.
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';

const [, , library, group] = process.argv;
const { System } = await import(library);
let count = 0;
const make = () => System.create({ name: `cover-${++count}`, group });

async function said(box, script) {
  const command = await box.start(['sh', '-c', `{ ${script}; } 2>&1`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output = await text(command.stdout);
  await command.wait({ timeout: 20_000 });
  return output.trim();
}

function secret(directory) {
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${directory}/key`, 'secret');
}

secret('/etc/wireguard');
secret('/usr/share/cofferdam-keys');
symlinkSync('/usr/share/cofferdam-keys', '/etc/swanctl');
chmodSync('/etc', 0o711);
writeFileSync('/etc/cofferdam-beside', 'beside');
const box = await make();
const results = {
  there: await said(box, 'cat /etc/wireguard/key'),
  made: await said(
    box,
    'mkdir /etc/wireguard && ls -A /etc/wireguard && rmdir /etc/wireguard; cat /etc/wireguard/key',
  ),
  linked: await said(box, 'cat /etc/swanctl/key; cat /usr/share/cofferdam-keys/key'),
  beside: await said(box, 'stat -c %a /etc; cat /etc/cofferdam-beside'),
  part: await said(box, 'stat -c "%a %u %g" /var/part'),
  devices: await said(box, 'echo x > /dev/null && head -c 3 /dev/zero | od -An -tx1'),
  own: await said(box, 'stat -c "%F %a" /dev/null /tmp /root /proc /dev/shm'),
  empty: await said(box, 'ls -A /var/log /home /tmp | grep -v :'),
};
secret('/etc/rancher');
secret('/var/lib/samba/private');
const next = await make();
results.later = await said(box, 'cat /etc/rancher/key; cat /var/lib/samba/private/key');
// Of the same cover, made before they were there.
results.next = await said(next, 'cat /etc/rancher/key; cat /var/lib/samba/private/key');
await box.stop({ gracePeriod: 0 });
await next.stop({ gracePeriod: 0 });
console.log(JSON.stringify(results));
