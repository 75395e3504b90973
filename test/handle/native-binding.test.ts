import { describe, expect, it } from 'vitest';
import { loadBinding, packageRoot, packageVersion } from '../../src/handle/index.ts';
import { compiledUrl, runModule } from '../support/compiled.ts';

const attempt = `
  import { loadBinding } from ${JSON.stringify(compiledUrl('handle/index.js'))};
  try {
    loadBinding();
    console.log('loaded');
  } catch (error) {
    console.log(error.code + '\\n' + error.message);
  }
`;

describe('loadBinding()', () => {
  it('loads once, and the version is the package version', () => {
    expect(loadBinding()).toBe(loadBinding());
    expect(loadBinding().version).toBe(packageVersion());
    expect(packageVersion()).toMatch(/^\d+\.\d+\.\d+/);
    expect(packageRoot()).not.toContain('node_modules');
  });

  it('says what to do where COFFERDAM_ADDON leads nowhere', async () => {
    const child = await runModule(attempt, { env: { COFFERDAM_ADDON: '/nonexistent/cofferdam.node' } });
    expect(child.stdout).toMatch(
      /^ERR_COFFERDAM_ADDON\nthe native addon could not be loaded from COFFERDAM_ADDON=/,
    );
    expect(child.stdout).toContain('What helps:');
    expect(child.stdout).toContain('unset COFFERDAM_ADDON');
  });

  it('says what to do where the addon is of another build', async () => {
    // A file that is no ELF at all stands for one of another platform.
    const child = await runModule(attempt, { env: { COFFERDAM_ADDON: '/etc/passwd' } });
    expect(child.stdout).toMatch(/^ERR_COFFERDAM_ADDON\n/);
  });

  it('prefers what COFFERDAM_ADDON names', async () => {
    const child = await runModule(
      `import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
       import { tmpdir } from 'node:os';
       const directory = mkdtempSync(tmpdir() + '/cofferdam-addon-');
       process.env.COFFERDAM_ADDON = directory + '/fake.cjs';
       writeFileSync(process.env.COFFERDAM_ADDON, "module.exports = { version: '0.0.1-stale' };");
       const { loadBinding } = await import(${JSON.stringify(compiledUrl('handle/index.js'))});
       try { loadBinding(); } catch (error) { console.log(error.code + '\\n' + error.message); }
       rmSync(directory, { recursive: true });`,
    );
    expect(child.stdout).toMatch(
      /^ERR_COFFERDAM_ADDON\nthe native addon is version 0\.0\.1-stale, the package/,
    );
    expect(child.stdout).toContain('npm rebuild cofferdam');
  });
});
