// findings.mjs FILE...: prints what the sanitizers' reports say about us; exit code 1 if there is anything.
//
// node leaves allocations behind at exit, and so do the addons of the tools that run our tests: V8 keeps their
// pointers in pages that LeakSanitizer does not scan. A suppression such as `leak:v8::internal` would hide our own
// leaks with them, because every call into the addon has V8 in its stack. So the other way round: of a leak report
// those blocks count that have a frame of ours. Reports of any other kind count whole.
import { readFileSync } from 'node:fs';

// A frame in a source of native/, or, without debug information, in the addon's file. node-addon-api's headers are
// inlined into our functions and bring a frame of ours with them.
const OURS = /(?:\/native\/(?:kernel|addon)\/[\w.]+:\d+|\(\S*cofferdam\.node\+0x)/;

// The first frame below the allocator: a page's bookkeeping, not something handed to the caller. What Node-API
// allocates on our behalf comes from v8impl::, and counts.
const HEAP_OF_V8 = /^ +#1 0x[0-9a-f]+ in [^\n]*\bv8::internal::/m;

// A thread that ended or slept too deeply while LeakSanitizer looked for it: no finding. If a leak was reported because of
// it, that report stands by itself.
const REMARK = /^==\d+==Running thread \d+ was not suspended\. False leaks are possible\.\n?/gm;

let findings = 0;
let foreign = 0;
for (const file of process.argv.slice(2)) {
  const report = readFileSync(file, 'utf8').replace(REMARK, '');
  if (report.trim() === '') continue;
  if (!report.includes('LeakSanitizer: detected memory leaks')) {
    findings += 1;
    process.stdout.write(`${report}\n`);
    continue;
  }
  // Blocks are paragraphs, the first of which is the heading.
  for (const block of report.split(/\n\n+/)) {
    if (!/^(?:Direct|Indirect) leak of /.test(block)) continue;
    if (OURS.test(block) && !HEAP_OF_V8.test(block)) {
      findings += 1;
      process.stdout.write(`LeakSanitizer: ${block}\n\n`);
    } else {
      foreign += 1;
    }
  }
}
console.log(`sanitizers: ${findings} finding(s); ${foreign} leak(s) of node's own`);
process.exit(findings > 0 ? 1 : 0);
