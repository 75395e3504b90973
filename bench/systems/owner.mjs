// An owner of one disposable system with ten processes, which waits to be killed.
//
//     owner.mjs DIST GROUP
const [dist, group] = process.argv.slice(2);
const { System } = await import(dist);
const box = await System.create({ name: 'owned', group });
await Promise.all(Array.from({ length: 10 }, () => box.start(['sleep', '1000'], { stdio: 'ignore' })));
console.log('ready');
setInterval(() => {}, 1000);
