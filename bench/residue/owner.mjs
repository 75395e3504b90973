// An owner of disposable systems: makes one after the other, each with ten processes, until it is killed.
//
//     owner.mjs DIST GROUP MARK
const [dist, group, mark] = process.argv.slice(2);
const { System } = await import(dist);
let going = true;
process.on('SIGUSR1', () => {
  going = false;
});
for (let number = 0; going; number++) {
  let box;
  try {
    box = await System.create({ name: `box-${number}${mark}`, group, lifecycle: { timeout: 60 } });
    await Promise.all(
      Array.from({ length: 10 }, () => box.start(['setsid', 'sleep', mark], { stdio: 'ignore' })),
    );
    if (number === 0) console.log('ready');
    await box.stop({ gracePeriod: 0 });
  } catch (error) {
    // A beginning is nobody's end.
    if (number === 0 && box === undefined) console.error(error);
    // The supervisor was killed.
    if (
      error?.code === 'ERR_COFFERDAM_SUPERVISOR' ||
      box?.end?.reason === 'supervisor' ||
      error?.code === 'EPIPE'
    )
      break;
    if (error?.code === 'ESRCH' || error?.code === 'ECONNRESET') break;
    throw error;
  }
  if (box.end?.reason === 'supervisor') break;
}
